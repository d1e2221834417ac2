//! The `actuators` object: what the victim's app is shown of the escalation, the
//! same over HTTP and MQTT (contract: Escalation, Snapshot).
//!
//! A contact, and an item, say how their most hopeful part stands: delivered
//! before sent, before scheduled, before failed, before skipped. One message that
//! arrived is help on its way, whatever happened to the others; `failed` is said
//! only when nothing is left to hope for. An acknowledgement counts as delivered.
//! Without parts a contact is `scheduled` (its turn has not come) and an item
//! `skipped` (there is nobody to tell).

use serde::{Deserialize, Serialize};

use super::attempt::Attempt;
use super::channel::{Channel, Outcome, Status};
use crate::ids::ContactId;
use crate::sos::Actuators;
use crate::time::Timestamp;

/// `type` and `id` of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemType {
    /// The contacts.
    EmergencyContacts,
    /// All Slack channels.
    Slack,
    /// All endpoints.
    Webhook,
}

/// A channel of a contact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChannelEntry {
    /// The channel's own word: one entry per channel.
    pub id: String,
    /// Which.
    pub channel: Channel,
    /// The number or mail address.
    pub address: String,
    /// Where it went, for a person to read; of a contact the address again.
    pub target: String,
    /// How far it got.
    pub status: Status,
    /// What that amounts to.
    pub outcome: Outcome,
    /// When that changed.
    pub updated_at: Timestamp,
    /// When the contact answered.
    pub acknowledged_at: Option<Timestamp>,
}

/// A contact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContactEntry {
    /// Who.
    pub contact_id: ContactId,
    /// The name.
    pub name: String,
    /// E.164.
    pub phone: String,
    /// The mail address.
    pub email: String,
    /// The channel that the status is of; before the first, `sms`.
    pub channel: Channel,
    /// How the most hopeful channel stands.
    pub status: Status,
    /// What that amounts to.
    pub outcome: Outcome,
    /// When anything of it changed last.
    pub updated_at: Timestamp,
    /// When the contact answered.
    pub acknowledged_at: Option<Timestamp>,
    /// Each channel that was planned.
    pub channels: Vec<ChannelEntry>,
}

/// A message to an endpoint that is no contact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// The delivery's id.
    pub id: String,
    /// `slack` or `webhook`.
    pub channel: Channel,
    /// How far it got.
    pub status: Status,
    /// What that amounts to.
    pub outcome: Outcome,
    /// When that changed.
    pub updated_at: Timestamp,
    /// When it arrived.
    pub delivered_at: Option<Timestamp>,
    /// When it failed.
    pub failed_at: Option<Timestamp>,
    /// The endpoint's name; never an address that holds a secret.
    pub target: String,
    /// Why it failed, or why the last attempt did, for a person to read.
    pub error: Option<String>,
}

/// What stands in an item: `contacts[]` or `deliveries[]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Parts {
    Contacts(Vec<ContactEntry>),
    Deliveries(Vec<Delivery>),
}

/// An actuator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    id: ItemType,
    #[serde(rename = "type")]
    actuator: ItemType,
    status: Status,
    outcome: Outcome,
    updated_at: Timestamp,
    #[serde(flatten)]
    parts: Parts,
}

/// The whole object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// The incident's snapshot version.
    pub snapshot_version: i64,
    /// One per type.
    pub items: Vec<Item>,
}

/// Who a contact is.
#[derive(Clone, Copy, Debug)]
pub struct ContactFacts<'a> {
    /// The contact.
    pub id: ContactId,
    /// The name.
    pub name: &'a str,
    /// E.164.
    pub phone: &'a str,
    /// The mail address.
    pub email: &'a str,
    /// When the contact said that they help, and did not take it back since.
    pub acknowledged_at: Option<Timestamp>,
    /// When the contact became part of the plan, or said that they cannot help.
    pub since: Timestamp,
}

impl ContactEntry {
    /// A contact as its attempts say; of several on one channel (a repeat, another
    /// round) the latest. Attempts of other contacts are passed over.
    pub fn new(facts: &ContactFacts<'_>, attempts: &[Attempt]) -> Self {
        let channels: Vec<_> = Channel::OF_CONTACTS
            .into_iter()
            .filter_map(|channel| {
                let own = |a: &&Attempt| (a.key.contact, a.key.channel) == (facts.id, channel);
                let latest = attempts.iter().filter(own).max_by_key(|a| a.scheduled_at)?;
                Some(channel_entry(facts, latest))
            })
            .collect();
        let mut best: Option<&ChannelEntry> = None;
        for entry in &channels {
            if best.is_none_or(|best| entry.status.hope() > best.status.hope()) {
                best = Some(entry);
            }
        }
        let status = match (facts.acknowledged_at, best) {
            (Some(_), _) => Status::Delivered,
            (None, Some(best)) => best.status,
            (None, None) => Status::Scheduled,
        };
        Self {
            contact_id: facts.id,
            name: facts.name.to_owned(),
            phone: facts.phone.to_owned(),
            email: facts.email.to_owned(),
            channel: best.map_or(Channel::Sms, |best| best.channel),
            status,
            outcome: status.outcome(),
            updated_at: channels
                .iter()
                .map(|entry| entry.updated_at)
                .chain(facts.acknowledged_at)
                .fold(facts.since, Timestamp::max),
            acknowledged_at: facts.acknowledged_at,
            channels,
        }
    }
}

