//! Ends an erasure, or has it go on later.

use mayday_core::ids::RecordId;
use mayday_core::time::Timestamp;
use serde_json::json;

use super::step::{SETTLE, delete_some, has_open_incident};
use super::{ERASE_JOB, ERASE_JOB_VERSION, count, get};
use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::jobs::{self, NewJob};
use crate::sql::Sql;
use crate::tx::Tx;
use crate::users;

/// Behind everything that a person waits for.
const JOB_PRIORITY: i64 = 50;

// A relayed SOS that is nobody's still names its gateway's row.
static DELETE_USER: Sql = Sql::new(
    "DELETE FROM users WHERE id = $1 AND erased_at IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM unattributed u WHERE u.user_id = $1)",
);
static DETACHED_AT: Sql = Sql::new("SELECT erased_at FROM users WHERE id = $1");
static COMPLETE: Sql =
    Sql::new("UPDATE erasures SET user_id = NULL, completed_at = $2 WHERE id = $1");

pub(crate) const STATEMENTS: &[&Sql] = &[&DELETE_USER, &DETACHED_AT, &COMPLETE];

/// Ends an erasure once [`SETTLE`] has passed and nothing is left.
#[derive(Clone, Copy, Debug)]
pub struct FinishErasure {
    /// Which.
    pub erasure: RecordId,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finished {
    /// All is gone.
    Over,
    /// Something came meanwhile, or may still come: go on then.
    NotBefore(Timestamp),
}

impl Command for FinishErasure {
    type Output = Finished;

    const NAME: &'static str = "user.erase.finish";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Finished, StoreError> {
        let Some(erasure) = get(tx, self.erasure).await? else {
            return Ok(Finished::Over);
        };
        let Some(user) = erasure.user else {
            return Ok(Finished::Over);
        };
        users::lock(tx, user).await?;
        let now = tx.now();
        let row = tx.fetch_one(&DETACHED_AT, args![user]).await?;
        let detached: Option<Timestamp> = row.get(0)?;
        let settled = detached.map(|at| at.plus(SETTLE));
        if has_open_incident(tx, user).await? || settled.is_none() {
            return Ok(Finished::NotBefore(now.plus(SETTLE)));
        }
        if let Some(settled) = settled.filter(|settled| now < *settled) {
            return Ok(Finished::NotBefore(settled));
        }
        let rows = delete_some(tx, user).await?;
        if rows > 0 {
            count(tx, self.erasure, rows).await?;
            return Ok(Finished::NotBefore(now));
        }
        tx.execute(&DELETE_USER, args![user]).await?;
        tx.execute_one(&COMPLETE, args![self.erasure, now]).await?;
        Ok(Finished::Over)
    }
}

/// Has an erasure go on at a time: a job after the one that runs now.
#[derive(Clone, Copy, Debug)]
pub struct DeferErasure {
    /// Which.
    pub erasure: RecordId,
    /// The number of the next job.
    pub turn: u64,
    /// When it is due.
    pub due_at: Timestamp,
}

impl Command for DeferErasure {
    type Output = ();

    const NAME: &'static str = "user.erase.defer";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let key = format!("{ERASE_JOB}:{}:{}", self.erasure, self.turn);
        let payload = json!({
            "version": ERASE_JOB_VERSION,
            "erasure": self.erasure,
            "turn": self.turn,
        });
        let job = NewJob {
            kind: ERASE_JOB,
            key: &key,
            priority: JOB_PRIORITY,
            due_at: self.due_at,
            payload,
        };
        jobs::enqueue(tx, job).await?;
        Ok(())
    }
}
