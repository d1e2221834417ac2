//! Numbered events of users (contract: MQTT, Events; "nothing is missed").
//!
//! The number is raised under the user's row lock, hence in commit order; the
//! bus is only a hint, and whoever missed something reads `seq > last` here.

use std::sync::Arc;
use std::time::Duration;

use mayday_core::event::{EventType, UserEvent};
use mayday_core::ids::{AppUuid, EventId, IncidentId, UserId};
use mayday_core::sos::Incident;
use mayday_core::time::Timestamp;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::args;
use crate::error::StoreError;
use crate::hint::Hint;
use crate::row::Row;
use crate::sql::Sql;
use crate::tx::Tx;
use crate::webhooks::{self, Doer};

/// How long a terminal event is sent again to a new subscription.
pub const TERMINAL_REPLAY: Duration = Duration::from_mins(5);

/// Most events that one batched read returns; the reader asks again.
pub const READ_LIMIT: i64 = 1_000;

static NEXT_SEQ: Sql = Sql::new(
    "UPDATE users SET event_seq = event_seq + 1 WHERE id = $1 RETURNING event_seq, app_id",
);
static INSERT: Sql = Sql::new(
    "INSERT INTO events (id, user_id, seq, app_id, incident_id, kind, snapshot_version, \
     created_at, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
);
static READ_AFTER: Sql = Sql::new(
    "SELECT id, user_id, seq, app_id, incident_id, kind, snapshot_version, created_at, body \
     FROM events WHERE user_id = $1 AND seq > $2 ORDER BY seq LIMIT $3",
);
static READ_AFTER_MANY: Sql = Sql::per_dialect(
    "SELECT e.id, e.user_id, e.seq, e.app_id, e.incident_id, e.kind, e.snapshot_version, \
     e.created_at, e.body \
     FROM json_each($1) u JOIN json_each($2) s ON s.key = u.key \
     JOIN events e ON e.user_id = unhex(u.value) AND e.seq > s.value \
     ORDER BY e.user_id, e.seq LIMIT $3",
    "SELECT e.id, e.user_id, e.seq, e.app_id, e.incident_id, e.kind, e.snapshot_version, \
     e.created_at, e.body \
     FROM unnest($1::uuid[], $2::bigint[]) AS w (user_id, seq) \
     JOIN events e ON e.user_id = w.user_id AND e.seq > w.seq \
     ORDER BY e.user_id, e.seq LIMIT $3",
);
static LATEST: Sql = Sql::new(
    "SELECT id, user_id, seq, app_id, incident_id, kind, snapshot_version, created_at, body \
     FROM events WHERE user_id = $1 ORDER BY seq DESC LIMIT 1",
);
// The newest few: more than one connection makes while its first question is under way.
static FIRST_SINCE: Sql = Sql::new(
    "SELECT MIN(seq) FROM (SELECT seq, created_at FROM events WHERE user_id = $1 \
     ORDER BY seq DESC LIMIT 256) AS recent WHERE created_at > $2",
);
static LATEST_OF_INCIDENT: Sql = Sql::new(
    "SELECT id, user_id, seq, app_id, incident_id, kind, snapshot_version, created_at, body \
     FROM events WHERE user_id = $1 AND incident_id = $2 ORDER BY seq DESC LIMIT 1",
);
static PRUNE: Sql = Sql::new(
    "DELETE FROM events WHERE id IN
        (SELECT id FROM events WHERE incident_id = $1
           AND seq < (SELECT MAX(seq) FROM events WHERE incident_id = $1)
         ORDER BY seq LIMIT $2)",
);
static LAST_SEQ: Sql = Sql::new("SELECT event_seq FROM users WHERE id = $1");

pub(crate) const STATEMENTS: &[&Sql] = &[
    &NEXT_SEQ,
    &INSERT,
    &READ_AFTER,
    &READ_AFTER_MANY,
    &LATEST,
    &FIRST_SINCE,
    &LATEST_OF_INCIDENT,
    &PRUNE,
    &LAST_SEQ,
];

/// An event to be numbered and stored.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// The incident.
    pub incident: IncidentId,
    /// What happened.
    pub kind: EventType,
    /// The incident's counter, already raised for this event.
    pub snapshot_version: i64,
    /// The JSON object as sent. [`append`] sets `type`, `eventId`, `appId`,
    /// `incidentId` and `snapshotVersion` itself; `userId` depends on the topic
    /// and is never in it.
    pub body: Map<String, Value>,
    /// Who did it, for partners; `None`: nobody, or the body says so.
    pub by: Option<Doer>,
}

/// Numbers and stores an event of `user`, whose row the caller has locked, and
/// hints it.
pub async fn append(
    tx: &mut Tx<'_>,
    user: UserId,
    new: NewEvent,
) -> Result<Arc<UserEvent>, StoreError> {
    let next = tx.fetch_one(&NEXT_SEQ, args![user]).await?;
    let (seq, app) = (next.get::<i64>(0)?, next.get::<AppUuid>(1)?);
    let event_id = EventId::generate(tx.clock(), tx.entropy());
    let mut body = new.body;
    body.insert("type".to_owned(), new.kind.as_str().into());
    body.insert("eventId".to_owned(), event_id.to_string().into());
    body.insert("appId".to_owned(), app.to_string().into());
    body.insert("incidentId".to_owned(), new.incident.to_string().into());
    body.insert("snapshotVersion".to_owned(), new.snapshot_version.into());
    let event = UserEvent {
        user,
        seq,
        event_id,
        app,
        incident: new.incident,
        kind: new.kind,
        snapshot_version: new.snapshot_version,
        created_at: tx.now(),
        body,
    };
    let text = serde_json::to_string(&event.body)
        .map_err(|error| StoreError::column(8, error.to_string()))?;
    let values = args![
        event.event_id,
        event.user,
        event.seq,
        event.app,
        event.incident,
        event.kind.as_str(),
        event.snapshot_version,
        event.created_at,
        text.as_str(),
    ];
    tx.execute_one(&INSERT, values).await?;
    webhooks::incident::tell_event(tx, &event, new.by.as_ref()).await?;
    let event = Arc::new(event);
    tx.hint(Hint::Event(Arc::clone(&event)));
    Ok(event)
}

