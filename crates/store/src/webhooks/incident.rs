//! What of an incident is told: its events, as they are numbered.
//!
//! Nothing is sent inside the grace window, in which a cry by mistake is taken back
//! (contract: Escalation): what happens in it becomes due at its end, and is never
//! sent when the incident ends before.

use std::collections::HashSet;

use mayday_core::escalation::Channel;
use mayday_core::event::{EventType, UserEvent};
use mayday_core::ids::{EndpointId, IncidentId, UserId};
use mayday_core::notification::NotificationType;
use mayday_core::sos::{Incident, PositionSnapshot};
use mayday_core::time::Timestamp;
use serde_json::{Map, Value, json};

use super::notify::{Listener, NewNotification, listeners, tell_these};
use super::shield;
use crate::args;
use crate::drills;
use crate::error::StoreError;
use crate::incidents;
use crate::policies;
use crate::sql::Sql;
use crate::tx::Tx;

static KIND_OF: Sql = Sql::new("SELECT drill, hidden FROM incidents WHERE id = $1");
static EXTERNAL_ID: Sql =
    Sql::new("SELECT COALESCE(known_as, external_id) FROM users WHERE id = $1");
// What was not begun and is not due yet: the grace window is not over.
static TAKE_BACK: Sql = Sql::new(
    "UPDATE webhook_deliveries SET state = 'skipped', due_at = NULL, updated_at = $2
     WHERE incident_id = $1 AND state = 'pending' AND NOT begun AND due_at > $2
     RETURNING endpoint_id",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&KIND_OF, &EXTERNAL_ID, &TAKE_BACK];

/// Who did what a notification tells of: its `by`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doer {
    /// The person whose incident it is, with their phone or device.
    Owner(UserId),
    /// Another user: a gateway that relayed it, or who was allowed to cancel it.
    Gateway(UserId),
    /// An operator, under the name that they gave.
    Operator(String),
}

impl Doer {
    /// A user who acts on the incident of `owner`.
    pub fn user(user: UserId, owner: UserId) -> Self {
        if user == owner {
            Self::Owner(user)
        } else {
            Self::Gateway(user)
        }
    }

    /// A user is named by the partner's own id.
    async fn told(&self, tx: &mut Tx<'_>) -> Result<Value, StoreError> {
        let (kind, name) = match self {
            Self::Owner(user) => ("user", external_id(tx, *user).await?),
            Self::Gateway(user) => ("gateway", external_id(tx, *user).await?),
            Self::Operator(name) => ("operator", Some(name.clone())),
        };
        Ok(json!({"kind": kind, "name": name, "contactId": null}))
    }
}

async fn external_id(tx: &mut Tx<'_>, user: UserId) -> Result<Option<String>, StoreError> {
    let row = tx.fetch_optional(&EXTERNAL_ID, args![user]).await?;
    row.map(|row| row.get(0)).transpose()
}

/// Tells of an event that was just numbered, and whose incident is written.
pub(crate) async fn tell_event(
    tx: &mut Tx<'_>,
    event: &UserEvent,
    by: Option<&Doer>,
) -> Result<(), StoreError> {
    let kind = match event.kind {
        EventType::Acknowledged => NotificationType::SosAcknowledged,
        EventType::Cancelled => NotificationType::SosCancelled,
        EventType::Resolved => NotificationType::SosResolved,
        EventType::Processed => NotificationType::SosOpened,
        EventType::Unanswered => NotificationType::SosUnanswered,
        // No notification of the contract tells of these.
        EventType::ActuatorUpdate
        | EventType::PhoneSilent
        | EventType::PhoneHeard
        | EventType::BatteryLow => return Ok(()),
    };
    let listeners = listeners(tx, event.app).await?;
    if listeners.is_empty() {
        return Ok(());
    }
    let Some(incident) = incidents::get(tx, event.incident).await? else {
        return Ok(());
    };
    let kind = match kind {
        NotificationType::SosOpened if incident.triggers > 1 => NotificationType::SosUpdated,
        other => other,
    };
    let by = match by {
        Some(doer) => doer.told(tx).await?,
        None => by_of(&event.body),
    };
    let mut more = Map::new();
    more.insert("by".to_owned(), by);
    tell_all(tx, &incident, listeners, kind, more).await
}

