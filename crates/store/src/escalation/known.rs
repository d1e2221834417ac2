//! What is known of an incident's escalation at one moment: everything that the
//! plan, a permit and the snapshot look at, read under the user's lock.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use mayday_core::contact::Contact;
use mayday_core::escalation::{
    Acknowledgement, Attempt, Channel, Decline, Item, Policy, Reach, Reachable, Running, Situation,
};
use mayday_core::ids::ContactId;
use mayday_core::sos::Incident;
use mayday_core::time::Timestamp;

use super::acknowledge::{self, AcknowledgementRow};
use super::attempts::{self, AttemptRow};
use super::decline;
use crate::error::StoreError;
use crate::incidents::duress;
use crate::tx::Tx;
use crate::webhooks::snapshot_items;
use crate::{drills, opt_outs, policies};

/// Says whether anything that is configured leads to an address. It must answer
/// the same whenever it is asked: commands may run again.
#[derive(Clone)]
pub struct Reaches(Arc<Says>);

type Says = dyn Fn(Channel, &str) -> bool + Send + Sync;

impl Reaches {
    /// What this function says.
    pub fn new(says: impl Fn(Channel, &str) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(says))
    }

    fn leads_to(&self, channel: Channel, address: &str) -> bool {
        (self.0)(channel, address)
    }
}

impl fmt::Debug for Reaches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reaches")
    }
}

/// What the snapshot shows of it, which is enough to tell that something moved.
pub(super) struct Shown {
    pub(super) contacts: Vec<Contact>,
    pub(super) rows: Vec<AttemptRow>,
    pub(super) acknowledgements: Vec<AcknowledgementRow>,
    pub(super) declines: Vec<Decline>,
    /// What it shows beside the contacts: partners and their channels.
    pub(super) others: Vec<Item>,
    attempts: Vec<Attempt>,
}

impl Shown {
    /// Reads it.
    pub(super) async fn read(tx: &mut Tx<'_>, incident: &Incident) -> Result<Self, StoreError> {
        let contacts = duress::asked_by(tx, incident).await?;
        let mut rows = attempts::of_incident(tx, incident.id).await?;
        number(&mut rows, &contacts);
        let acknowledgements = acknowledge::of_incident(tx, incident.id).await?;
        let declines = decline::of_incident(tx, incident.id).await?;
        let others = snapshot_items(tx, incident.id, incident.created_at).await?;
        Ok(Self {
            attempts: rows.iter().map(|row| row.attempt).collect(),
            contacts,
            rows,
            acknowledgements,
            declines,
            others: others.into(),
        })
    }

    /// After rows were changed.
    pub(super) fn renew(&mut self) {
        number(&mut self.rows, &self.contacts);
        self.attempts = self.rows.iter().map(|row| row.attempt).collect();
    }

    pub(super) fn attempts(&self) -> &[Attempt] {
        &self.attempts
    }

    /// What the plan knows of an attempt that was read again.
    pub(super) fn attempt(&self, row: &AttemptRow) -> Attempt {
        let own = self.rows.iter().find(|own| own.id == row.id);
        own.map_or(row.attempt, |own| own.attempt)
    }
}

/// See the module's documentation.
pub(super) struct Known {
    pub(super) policy: Policy,
    shown: Shown,
    reachable: Vec<Reachable>,
    /// Phones that want no more messages, also those that contacts had before.
    silent: BTreeSet<String>,
    promises: Vec<Acknowledgement>,
}

impl Deref for Known {
    type Target = Shown;

    fn deref(&self) -> &Shown {
        &self.shown
    }
}

impl DerefMut for Known {
    fn deref_mut(&mut self) -> &mut Shown {
        &mut self.shown
    }
}

impl Known {
    /// What is known of an incident that is being opened: a cry for help waits for
    /// no more than that.
    pub(super) async fn of_new(tx: &mut Tx<'_>, incident: &Incident) -> Result<Self, StoreError> {
        Ok(Self {
            policy: policies::current(tx, incident.app).await?,
            shown: Shown {
                contacts: duress::asked_by(tx, incident).await?,
                rows: Vec::new(),
                acknowledgements: Vec::new(),
                declines: Vec::new(),
                // They are told by the event that this snapshot is for.
                others: Vec::new(),
                attempts: Vec::new(),
            },
            reachable: Vec::new(),
            silent: BTreeSet::new(),
            promises: Vec::new(),
        })
    }

