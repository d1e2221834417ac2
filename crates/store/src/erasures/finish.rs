//! Ends an erasure, or has it go on later.

use mayday_core::ids::RecordId;
use mayday_core::time::Timestamp;

use super::step::{SETTLE, delete_some, has_open_incident};
use super::{count, detached_at, enqueue, get};
use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::sql::Sql;
use crate::tx::Tx;
use crate::users;

// A relayed SOS that is nobody's still names its gateway's row.
static DELETE_USER: Sql = Sql::new(
    "DELETE FROM users WHERE id = $1 AND erased_at IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM unattributed u WHERE u.user_id = $1)",
);
static COMPLETE: Sql =
    Sql::new("UPDATE erasures SET user_id = NULL, completed_at = $2 WHERE id = $1");

pub(crate) const STATEMENTS: &[&Sql] = &[&DELETE_USER, &COMPLETE];

/// Ends an erasure if all was swept once [`SETTLE`] had passed, and nothing is left.
#[derive(Clone, Copy, Debug)]
pub struct FinishErasure {
    /// Which.
    pub erasure: RecordId,
    /// When the sweep before this began: what landed behind it is seen by no other.
    pub swept_since: Timestamp,
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
        let detached = detached_at(tx, user).await?;
        let Some(settled) = detached.map(|at| at.plus(SETTLE)) else {
            return Ok(Finished::NotBefore(now.plus(SETTLE)));
        };
        if has_open_incident(tx, user).await? {
            return Ok(Finished::NotBefore(now.plus(SETTLE)));
        }
        if self.swept_since < settled {
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
        enqueue(tx, self.erasure, self.turn, self.due_at).await
    }
}
