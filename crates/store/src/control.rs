//! The one control row: its version is raised by every command that changes
//! apps, secrets, policies or blocks.
//!
//! A server compares it every 500 ms, because other processes may write to the
//! same database, and reloads when it moved.

use crate::args;
use crate::error::StoreError;
use crate::hint::Hint;
use crate::sql::Sql;
use crate::tx::Tx;

static VERSION: Sql = Sql::new("SELECT version FROM control WHERE id = 1");
static RAISE: Sql = Sql::new("UPDATE control SET version = version + 1 WHERE id = 1");

pub(crate) const STATEMENTS: &[&Sql] = &[&VERSION, &RAISE];

/// The version now.
pub async fn version(tx: &mut Tx<'_>) -> Result<i64, StoreError> {
    tx.fetch_one(&VERSION, args![]).await?.get(0)
}

/// Raises the version and hints it. Call it last: on PostgreSQL the row stays
/// locked until the commit.
pub async fn raise(tx: &mut Tx<'_>) -> Result<(), StoreError> {
    tx.execute_one(&RAISE, args![]).await?;
    tx.hint(Hint::ControlChanged);
    Ok(())
}
