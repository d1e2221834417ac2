//! Lets go of sessions that ended long ago, of tokens that may not even call for
//! help any more, and finds sessions that have ended by themselves.

use mayday_core::identity::signing::STALE_GRACE;
use mayday_core::ids::UserId;
use mayday_core::sso::session::OVERLAP;

use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::sql::Sql;
use crate::tx::Tx;

/// Most rows of one kind that one step changes.
const ROWS: u32 = 500;

// Each half has its index, whose expression it repeats to the letter.
static OVERDUE: Sql = Sql::new(
    "SELECT user_id FROM sessions WHERE ended_at IS NULL AND expires_at <= $1
     UNION
     SELECT user_id FROM sessions
     WHERE ended_at IS NULL AND used_at + idle_seconds * 1000000 <= $1
     LIMIT $2",
);
static OLD_TOKENS: Sql = Sql::new(
    "DELETE FROM session_tokens WHERE digest IN
        (SELECT digest FROM session_tokens WHERE superseded_at <= $1 LIMIT $2)",
);
static TOKENS_OF_ENDED: Sql = Sql::new(
    "DELETE FROM session_tokens WHERE digest IN
        (SELECT t.digest FROM sessions s JOIN session_tokens t ON t.session_id = s.id
         WHERE s.ended_at <= $1 LIMIT $2)",
);
static ENDED: Sql = Sql::new(
    "DELETE FROM sessions WHERE id IN (SELECT s.id FROM sessions s WHERE s.ended_at <= $1
        AND NOT EXISTS (SELECT 1 FROM session_tokens t WHERE t.session_id = s.id) LIMIT $2)",
);
static PARTNER_TOKENS: Sql = Sql::per_dialect(
    "DELETE FROM partner_tokens WHERE rowid IN
        (SELECT rowid FROM partner_tokens WHERE expires_at <= $1 LIMIT $2)",
    "DELETE FROM partner_tokens WHERE ctid IN
        (SELECT ctid FROM partner_tokens WHERE expires_at <= $1 LIMIT $2)",
);

pub(crate) const STATEMENTS: &[&Sql] = &[
    &OVERDUE,
    &OLD_TOKENS,
    &TOKENS_OF_ENDED,
    &ENDED,
    &PARTNER_TOKENS,
];

/// Users with sessions that have ended by themselves and are not marked so, at most a
/// batch of them.
pub async fn overdue(tx: &mut Tx<'_>) -> Result<Vec<UserId>, StoreError> {
    let now = tx.now();
    let rows = tx.fetch_all(&OVERDUE, args![now, ROWS]).await?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// One bounded step. Output: how many rows went; call again while it is not 0.
#[derive(Clone, Copy, Debug)]
pub struct PruneSessions;

impl Command for PruneSessions {
    type Output = u64;

    const NAME: &'static str = "session.prune";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64, StoreError> {
        let now = tx.now();
        let helpless = now.minus(STALE_GRACE).minus(OVERLAP);
        let mut gone = tx.execute(&OLD_TOKENS, args![helpless, ROWS]).await?;
        gone += tx.execute(&TOKENS_OF_ENDED, args![helpless, ROWS]).await?;
        gone += tx.execute(&ENDED, args![helpless, ROWS]).await?;
        gone += tx.execute(&PARTNER_TOKENS, args![now, ROWS]).await?;
        Ok(gone)
    }
}
