//! What must be true of the state, whichever database holds it.

use mayday_core::ids::{IncidentId, UserId};
use uuid::Uuid;

use super::CheckReport;
use crate::args;
use crate::error::StoreError;
use crate::incidents::EVENTS_KEPT;
use crate::secrets::Sealed;
use crate::secrets::columns::SEALED;
use crate::sql::Sql;
use crate::tx::Tx;

/// Cases of one kind that are told.
const MAX_TOLD: u32 = 20;
/// Sealed values opened at a time.
const PAGE_ROWS: u32 = 500;

static TWO_OPEN: Sql = Sql::new(
    "SELECT user_id, COUNT(*) FROM incidents
     WHERE state IN ('active', 'acknowledged') AND NOT drill AND NOT hidden
     GROUP BY user_id HAVING COUNT(*) > 1 LIMIT $1",
);
// The newest event of a user is never pruned. That of one who is being erased goes
// first, and the row may stay.
static NUMBERS: Sql = Sql::new(
    "SELECT u.id, u.event_seq, COALESCE(MAX(e.seq), 0) FROM users u
     LEFT JOIN events e ON e.user_id = u.id
     WHERE u.erased_at IS NULL
     GROUP BY u.id, u.event_seq HAVING u.event_seq <> COALESCE(MAX(e.seq), 0) LIMIT $1",
);
// The events of incidents that ended long ago are pruned but for the last; drills and
// what is hidden have none.
static GAPS: Sql = Sql::new(
    "SELECT i.id, i.snapshot_version, (SELECT COUNT(*) FROM events e WHERE e.incident_id = i.id)
     FROM incidents i JOIN users u ON u.id = i.user_id
     WHERE u.erased_at IS NULL AND (i.state IN ('active', 'acknowledged') OR i.updated_at > $1)
       AND NOT i.events_pruned AND NOT i.drill AND NOT i.hidden
       AND i.snapshot_version <> (SELECT COUNT(*) FROM events e WHERE e.incident_id = i.id)
     LIMIT $2",
);
static UNKNOWN_JOBS: Sql = Sql::per_dialect(
    "SELECT kind, COUNT(*) FROM jobs WHERE kind NOT IN (SELECT value FROM json_each($1))
     GROUP BY kind LIMIT $2",
    "SELECT kind, COUNT(*) FROM jobs WHERE kind <> ALL ($1) GROUP BY kind LIMIT $2",
);
static SET_ASIDE: Sql =
    Sql::new("SELECT kind, COUNT(*) FROM jobs WHERE state = 'poison' GROUP BY kind LIMIT $1");

pub(crate) const STATEMENTS: &[&Sql] = &[&TWO_OPEN, &NUMBERS, &GAPS, &UNKNOWN_JOBS, &SET_ASIDE];

/// Asks all questions but those that need the master key.
pub(super) async fn check(
    report: &mut CheckReport,
    tx: &mut Tx<'_>,
    kinds: &[&str],
) -> Result<(), StoreError> {
    incidents(report, tx).await?;
    events(report, tx).await?;
    jobs(report, tx, kinds).await
}

async fn incidents(report: &mut CheckReport, tx: &mut Tx<'_>) -> Result<(), StoreError> {
    for row in tx.fetch_all(&TWO_OPEN, args![MAX_TOLD]).await? {
        let (user, open): (UserId, i64) = (row.get(0)?, row.get(1)?);
        report.find(
            "two_open_incidents",
            format!("the user {user} has {open} open incidents"),
            "resolve all but the newest; the index that excludes this is damaged: restore a backup",
        );
    }
    report
        .checked
        .push("incidents: at most one is open per user".to_owned());
    Ok(())
}

async fn events(report: &mut CheckReport, tx: &mut Tx<'_>) -> Result<(), StoreError> {
    for row in tx.fetch_all(&NUMBERS, args![MAX_TOLD]).await? {
        let user: UserId = row.get(0)?;
        let (counter, newest): (i64, i64) = (row.get(1)?, row.get(2)?);
        report.find(
            "event_numbers",
            format!("the user {user} was given event {counter}, and the newest is {newest}"),
            "events are missing: restore a backup, or report this if no row was changed by hand",
        );
    }
    let kept = tx.now().minus(EVENTS_KEPT);
    for row in tx.fetch_all(&GAPS, args![kept, MAX_TOLD]).await? {
        let incident: IncidentId = row.get(0)?;
        let (version, events): (i64, i64) = (row.get(1)?, row.get(2)?);
        report.find(
            "event_gap",
            format!("the incident {incident} had {version} events, and {events} are there"),
            "events are missing: restore a backup, or report this if no row was changed by hand",
        );
    }
    report
        .checked
        .push("events: numbered without a gap".to_owned());
    Ok(())
}

async fn jobs(report: &mut CheckReport, tx: &mut Tx<'_>, kinds: &[&str]) -> Result<(), StoreError> {
    let known: Vec<String> = kinds.iter().map(|kind| (*kind).to_owned()).collect();
    let rows = tx
        .fetch_all(&UNKNOWN_JOBS, args![known.as_slice(), MAX_TOLD])
        .await?;
    for row in rows {
        let (kind, count): (String, i64) = (row.get(0)?, row.get(1)?);
        report.find(
            "unknown_jobs",
            format!("{count} jobs are of the kind {kind}, which this version does not know"),
            "start the newer mayday that made them",
        );
    }
    for row in tx.fetch_all(&SET_ASIDE, args![MAX_TOLD]).await? {
        let (kind, count): (String, i64) = (row.get(0)?, row.get(1)?);
        report.find(
            "jobs_set_aside",
            format!("{count} jobs of the kind {kind} failed for good and were set aside"),
            "look for `a job was set aside` in the log, and report it",
        );
    }
    report
        .checked
        .push("jobs: known, and none set aside".to_owned());
    Ok(())
}

/// Opens every sealed value.
pub(super) async fn sealed(report: &mut CheckReport, tx: &mut Tx<'_>) -> Result<(), StoreError> {
    for column in SEALED {
        let mut after = Uuid::nil();
        let mut opened = 0_usize;
        loop {
            let rows = tx.fetch_all(&column.page, args![after, PAGE_ROWS]).await?;
            for row in &rows {
                after = row.get(0)?;
                let sealed = Sealed {
                    bytes: row.get(1)?,
                    key_id: row.get(2)?,
                };
                match tx.unseal(column.place(after), &sealed) {
                    Ok(_) => opened += 1,
                    Err(error) => report.find(
                        "sealed",
                        format!("{} {after}: {error}", column.table),
                        "retire this secret and add a new one, or restore the backup and the key that belong together",
                    ),
                }
            }
            if rows.len() < usize::try_from(PAGE_ROWS).unwrap_or(usize::MAX) {
                break;
            }
        }
        report
            .checked
            .push(format!("{}: {opened} sealed values open", column.table));
    }
    Ok(())
}