fn channel_entry(facts: &ContactFacts<'_>, attempt: &Attempt) -> ChannelEntry {
    let channel = attempt.key.channel;
    let address = match channel {
        Channel::Email => facts.email,
        _ => facts.phone,
    };
    let status = attempt.state.status();
    let changed = attempt.settled_at.or(attempt.sent_at);
    ChannelEntry {
        id: channel.as_str().to_owned(),
        channel,
        address: address.to_owned(),
        target: address.to_owned(),
        status,
        outcome: status.outcome(),
        updated_at: changed.unwrap_or(attempt.scheduled_at),
        // The answer is to what the contact was sent.
        acknowledged_at: facts
            .acknowledged_at
            .filter(|_| attempt.may_have_gone_out()),
    }
}

impl Delivery {
    /// A delivery that nothing is known of but that it is planned.
    pub fn scheduled(id: &str, channel: Channel, target: &str, at: Timestamp) -> Self {
        Self {
            id: id.to_owned(),
            channel,
            status: Status::Scheduled,
            outcome: Outcome::Pending,
            updated_at: at,
            delivered_at: None,
            failed_at: None,
            target: target.to_owned(),
            error: None,
        }
    }

    /// Says how far it got, never backwards: what arrived has not failed.
    pub fn note(&mut self, status: Status, at: Timestamp, error: Option<&str>) -> bool {
        // Failed may still arrive; what was skipped was never sent.
        let order = |status| match status {
            Status::Scheduled => 0,
            Status::Sent => 1,
            Status::Failed => 2,
            Status::Delivered => 3,
            Status::Skipped => 4,
        };
        let skipped = status == Status::Skipped && self.status != Status::Scheduled;
        if skipped || order(status) <= order(self.status) {
            return false;
        }
        self.status = status;
        self.outcome = status.outcome();
        self.updated_at = at;
        match status {
            Status::Delivered => self.delivered_at = Some(at),
            Status::Failed => self.failed_at = Some(at),
            _ => {}
        }
        self.error = error
            .filter(|_| status == Status::Failed)
            .map(str::to_owned);
        true
    }
}

impl Item {
    /// The item of the contacts, planned at `since`.
    pub fn contacts(contacts: Vec<ContactEntry>, since: Timestamp) -> Self {
        let parts = contacts.iter().map(|c| (c.status, c.updated_at));
        let (status, updated_at) = aggregate(parts, since);
        let parts = Parts::Contacts(contacts);
        Self::new(ItemType::EmergencyContacts, status, updated_at, parts)
    }

    /// The item of the Slack channels or of the endpoints, planned at `since`.
    pub fn deliveries(actuator: ItemType, deliveries: Vec<Delivery>, since: Timestamp) -> Self {
        let parts = deliveries.iter().map(|d| (d.status, d.updated_at));
        let (status, updated_at) = aggregate(parts, since);
        Self::new(actuator, status, updated_at, Parts::Deliveries(deliveries))
    }

    const fn new(actuator: ItemType, status: Status, updated_at: Timestamp, parts: Parts) -> Self {
        Self {
            id: actuator,
            actuator,
            status,
            outcome: status.outcome(),
            updated_at,
            parts,
        }
    }
}

fn aggregate(
    parts: impl Iterator<Item = (Status, Timestamp)>,
    since: Timestamp,
) -> (Status, Timestamp) {
    let nobody = (Status::Skipped, since);
    parts.fold(nobody, |(best, latest), (status, at)| {
        let best = if status.hope() > best.hope() {
            status
        } else {
            best
        };
        (best, latest.max(at))
    })
}

impl Snapshot {
    /// As an incident keeps it.
    pub fn into_actuators(self) -> Result<Actuators, serde_json::Error> {
        let items = self.items.iter().map(serde_json::to_value);
        Ok(Actuators {
            snapshot_version: self.snapshot_version,
            items: items.collect::<Result<_, _>>()?,
        })
    }
}

#[cfg(test)]
mod tests;
