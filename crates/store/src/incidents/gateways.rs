//! Who relayed somebody else's incident, and what was said when cancelling.

use mayday_core::ids::{IncidentId, UserId};
use mayday_core::sos::Incident;
use mayday_core::time::Timestamp;
use serde_json::{Map, Value};

use super::reports::MAX_REPORTED_POINTS;
use crate::args;
use crate::error::StoreError;
use crate::sql::Sql;
use crate::tx::Tx;

static NOTE: Sql = Sql::new(
    "INSERT INTO incident_gateways (incident_id, user_id, first_at) VALUES ($1, $2, $3)
     ON CONFLICT (incident_id, user_id) DO NOTHING",
);
static OTHERS: Sql = Sql::new(
    "SELECT 1 FROM incident_reports
     WHERE incident_id = $1 AND user_id IS DISTINCT FROM $2 LIMIT 1",
);
static NOTE_CANCEL: Sql = Sql::new(
    "INSERT INTO incident_cancels (incident_id, user_id, effective, body, at)
     VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (incident_id, user_id) DO UPDATE SET effective = excluded.effective,
        body = excluded.body, at = excluded.at",
);
static CANCELS: Sql = Sql::new(
    "SELECT user_id, effective, body, at FROM incident_cancels WHERE incident_id = $1
     ORDER BY at, user_id LIMIT $2",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&NOTE, &OTHERS, &NOTE_CANCEL, &CANCELS];

/// Most records of requests to cancel that one read returns.
const CANCELS_LIMIT: i64 = 1_000;

/// What a user said when cancelling an incident, lastly.
#[derive(Clone, Debug, PartialEq)]
pub struct CancelRecord {
    /// Who asked.
    pub by: UserId,
    /// Whether it ended the incident.
    pub effective: bool,
    /// The body, without any PIN.
    pub said: Value,
    /// When.
    pub at: Timestamp,
}

/// Who asked to cancel an incident, the earliest first.
pub async fn recorded_cancels(
    tx: &mut Tx<'_>,
    incident: IncidentId,
) -> Result<Vec<CancelRecord>, StoreError> {
    let rows = tx
        .fetch_all(&CANCELS, args![incident, CANCELS_LIMIT])
        .await?;
    rows.iter()
        .map(|row| {
            Ok(CancelRecord {
                by: row.get(0)?,
                effective: row.get(1)?,
                said: row.get(2)?,
                at: row.get(3)?,
            })
        })
        .collect()
}

/// Notes that a user relayed an incident.
pub(super) async fn note(
    tx: &mut Tx<'_>,
    incident: IncidentId,
    gateway: UserId,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(&NOTE, args![incident, gateway, now]).await?;
    Ok(())
}

/// Whether nobody but this gateway has spoken in an incident: then it may take back
/// what it relayed. Once its owner or another gateway cried for help in it, whoever
/// names the device could otherwise relay a cry and silence theirs with the next
/// request.
pub(super) async fn alone_relayed(
    tx: &mut Tx<'_>,
    incident: &Incident,
    gateway: UserId,
) -> Result<bool, StoreError> {
    // Of so many triggers some are forgotten, and with them who sent them.
    if i64::from(incident.triggers) > MAX_REPORTED_POINTS {
        return Ok(false);
    }
    let values = args![incident.id, gateway];
    let others = tx.fetch_optional(&OTHERS, values).await?;
    Ok(others.is_none())
}

/// Records what a user said when cancelling, the latest time; `effective`:
/// it ended the incident.
pub(super) async fn note_cancel(
    tx: &mut Tx<'_>,
    incident: IncidentId,
    by: UserId,
    effective: bool,
    body: &Map<String, Value>,
) -> Result<(), StoreError> {
    let text = serde_json::to_string(body).unwrap_or_default();
    let now = tx.now();
    tx.execute_one(&NOTE_CANCEL, args![incident, by, effective, &text, now])
        .await
}
