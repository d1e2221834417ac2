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
// A hidden incident begins where the one that goes on in it began.
static POINTS: Sql = Sql::new(
    "SELECT r.occurred_at, r.latitude, r.longitude, r.altitude FROM incidents i
     JOIN incident_reports r ON r.incident_id IN (i.id, i.continues_id)
     WHERE i.id = $1 AND r.latitude IS NOT NULL ORDER BY r.ordinal LIMIT $2",
);
static BODIES: Sql = Sql::new(
    "SELECT ordinal, raw FROM incident_reports WHERE incident_id = $1 AND raw IS NOT NULL
     ORDER BY ordinal LIMIT $2",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&INSERT, &FORGET_RAW, &FORGET, &POINTS, &BODIES];

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
        if let Some(middle) = middle(ordinal, kept) {
            tx.execute(statement, args![new.incident, middle]).await?;
        }
    }
    Ok(())
}

/// Which one makes room for a new last one, when so many are kept at each end.
fn middle(newest: i64, kept: i64) -> Option<i64> {
    Some(newest - kept).filter(|oldest_of_last| *oldest_of_last > kept)
}

/// The beginnings of the bodies of an incident's triggers as they were sent, by
/// their number: the first and the last few.
pub async fn kept_bodies(
    tx: &mut Tx<'_>,
    incident: IncidentId,
) -> Result<Vec<(i64, Vec<u8>)>, StoreError> {
    let most = 2 * RAW_AT_EACH_END;
    let rows = tx.fetch_all(&BODIES, args![incident, most]).await?;
    rows.iter()
        .map(|row| Ok((row.get(0)?, row.get(1)?)))
        .collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_and_the_last_are_kept_and_the_middle_makes_room() {
        for kept in [1, 2, 20] {
            let mut left: Vec<i64> = Vec::new();
            for newest in 1..=3 * kept {
                left.push(newest);
                if let Some(gone) = middle(newest, kept) {
                    left.retain(|ordinal| *ordinal != gone);
                }
            }
            let expected: Vec<i64> = (1..=kept).chain(2 * kept + 1..=3 * kept).collect();
            assert_eq!(left, expected);
        }
    }
}
