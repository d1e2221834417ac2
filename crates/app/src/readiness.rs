//! Judges how well prepared a user is: `readiness` of `/me`.
//!
//! Every part that a cry for help would go through is asked: the contacts, the
//! app's policy, what this node sends through and how it fares, and whether the
//! partner's server listens. Nothing is promised that would not happen.
//!
//! Every start of an app asks for it: what is the same for all users of an app is
//! remembered for a few seconds, and who has no contacts costs no further question.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mayday_core::contact::Contact;
use mayday_core::escalation::{Channel, Policy};
use mayday_core::ids::AppUuid;
use mayday_core::readiness::{Facts, ReachableContacts, Readiness, assess};
use mayday_core::time::Timestamp;
use mayday_store::users::CountedUser;
use mayday_store::{contacts, opt_outs, policies, webhooks};

use crate::senders::Senders;
use crate::{App, AppError};

/// For how long what is known of an app is taken for true.
const REMEMBERED_FOR: Duration = Duration::from_secs(5);

/// What is the same for all users of an app.
#[derive(Debug)]
struct OfApp {
    policy: Policy,
    webhooks_failing: bool,
    asked_at: Timestamp,
}

/// What was asked lately, at most one entry for each app.
#[derive(Debug, Default)]
pub(crate) struct AppFacts(Mutex<HashMap<AppUuid, Arc<OfApp>>>);

impl AppFacts {
    fn known(&self, app: AppUuid, now: Timestamp) -> Option<Arc<OfApp>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known.get(&app).map(Arc::clone);
        found.filter(|facts| now.since(facts.asked_at) < REMEMBERED_FOR)
    }

    fn learn(&self, app: AppUuid, facts: OfApp) -> Arc<OfApp> {
        let facts = Arc::new(facts);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(app, Arc::clone(&facts));
        facts
    }
}

impl App {
    /// How well prepared a user is now.
    pub(crate) async fn readiness(&self, user: &CountedUser) -> Result<Readiness, AppError> {
        let row = &user.row;
        let now = self.clock.now();
        // What asks the store is boxed: each request holds the room for it, and few ask.
        let of_app = match self.ready_facts.known(row.app, now) {
            Some(known) => known,
            None => Box::pin(self.facts_of_app(row.app, now)).await?,
        };
        let policy = &of_app.policy;
        let fares = self.senders.health(now);
        let in_use: Vec<_> = fares
            .iter()
            .filter(|provider| policy.channels.contains(&provider.channel))
            .collect();
        let facts = Facts {
            contacts: match user.contacts {
                0 => ReachableContacts::default(),
                _ => Box::pin(self.reachable_contacts(user, policy)).await?,
            },
            phone: row.profile.phone.is_some(),
            devices: user.devices,
            mqtt_seen_at: if self.presence.is_connected(row.id) {
                Some(now)
            } else {
                row.mqtt_seen_at
            },
            // In test mode everything stays on the operator's screen.
            can_notify: policy.is_real(false) && !in_use.is_empty(),
            providers_failing: in_use.iter().all(|provider| provider.failing),
            webhooks_failing: of_app.webhooks_failing,
        };
        Ok(assess(&facts, now))
    }

    async fn facts_of_app(&self, app: AppUuid, now: Timestamp) -> Result<Arc<OfApp>, AppError> {
        let mut tx = self.store.read().await?;
        let facts = OfApp {
            policy: policies::current(&mut tx, app).await?,
            webhooks_failing: webhooks::any_failing(&mut tx, app).await?,
            asked_at: now,
        };
        drop(tx);
        Ok(self.ready_facts.learn(app, facts))
    }

    async fn reachable_contacts(
        &self,
        user: &CountedUser,
        policy: &Policy,
    ) -> Result<ReachableContacts, AppError> {
        let mut tx = self.store.read().await?;
        let contacts = contacts::list(&mut tx, user.row.id).await?;
        let phones: Vec<String> = contacts.iter().map(|one| one.phone.clone()).collect();
        let stopped = opt_outs::among(&mut tx, &phones).await?;
        drop(tx);
        let has_stopped = |contact: &&Contact| stopped.contains(&contact.phone);
        let unreachable = contacts
            .iter()
            .filter(|contact| !is_reached(&self.senders, policy, contact, has_stopped(contact)));
        Ok(ReachableContacts {
            all: contacts.len(),
            unreachable: unreachable.count(),
            opted_out: contacts.iter().filter(has_stopped).count(),
        })
    }
}

/// Whether any channel of the policy leads to a contact.
fn is_reached(senders: &Senders, policy: &Policy, contact: &Contact, stopped: bool) -> bool {
    policy.channels.iter().any(|channel| {
        let address = match channel {
            Channel::Sms if stopped => return false,
            Channel::Email => &contact.email,
            _ => &contact.phone,
        };
        senders.reach(*channel, address).is_ok()
    })
}
