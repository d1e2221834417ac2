//! Tells everybody that an actuator moved: the snapshot in the incident's row, and
//! the event that carries it (contract: Escalation, Snapshot).

use mayday_core::escalation::{AttemptState, ContactEntry, ContactFacts, Item, Purpose, Snapshot};
use mayday_core::event::EventType;
use mayday_core::ids::ContactId;
use mayday_core::notification::NotificationType;
use mayday_core::sos::{Incident, event_body};
use serde_json::{Map, Value};

use super::attempts::AttemptRow;
use super::known::Shown;
use crate::error::StoreError;
use crate::events::{self, NewEvent};
use crate::incidents::row;
use crate::tx::Tx;
use crate::webhooks;

/// Writes the incident with the snapshot as it is now, and the event that says so.
///
/// An ended incident has said its last event, and a snapshot never differs from another
/// of the same version: what still moves, the all-clear, is in the attempts alone.
pub(super) async fn moved(
    tx: &mut Tx<'_>,
    incident: &mut Incident,
    known: &Shown,
) -> Result<(), StoreError> {
    if !incident.state.is_open() {
        return Ok(());
    }
    let before = incident.snapshot_version;
    let now = tx.now();
    incident.actuators_moved(now);
    show(incident, known)?;
    row::update(tx, incident, before).await?;
    say(tx, incident, EventType::ActuatorUpdate, Map::new()).await
}

/// Puts the snapshot into the incident, which the caller writes.
pub(super) fn show(incident: &mut Incident, known: &Shown) -> Result<(), StoreError> {
    let contacts = Item::contacts(contacts(incident, known), incident.created_at);
    let snapshot = Snapshot {
        snapshot_version: incident.snapshot_version,
        items: [vec![contacts], known.others.clone()].concat(),
    };
    incident.actuators = snapshot
        .into_actuators()
        .map_err(|error| StoreError::column(0, error.to_string()))?;
    Ok(())
}

/// Numbers and stores an event of an incident that the caller has written. `more`
/// joins what every event says. A drill never appears among a user's events
/// (contract: Escalation).
pub(super) async fn say(
    tx: &mut Tx<'_>,
    incident: &Incident,
    kind: EventType,
    more: Map<String, Value>,
) -> Result<(), StoreError> {
    if incident.drill {
        return Ok(());
    }
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
            .filter(|said| said.contact == Some(contact));
        own.map(|said| said.at).max()
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
                since: contact.created_at.max(incident.created_at),
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
            since: row.attempt.scheduled_at,
        };
        entries.push(ContactEntry::new(&facts, known.attempts()));
    }
    entries
}