/// Tells of an event of an incident: to its user's phones by [`append`], unless it is
/// hidden from them, or a drill, which never appears among a user's events (contract:
/// Escalation); then it has no number and is kept nowhere, and partners alone hear of it.
pub(crate) async fn tell(
    tx: &mut Tx<'_>,
    incident: &Incident,
    new: NewEvent,
) -> Result<(), StoreError> {
    if !incident.is_hidden() && !incident.drill {
        append(tx, incident.user, new).await?;
        return Ok(());
    }
    let event = UserEvent {
        user: incident.user,
        seq: 0,
        event_id: EventId::generate(tx.clock(), tx.entropy()),
        app: incident.app,
        incident: incident.id,
        kind: new.kind,
        snapshot_version: new.snapshot_version,
        created_at: tx.now(),
        body: new.body,
    };
    webhooks::incident::tell_event(tx, &event, new.by.as_ref()).await
}

/// The number of the user's latest event; 0 before the first.
pub async fn last_seq(tx: &mut Tx<'_>, user: UserId) -> Result<i64, StoreError> {
    let row = tx.fetch_optional(&LAST_SEQ, args![user]).await?;
    row.map_or(Ok(0), |row| row.get(0))
}

/// The user's events numbered above `seq`, in order, at most `limit`.
pub async fn read_after(
    tx: &mut Tx<'_>,
    user: UserId,
    seq: i64,
    limit: i64,
) -> Result<Vec<UserEvent>, StoreError> {
    let rows = tx.fetch_all(&READ_AFTER, args![user, seq, limit]).await?;
    rows.iter().map(event_of).collect()
}

/// For many users at once: the events above each one's number, in order per
/// user, at most [`READ_LIMIT`] in all.
pub async fn read_after_many(
    tx: &mut Tx<'_>,
    wanted: &[(UserId, i64)],
) -> Result<Vec<UserEvent>, StoreError> {
    let users: Vec<Uuid> = wanted.iter().map(|(user, _)| user.uuid()).collect();
    let seqs: Vec<i64> = wanted.iter().map(|(_, seq)| *seq).collect();
    let values = args![users.as_slice(), seqs.as_slice(), READ_LIMIT];
    let rows = tx.fetch_all(&READ_AFTER_MANY, values).await?;
    rows.iter().map(event_of).collect()
}

/// What a new subscription is sent again: the latest event, when its incident
/// is open, or when it is terminal and younger than [`TERMINAL_REPLAY`].
///
/// A user has at most one open incident, so the latest event is the open one's
/// whenever one is open.
pub async fn latest_for_replay(
    tx: &mut Tx<'_>,
    user: UserId,
) -> Result<Option<UserEvent>, StoreError> {
    let now = tx.now();
    let latest = tx.fetch_optional(&LATEST, args![user]).await?;
    let latest = latest.as_ref().map(event_of).transpose()?;
    Ok(latest
        .filter(|event| !event.kind.is_terminal() || event.created_at > now.minus(TERMINAL_REPLAY)))
}

/// The number of the user's first event after a time; `None` when there is none.
pub async fn first_since(
    tx: &mut Tx<'_>,
    user: UserId,
    since: Timestamp,
) -> Result<Option<i64>, StoreError> {
    tx.fetch_one(&FIRST_SINCE, args![user, since]).await?.get(0)
}

/// The latest event of an incident.
pub async fn latest_of_incident(
    tx: &mut Tx<'_>,
    user: UserId,
    incident: IncidentId,
) -> Result<Option<UserEvent>, StoreError> {
    let row = tx
        .fetch_optional(&LATEST_OF_INCIDENT, args![user, incident])
        .await?;
    row.as_ref().map(event_of).transpose()
}

/// Removes some of an ended incident's events, the oldest first, never the last
/// one; how many. The user's count of events stays as it is.
pub(crate) async fn prune(
    tx: &mut Tx<'_>,
    incident: IncidentId,
    limit: i64,
) -> Result<u64, StoreError> {
    tx.execute(&PRUNE, args![incident, limit]).await
}

fn event_of(row: &Row) -> Result<UserEvent, StoreError> {
    let kind: String = row.get(5)?;
    let Value::Object(body) = row.get::<Value>(8)? else {
        return Err(StoreError::column(8, "not a JSON object"));
    };
    Ok(UserEvent {
        event_id: row.get(0)?,
        user: row.get(1)?,
        seq: row.get(2)?,
        app: row.get(3)?,
        incident: row.get(4)?,
        kind: EventType::parse(&kind)
            .ok_or_else(|| StoreError::column(5, "an unknown event type"))?,
        snapshot_version: row.get(6)?,
        created_at: row.get::<Timestamp>(7)?,
        body,
    })
}