/// Tells of something about an incident. `more` holds what the type says beside
/// what every type about an incident says. What cannot be told does not fail the
/// command that it is a part of.
pub async fn tell(
    tx: &mut Tx<'_>,
    incident: &Incident,
    kind: NotificationType,
    more: Map<String, Value>,
) -> Result<(), StoreError> {
    let listeners = listeners(tx, incident.app).await?;
    if listeners.is_empty() {
        return Ok(());
    }
    tell_all(tx, incident, listeners, kind, more).await
}

async fn tell_all(
    tx: &mut Tx<'_>,
    incident: &Incident,
    listeners: Vec<Listener>,
    kind: NotificationType,
    more: Map<String, Value>,
) -> Result<(), StoreError> {
    shield::begin(tx).await?;
    let told = write(tx, incident, listeners, kind, more).await;
    shield::end(tx, told).await
}

async fn write(
    tx: &mut Tx<'_>,
    incident: &Incident,
    mut listeners: Vec<Listener>,
    kind: NotificationType,
    more: Map<String, Value>,
) -> Result<(), StoreError> {
    let row = tx.fetch_one(&KIND_OF, args![incident.id]).await?;
    let (drill, hidden): (bool, bool) = (row.get(0)?, row.get(1)?);
    // Under duress the partner gets the cancelled view (contract: Signature); the
    // operators' channel hears of it.
    listeners.retain(|listener| !hidden || listener.channel == Channel::Slack);
    // People who read of an all-clear while a real SOS begins may take that for over: as
    // with contacts, they hear of the end of a drill for any other reason alone.
    if drill && drills::gave_way(tx, incident.id).await? {
        listeners.retain(|listener| listener.channel != Channel::Slack);
    }
    let now = tx.now();
    let mut due_at = now;
    let policy = policies::current(tx, incident.app).await?;
    let open_until = incident.created_at.plus(policy.grace);
    if now < open_until {
        due_at = open_until;
        if !incident.state.is_open() {
            let unaware = take_back(tx, incident.id, now).await?;
            listeners.retain(|listener| !unaware.contains(&listener.id));
        }
    }
    listeners.retain(|listener| listener.wants(kind));
    let mut data = data_of(incident, kind, drill, hidden);
    let described = |name: &str| kind.fields().iter().any(|field| field.name == name);
    data.extend(more.into_iter().filter(|(name, _)| described(name)));
    let new = NewNotification {
        app: incident.app,
        user: incident.user,
        incident: Some(incident.id),
        kind,
        data,
        drill,
        due_at,
    };
    tell_these(tx, new, &listeners).await
}

/// Takes back what was not sent yet. Answers the endpoints that know nothing of
/// the incident.
async fn take_back(
    tx: &mut Tx<'_>,
    incident: IncidentId,
    now: Timestamp,
) -> Result<HashSet<EndpointId>, StoreError> {
    let rows = tx.fetch_all(&TAKE_BACK, args![incident, now]).await?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// Every field that the type has; what is not known here is null.
fn data_of(
    incident: &Incident,
    kind: NotificationType,
    drill: bool,
    hidden: bool,
) -> Map<String, Value> {
    let field = |name: &str| match name {
        "incidentId" => incident.id.to_string().into(),
        "status" => incident.state.as_str().into(),
        "position" => incident.position.as_ref().map_or(Value::Null, position),
        "deviceId" => incident.device_id.clone().into(),
        "hardwareId" => incident.hardware_id.clone().into(),
        // Whoever reads the partner's messages must not learn of the duress.
        "flags" if hidden => incident
            .flags
            .iter()
            .map(mayday_core::sos::Flag::as_str)
            .collect(),
        "flags" => incident.flags.shown().into(),
        "drill" => drill.into(),
        "snapshotVersion" => incident.snapshot_version.into(),
        _ => Value::Null,
    };
    let fields = kind.fields().iter();
    fields
        .map(|known| (known.name.to_owned(), field(known.name)))
        .collect()
}

fn position(position: &PositionSnapshot) -> Value {
    json!({
        "latitude": position.fix.latitude,
        "longitude": position.fix.longitude,
        "altitude": position.fix.altitude,
        "source": position.source.as_str(),
        "time": position.time.to_string(),
    })
}

/// Who acknowledged, as the event says.
fn by_of(event: &Map<String, Value>) -> Value {
    let Some(by) = event.get("acknowledgedBy").filter(|by| by.is_object()) else {
        return Value::Null;
    };
    let text = |name: &str| by.get(name).filter(|value| value.is_string()).cloned();
    json!({
        "kind": text("type").unwrap_or_else(|| "system".into()),
        "name": text("name"),
        "contactId": text("contactId"),
    })
}
