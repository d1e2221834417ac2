//! Erases everything that is stored about a user (the telemetry files aside),
//! in steps that a crash may stop anywhere.
//!
//! An erasure is *begun*: recorded, and given a job. The user is *detached* with it:
//! the row loses name and external id, connections are cut, and the person's next
//! contact makes a new user. Then *steps* delete a bounded number of rows each. Of a
//! user whose SOS goes on hidden, or whose contacts wait for an all-clear, what help
//! needs stays until that is over: the person's name and profile, the contacts, the
//! incidents with all that belongs to them, the positions; where only hidden ones are
//! waited for, other incidents, drills, notifications and links go. When a minute has passed, so
//! that whatever was under way has landed, a last round deletes that too, and the
//! erasure is *finished*: what is left says that it happened, not to whom.
//!
//! What is not deleted is the distress of others: an SOS that the user's phone
//! relayed loses the raw bytes that were sent and who sent them.

pub(crate) mod begin;
pub(crate) mod finish;
pub(crate) mod resume;
pub(crate) mod rows;
pub(crate) mod step;

use mayday_core::ids::{AppUuid, RecordId, UserId};
use mayday_core::time::Timestamp;
use serde_json::json;

pub use begin::{BeginErasure, Begun, Requester, Subject};
pub use finish::{DeferErasure, FinishErasure, Finished};
pub use resume::ResumeErasures;
pub use step::{EraseStep, Progress, SETTLE};

use crate::args;
use crate::error::StoreError;
use crate::jobs::{self, NewJob};
use crate::row::Row;
use crate::sql::Sql;
use crate::tx::Tx;

/// The kind of the job that carries an erasure on.
pub const ERASE_JOB: &str = "user_erase";

/// The version of the job's payload.
pub const ERASE_JOB_VERSION: u32 = 1;

/// Behind everything that a person waits for.
const JOB_PRIORITY: i64 = 50;

static GET: Sql = Sql::new(
    "SELECT id, app_id, requested_by, requested_at, user_id, rows_removed, completed_at
     FROM erasures WHERE id = $1",
);
static PAGE: Sql = Sql::new(
    "SELECT id, app_id, requested_by, requested_at, user_id, rows_removed, completed_at
     FROM erasures WHERE app_id = $1 ORDER BY id DESC LIMIT $2",
);
static DETACHED_AT: Sql = Sql::new("SELECT erased_at FROM users WHERE id = $1");
// Another request, or another look, finds what was set aside.
static LIVE_JOB: Sql = Sql::new(
    "SELECT 1 FROM jobs WHERE kind = $1 AND state <> 'poison'
     AND substr(key, 1, length($2)) = $2 LIMIT 1",
);
static DROP_DEAD_JOBS: Sql = Sql::new(
    "DELETE FROM jobs WHERE kind = $1 AND state = 'poison' AND substr(key, 1, length($2)) = $2",
);
static COUNTED: Sql =
    Sql::new("UPDATE erasures SET rows_removed = rows_removed + $2 WHERE id = $1");

pub(crate) const STATEMENTS: &[&Sql] = &[
    &GET,
    &PAGE,
    &COUNTED,
    &DETACHED_AT,
    &LIVE_JOB,
    &DROP_DEAD_JOBS,
];

/// An erasure as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErasureRow {
    /// Its id.
    pub id: RecordId,
    /// The app.
    pub app: AppUuid,
    /// Who asked for it.
    pub requested_by: Requester,
    /// When.
    pub requested_at: Timestamp,
    /// Whose data goes; `None` once it is gone.
    pub user: Option<UserId>,
    /// Rows that went so far.
    pub rows_removed: i64,
    /// When all was gone.
    pub completed_at: Option<Timestamp>,
}

/// The erasure of this id.
pub async fn get(tx: &mut Tx<'_>, id: RecordId) -> Result<Option<ErasureRow>, StoreError> {
    let row = tx.fetch_optional(&GET, args![id]).await?;
    row.as_ref().map(read).transpose()
}

/// The newest erasures of an app.
pub async fn newest(
    tx: &mut Tx<'_>,
    app: AppUuid,
    limit: u32,
) -> Result<Vec<ErasureRow>, StoreError> {
    let rows = tx.fetch_all(&PAGE, args![app, limit]).await?;
    rows.iter().map(read).collect()
}

/// Enqueues the job that carries an erasure on; `turn` counts the jobs.
async fn enqueue(
    tx: &mut Tx<'_>,
    erasure: RecordId,
    turn: u64,
    due_at: Timestamp,
) -> Result<(), StoreError> {
    let key = format!("{}{turn}", job_keys(erasure));
    let payload = json!({"version": ERASE_JOB_VERSION, "erasure": erasure, "turn": turn});
    let job = NewJob {
        kind: ERASE_JOB,
        key: &key,
        priority: JOB_PRIORITY,
        due_at,
        payload,
    };
    jobs::enqueue(tx, job).await?;
    Ok(())
}

/// Enqueues a job for an erasure that has none: the last one failed too often and was
/// set aside. Whether it had none.
async fn revive(tx: &mut Tx<'_>, erasure: RecordId) -> Result<bool, StoreError> {
    let keys = job_keys(erasure);
    let live = tx
        .fetch_optional(&LIVE_JOB, args![ERASE_JOB, &keys])
        .await?;
    if live.is_some() {
        return Ok(false);
    }
    // Their numbers may be given out again.
    tx.execute(&DROP_DEAD_JOBS, args![ERASE_JOB, &keys]).await?;
    let now = tx.now();
    enqueue(tx, erasure, 0, now).await?;
    Ok(true)
}

/// How the keys of an erasure's jobs begin.
fn job_keys(erasure: RecordId) -> String {
    format!("{ERASE_JOB}:{erasure}:")
}

/// When the user was detached; `None`: not yet.
async fn detached_at(tx: &mut Tx<'_>, user: UserId) -> Result<Option<Timestamp>, StoreError> {
    tx.fetch_one(&DETACHED_AT, args![user]).await?.get(0)
}

/// Adds to the count of rows that went.
async fn count(tx: &mut Tx<'_>, id: RecordId, rows: u64) -> Result<(), StoreError> {
    let rows = i64::try_from(rows).unwrap_or(i64::MAX);
    tx.execute_one(&COUNTED, args![id, rows]).await
}

fn read(row: &Row) -> Result<ErasureRow, StoreError> {
    let word: String = row.get(2)?;
    Ok(ErasureRow {
        id: row.get(0)?,
        app: row.get(1)?,
        requested_by: Requester::parse(&word)
            .ok_or_else(|| StoreError::column(2, format!("{word} asks for no erasure")))?,
        requested_at: row.get(3)?,
        user: row.get(4)?,
        rows_removed: row.get(5)?,
        completed_at: row.get(6)?,
    })
}

#[cfg(test)]
mod tests;
