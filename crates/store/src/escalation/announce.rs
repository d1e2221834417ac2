//! Tells everybody that an actuator moved: the snapshot in the incident's row, and
//! the event that carries it (contract: Escalation, Snapshot).

use mayday_core::escalation::{
    Attempt, AttemptState, ContactEntry, ContactFacts, Item, Purpose, Snapshot,
};
use mayday_core::event::EventType;
use mayday_core::ids::ContactId;
use mayday_core::notification::NotificationType;
use mayday_core::sos::{Incident, event_body};
use mayday_core::time::Timestamp;
use serde::Deserialize as _;
use serde_json::{Map, Value};

use super::attempts::AttemptRow;
use super::known::Shown;
use crate::error::StoreError;
use crate::events::{self, NewEvent};
use crate::incidents::row;
use crate::tx::Tx;
use crate::webhooks;

/// Writes the incident with the snapshot as it is now, and the event that says so.
pub(super) async fn moved(
    tx: &mut Tx<'_>,
    incident: &mut Incident,
    known: &Shown,
) -> Result<(), StoreError> {
    if !incident.state.is_open() {
        return moved_after_the_end(tx, incident, known).await;
    }
    let before = incident.snapshot_version;
    let now = tx.now();
    incident.actuators_moved(now);
    show(incident, known)?;
    row::update(tx, incident, before).await?;
    say(tx, incident, EventType::ActuatorUpdate, Map::new()).await
}

/// What was on its way when the incident ended stands in its history as it came to be;
/// an all-clear does not. The incident has said its last event: who reads it again finds
/// a higher version.
async fn moved_after_the_end(
    tx: &mut Tx<'_>,
    incident: &mut Incident,
    known: &Shown,
) -> Result<(), StoreError> {
    let Some(contacts) = contacts_of_the_end(incident, known) else {
        return Ok(());
    };
    let (before, shown) = (incident.snapshot_version, incident.actuators.items.clone());
    put(incident, contacts, known)?;
    if incident.actuators.items == shown {
        return Ok(());
    }
    let now = tx.now();
    incident.actuators_moved(now);
    row::update(tx, incident, before).await
}

/// The contacts as they were shown at the end, each as far as its messages got since:
/// what becomes of the list later is no part of the incident. `None`: nothing was shown.
fn contacts_of_the_end(incident: &Incident, known: &Shown) -> Option<Vec<ContactEntry>> {
    let cries = known.attempts().iter();
    let cries = cries.filter(|attempt| attempt.key.purpose != Purpose::AllClear);
    let cries: Vec<Attempt> = cries.copied().collect();
    let mut items = incident.actuators.items.iter();
    let contacts = items.find_map(|item| item.get("contacts"))?;
    let shown = Vec::<ContactEntry>::deserialize(contacts).ok()?;
    let entries = shown.iter().map(|entry| {
        let facts = ContactFacts {
            id: entry.contact_id,
            name: &entry.name,
            phone: &entry.phone,
            email: &entry.email,
            acknowledged_at: entry.acknowledged_at,
            since: entry.updated_at,
        };
        ContactEntry::new(&facts, &cries)
    });
    Some(entries.collect())
}

/// Puts the snapshot into the incident, which the caller writes.
pub(super) fn show(incident: &mut Incident, known: &Shown) -> Result<(), StoreError> {
    let contacts = contacts(incident, known);
    put(incident, contacts, known)
}

fn put(
    incident: &mut Incident,
    contacts: Vec<ContactEntry>,
    known: &Shown,
) -> Result<(), StoreError> {
    let contacts = Item::contacts(contacts, incident.created_at);
    let snapshot = Snapshot {
        snapshot_version: incident.snapshot_version,
        items: [vec![contacts], known.others.clone()].concat(),
    };
    incident.actuators = snapshot
        .into_actuators()
        .map_err(|error| StoreError::column(0, error.to_string()))?;
    Ok(())
}

/// Tells of an event of an incident that the caller has written. `more` joins what
/// every event says.
pub(super) async fn say(
    tx: &mut Tx<'_>,
    incident: &Incident,
    kind: EventType,
    more: Map<String, Value>,
) -> Result<(), StoreError> {
    let mut body = event_body(incident, tx.now(), None);
    body.extend(more);
    let new = NewEvent {
        incident: incident.id,
        kind,
        snapshot_version: incident.snapshot_version,
        body,
        by: None,
    };
    events::tell(tx, incident, new).await
}

/// Tells partners of a message to a contact: that it is due, or that it failed.
pub(super) async fn notify(
    tx: &mut Tx<'_>,
    incident: &Incident,
    kind: NotificationType,
    row: &AttemptRow,
) -> Result<(), StoreError> {
    let key = row.attempt.key;
    if key.purpose == Purpose::AllClear {
        return Ok(());
    }
    let mut more = Map::new();
    more.insert("contactId".to_owned(), key.contact.to_string().into());
    more.insert("channel".to_owned(), key.channel.as_str().into());
    more.insert("error".to_owned(), row.error.clone().into());
    webhooks::tell(tx, incident, kind, more).await
}

/// Tells partners of an attempt that failed, if it did.
pub(super) async fn failed(
    tx: &mut Tx<'_>,
    incident: &Incident,
    row: &AttemptRow,
) -> Result<(), StoreError> {
    if row.attempt.state != AttemptState::Failed {
        return Ok(());
    }
    notify(tx, incident, NotificationType::SosDeliveryFailed, row).await
}

/// The contacts by priority, then those who were told and are not listed any more.
fn contacts(incident: &Incident, known: &Shown) -> Vec<ContactEntry> {
    let answered = |contact: ContactId| {
        let own = known
            .acknowledgements
            .iter()
            .filter(|said| said.contact == Some(contact) && said.stands(&known.declines));
        own.map(|said| said.at).max()
    };
    // Help that is taken back is news: what is shown of the contact is as new as that.
    let since = |contact: ContactId, listed: Timestamp| {
        let own = known.declines.iter().filter(|no| no.contact == contact);
        own.map(|no| no.at).fold(listed, Timestamp::max)
    };
    let mut entries: Vec<ContactEntry> = known
        .contacts
        .iter()
        .map(|contact| {
            let facts = ContactFacts {
                id: contact.id,
                name: &contact.name,
                phone: &contact.phone,
                email: &contact.email,
                acknowledged_at: answered(contact.id),
                since: since(contact.id, contact.created_at.max(incident.created_at)),
            };
            ContactEntry::new(&facts, known.attempts())
        })
        .collect();
    for row in &known.rows {
        let contact = row.attempt.key.contact;
        if entries.iter().any(|entry| entry.contact_id == contact) {
            continue;
        }
        let of = |email: bool| {
            let own = known.rows.iter().filter(|other| {
                let key = other.attempt.key;
                key.contact == contact && (key.channel.as_str() == "email") == email
            });
            own.map(|row| row.address.as_str()).next().unwrap_or("")
        };
        let facts = ContactFacts {
            id: contact,
            name: &row.name,
            phone: of(false),
            email: of(true),
            acknowledged_at: answered(contact),
            since: since(contact, row.attempt.scheduled_at),
        };
        entries.push(ContactEntry::new(&facts, known.attempts()));
    }
    entries
}
