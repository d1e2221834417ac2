//! Each trigger of an incident: who said what, when and where.

use mayday_core::ids::{IncidentId, UserId};
use mayday_core::sos::{Fix, TrailPoint, kept_raw};
use mayday_core::time::Timestamp;
use mayday_core::transport::Transport;

use crate::args;
use crate::error::StoreError;
use crate::sql::Sql;
use crate::tx::Tx;

/// How many triggers are kept from each end of an incident.
const KEPT_AT_EACH_END: i64 = 5_000;
/// Of how many triggers the raw body is kept, from each end.
const RAW_AT_EACH_END: i64 = 20;
/// Most positions that triggers of one incident can have left.
pub const MAX_REPORTED_POINTS: i64 = 2 * KEPT_AT_EACH_END;

static INSERT: Sql = Sql::new(
    "INSERT INTO incident_reports (incident_id, ordinal, user_id, transport, received_at,
        occurred_at, latitude, longitude, altitude, raw)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
);
static FORGET_RAW: Sql =
    Sql::new("UPDATE incident_reports SET raw = NULL WHERE incident_id = $1 AND ordinal = $2");
static FORGET: Sql =
    Sql::new("DELETE FROM incident_reports WHERE incident_id = $1 AND ordinal = $2");
static POINTS: Sql = Sql::new(
    "SELECT occurred_at, latitude, longitude, altitude FROM incident_reports
     WHERE incident_id = $1 AND latitude IS NOT NULL ORDER BY ordinal LIMIT $2",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&INSERT, &FORGET_RAW, &FORGET, &POINTS];

/// A trigger of an incident.
#[derive(Clone, Copy, Debug)]
pub(super) struct NewReport<'a> {
    pub(super) incident: IncidentId,
    /// From 1, without gaps.
    pub(super) ordinal: u32,
    pub(super) sender: UserId,
    pub(super) transport: Transport,
    pub(super) received_at: Timestamp,
    pub(super) occurred_at: Timestamp,
    pub(super) fix: Option<Fix>,
    pub(super) body: &'a [u8],
}

/// Keeps a trigger; of very many the middle ones make room.
pub(super) async fn keep(tx: &mut Tx<'_>, new: &NewReport<'_>) -> Result<(), StoreError> {
    let values = args![
        new.incident,
        new.ordinal,
        new.sender,
        new.transport.as_str(),
        new.received_at,
        new.occurred_at,
        new.fix.map(|fix| fix.latitude),
        new.fix.map(|fix| fix.longitude),
        new.fix.and_then(|fix| fix.altitude),
        kept_raw(new.body),
    ];
    tx.execute_one(&INSERT, values).await?;
    let ordinal = i64::from(new.ordinal);
    for (statement, kept) in [(&FORGET_RAW, RAW_AT_EACH_END), (&FORGET, KEPT_AT_EACH_END)] {
        let middle = ordinal - kept;
        if middle > kept {
            tx.execute(statement, args![new.incident, middle]).await?;
        }
    }
    Ok(())
}

/// The positions that the triggers of an incident brought, in the order of
/// their receipt.
pub async fn reported_trail(
    tx: &mut Tx<'_>,
    incident: IncidentId,
) -> Result<Vec<TrailPoint>, StoreError> {
    let rows = tx
        .fetch_all(&POINTS, args![incident, MAX_REPORTED_POINTS])
        .await?;
    rows.iter()
        .map(|row| {
            Ok(TrailPoint {
                occurred_at: row.get(0)?,
                latitude: row.get(1)?,
                longitude: row.get(2)?,
                altitude: row.get(3)?,
            })
        })
        .collect()
}