    /// Reads it. Without `reaches`, which only whoever sends can tell, every address
    /// counts as reachable: enough to withdraw, not to plan.
    pub(super) async fn read(
        tx: &mut Tx<'_>,
        incident: &Incident,
        reaches: Option<&Reaches>,
    ) -> Result<Self, StoreError> {
        let mut policy = policies::current(tx, incident.app).await?;
        if incident.drill && drills::gave_way(tx, incident.id).await? {
            policy.all_clear = false;
        }
        let shown = Shown::read(tx, incident).await?;
        let silent = silent(tx, &shown).await?;
        let real = policy.is_real(incident.drill);
        let closed = |contact: &Contact, channel: Channel| {
            let to = address(contact, channel);
            let refused = channel == Channel::Sms && silent.contains(to);
            real && (refused || reaches.is_some_and(|known| !known.leads_to(channel, to)))
        };
        let reachable = shown.contacts.iter().map(|contact| Reachable {
            id: contact.id,
            channels: Channel::OF_CONTACTS
                .into_iter()
                .map(|channel| Reach {
                    channel,
                    unreachable: closed(contact, channel),
                })
                .collect(),
        });
        let promises = shown.acknowledgements.iter();
        Ok(Self {
            reachable: reachable.collect(),
            promises: promises.map(AcknowledgementRow::promise).collect(),
            policy,
            shown,
            silent,
        })
    }

    /// Whether a message would go to a phone that sent STOP, whatever it says and
    /// whoever has the number by now. Calls and mails go on.
    pub(super) fn is_silent(&self, row: &AttemptRow) -> bool {
        let sms = row.attempt.key.channel == Channel::Sms;
        sms && row.real && self.silent.contains(&row.address)
    }

    pub(super) fn situation(&self, incident: &Incident, now: Timestamp) -> Situation<'_> {
        Situation {
            incident: Running {
                state: incident.state,
                opened_at: incident.created_at,
                round: incident.round,
                round_began_at: incident.round_began_at,
                ended_at: incident.cancelled_at.or(incident.resolved_at),
                drill: incident.drill,
            },
            contacts: &self.reachable,
            attempts: &self.shown.attempts,
            acknowledgements: &self.promises,
            declines: &self.shown.declines,
            now,
        }
    }
}

/// Those that want no more messages of all phones that are listed or were written to.
async fn silent(tx: &mut Tx<'_>, shown: &Shown) -> Result<BTreeSet<String>, StoreError> {
    let listed = shown.contacts.iter().map(|contact| &contact.phone);
    let written_to = |row: &&AttemptRow| row.attempt.key.channel == Channel::Sms;
    let written_to = shown.rows.iter().filter(written_to).map(|row| &row.address);
    let phones: BTreeSet<&String> = listed.chain(written_to).collect();
    let phones: Vec<String> = phones.into_iter().cloned().collect();
    opt_outs::among(tx, &phones).await
}

/// Says of each attempt which of the contact's addresses it goes to.
fn number(rows: &mut [AttemptRow], contacts: &[Contact]) {
    let mut before: Vec<(ContactId, Channel, String)> = Vec::new();
    for row in rows {
        let (contact, channel) = (row.attempt.key.contact, row.attempt.key.channel);
        let listed = contacts.iter().find(|listed| listed.id == contact);
        if listed.is_some_and(|listed| address(listed, channel) == row.address) {
            row.attempt.address = 0;
            continue;
        }
        let own = before
            .iter()
            .filter(|one| (one.0, one.1) == (contact, channel));
        let (mut count, mut known) = (0_u32, None);
        for (_, _, address) in own {
            count += 1;
            if *address == row.address {
                known = Some(count);
            }
        }
        row.attempt.address = known.unwrap_or(count + 1);
        if known.is_none() {
            before.push((contact, channel, row.address.clone()));
        }
    }
}

/// Where a contact is reached by a channel.
pub(super) fn address(contact: &Contact, channel: Channel) -> &str {
    match channel {
        Channel::Email => &contact.email,
        _ => &contact.phone,
    }
}
