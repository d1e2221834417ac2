//! Judges how well prepared a user is: `readiness` of `/me`.
//!
//! Every part that a cry for help would go through is asked: the contacts, the
//! app's policy, what this node sends through and how it fares, and whether the
//! partner's server listens. Nothing is promised that would not happen.

use mayday_core::contact::Contact;
use mayday_core::escalation::{Channel, Policy};
use mayday_core::readiness::{Facts, ReachableContacts, Readiness, assess};
use mayday_store::users::CountedUser;
use mayday_store::{ReadTx, contacts, opt_outs, policies, webhooks};

use crate::senders::Senders;
use crate::{App, AppError};

impl App {
    /// How well prepared a user is now.
    pub(crate) async fn readiness(
        &self,
        tx: &mut ReadTx,
        user: &CountedUser,
    ) -> Result<Readiness, AppError> {
        let row = &user.row;
        let now = self.clock.now();
        let policy = policies::current(tx, row.app).await?;
        let fares = self.senders.health(now);
        let used: Vec<_> = fares
            .iter()
            .filter(|provider| policy.channels.contains(&provider.channel))
            .collect();
        let facts = Facts {
            contacts: self.reachable_contacts(tx, user, &policy).await?,
            phone: row.profile.phone.is_some(),
            devices: user.devices,
            mqtt_seen_at: if self.presence.is_connected(row.id) {
                Some(now)
            } else {
                row.mqtt_seen_at
            },
            // In test mode everything stays on the operator's screen.
            can_notify: policy.is_real(false) && !used.is_empty(),
            providers_failing: used.iter().all(|provider| provider.failing),
            webhooks_failing: webhooks::any_failing(tx, row.app).await?,
        };
        Ok(assess(&facts, now))
    }

    async fn reachable_contacts(
        &self,
        tx: &mut ReadTx,
        user: &CountedUser,
        policy: &Policy,
    ) -> Result<ReachableContacts, AppError> {
        if user.contacts == 0 {
            return Ok(ReachableContacts::default());
        }
        let contacts = contacts::list(tx, user.row.id).await?;
        let phones: Vec<String> = contacts.iter().map(|one| one.phone.clone()).collect();
        let stopped = opt_outs::among(tx, &phones).await?;
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
