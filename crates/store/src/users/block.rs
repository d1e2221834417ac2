//! Blocks and unblocks users.

use std::collections::HashSet;

use mayday_core::identity::{AppId, ExternalUserId};
use mayday_core::ids::UserId;
use uuid::Uuid;

use super::{UserRow, find, get, lock};
use crate::args;
use crate::command::Command;
use crate::control;
use crate::error::StoreError;
use crate::sql::Sql;
use crate::tx::Tx;

/// How many users are asked about in one statement.
const BATCH: usize = 10_000;

static APP: Sql = Sql::new("SELECT id FROM apps WHERE app_id = $1");
static BLOCK: Sql =
    Sql::new("UPDATE users SET blocked_at = $2 WHERE id = $1 AND blocked_at IS NULL");
static UNBLOCK: Sql =
    Sql::new("UPDATE users SET blocked_at = NULL WHERE id = $1 AND blocked_at IS NOT NULL");
static BLOCKED_AMONG: Sql = Sql::per_dialect(
    "SELECT id FROM users WHERE blocked_at IS NOT NULL
        AND id IN (SELECT unhex(value) FROM json_each($1))",
    "SELECT id FROM users WHERE blocked_at IS NOT NULL AND id = ANY($1)",
);

static LIVING_AMONG: Sql = Sql::per_dialect(
    "SELECT id FROM users WHERE erased_at IS NULL
        AND id IN (SELECT unhex(value) FROM json_each($1))",
    "SELECT id FROM users WHERE erased_at IS NULL AND id = ANY($1)",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&APP, &BLOCK, &UNBLOCK, &BLOCKED_AMONG, &LIVING_AMONG];

/// Blocks or unblocks a user. Answers the row, `None` when unknown.
#[derive(Clone, Debug)]
pub struct SetBlocked {
    /// The app's public id.
    pub app_id: AppId,
    /// The partner's id of the user.
    pub external_id: ExternalUserId,
    /// Whether the user is refused everywhere.
    pub blocked: bool,
}

impl Command for SetBlocked {
    type Output = Option<UserRow>;

    const NAME: &'static str = "user.set_blocked";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Self::Output, StoreError> {
        let Some(app) = tx.fetch_optional(&APP, args![&self.app_id]).await? else {
            return Ok(None);
        };
        let Some(found) = find(tx, app.get(0)?, &self.external_id).await? else {
            return Ok(None);
        };
        let user = found.id;
        lock(tx, user).await?;
        let changed = if self.blocked {
            let now = tx.now();
            tx.execute(&BLOCK, args![user, now]).await?
        } else {
            tx.execute(&UNBLOCK, args![user]).await?
        };
        if changed > 0 {
            control::raise(tx).await?;
        }
        get(tx, user).await
    }
}

/// Which of these users are blocked.
pub async fn blocked_among(tx: &mut Tx<'_>, users: &[UserId]) -> Result<Vec<UserId>, StoreError> {
    among(tx, &BLOCKED_AMONG, users).await
}

/// Which of these users were detached, because their data is being erased, or have
/// no row any more, because that is over.
pub async fn erased_among(tx: &mut Tx<'_>, users: &[UserId]) -> Result<Vec<UserId>, StoreError> {
    let living: HashSet<UserId> = among(tx, &LIVING_AMONG, users).await?.into_iter().collect();
    let gone = users.iter().filter(|user| !living.contains(*user));
    Ok(gone.copied().collect())
}

async fn among(
    tx: &mut Tx<'_>,
    statement: &'static Sql,
    users: &[UserId],
) -> Result<Vec<UserId>, StoreError> {
    let mut found = Vec::new();
    for batch in users.chunks(BATCH) {
        let ids: Vec<Uuid> = batch.iter().map(|user| user.uuid()).collect();
        for row in tx.fetch_all(statement, args![ids.as_slice()]).await? {
            found.push(row.get(0)?);
        }
    }
    Ok(found)
}
