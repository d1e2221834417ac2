//! Lets go of what is written about SOS and is no longer asked for: the events of
//! incidents that ended long ago but for the last of each, closed alerts, settled
//! unattributed SOS, the bodies of all of those, and counts of past hours. Incidents
//! themselves stay.

use std::time::Duration;

use mayday_core::ids::IncidentId;

use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::sql::Sql;
use crate::tx::Tx;
use crate::{alerts, events, pumping, unattributed};

/// How long all events of an incident are kept after its end.
pub const EVENTS_KEPT: Duration = Duration::from_hours(30 * 24);
/// How long an alert is kept after it was closed, an unattributed SOS after it was
/// settled, and its body after its receipt.
pub const RECORDS_KEPT: Duration = Duration::from_hours(90 * 24);

/// Most incidents that one [`PruneSosRecords`] looks at.
const INCIDENTS: i64 = 20;
/// Most rows of one kind that it changes; of events, per incident.
const ROWS: i64 = 200;

static DUE: Sql = Sql::new(
    "SELECT id FROM incidents WHERE state IN ('resolved', 'cancelled') AND NOT events_pruned
     AND updated_at <= $1 ORDER BY updated_at LIMIT $2",
);
static DONE: Sql = Sql::new("UPDATE incidents SET events_pruned = $2 WHERE id = $1");

pub(crate) const STATEMENTS: &[&Sql] = &[&DUE, &DONE];

/// One bounded step. Output: how many rows went or changed, incidents that are
/// done with included; call again while it is not 0.
#[derive(Clone, Copy, Debug)]
pub struct PruneSosRecords;

impl Command for PruneSosRecords {
    type Output = u64;
    const NAME: &'static str = "sos.prune_records";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64, StoreError> {
        let now = tx.now();
        let ended = args![now.minus(EVENTS_KEPT), INCIDENTS];
        let due = tx.fetch_all(&DUE, ended).await?;
        let before = now.minus(RECORDS_KEPT);
        let mut changed = alerts::prune(tx, before, ROWS).await?;
        changed += unattributed::forget_bodies(tx, before, ROWS).await?;
        changed += unattributed::prune(tx, before, ROWS).await?;
        changed += pumping::prune(tx, ROWS).await?;
        for row in &due {
            let incident: IncidentId = row.get(0)?;
            let gone = events::prune(tx, incident, ROWS).await?;
            changed += gone;
            // Each incident leaves the list in the end, so each step gets on.
            if gone == 0 {
                changed += tx.execute(&DONE, args![incident, true]).await?;
            }
        }
        Ok(changed)
    }
}
