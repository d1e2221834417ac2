//! The one control row: its version is raised by every command that changes
//! apps, secrets, policies, blocks or keys of brokers.
//!
//! A server compares it every 500 ms, because other processes may write to the
//! same database, and reloads when it moved.

use crate::args;
use crate::error::StoreError;
use crate::hint::Hint;
use crate::row::Row;
use crate::sql::Sql;
use crate::tx::Tx;

static VERSION: Sql = Sql::new("SELECT version FROM control WHERE id = 1");
static RAISE: Sql = Sql::new("UPDATE control SET version = version + 1 WHERE id = 1");

static KEYS: Sql =
    Sql::new("SELECT key_fingerprint, next_key_fingerprint FROM control WHERE id = 1");
static LOCK_KEYS: Sql = Sql::per_dialect(
    "SELECT key_fingerprint, next_key_fingerprint FROM control WHERE id = 1",
    "SELECT key_fingerprint, next_key_fingerprint FROM control WHERE id = 1 FOR UPDATE",
);
// Excludes LOCK_KEYS, and neither RAISE nor others who seal.
static SEALING_KEY: Sql = Sql::per_dialect(
    "SELECT COALESCE(next_key_fingerprint, key_fingerprint) FROM control WHERE id = 1",
    "SELECT COALESCE(next_key_fingerprint, key_fingerprint) FROM control WHERE id = 1
     FOR KEY SHARE",
);
static SET_KEYS: Sql = Sql::new(
    "UPDATE control SET key_fingerprint = $1, next_key_fingerprint = $2, version = version + 1
     WHERE id = 1",
);

pub(crate) const STATEMENTS: &[&Sql] =
    &[&VERSION, &RAISE, &KEYS, &LOCK_KEYS, &SEALING_KEY, &SET_KEYS];

/// The fingerprints of the master keys that the database knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Keys {
    /// The key in use.
    pub(crate) in_use: String,
    /// The key that replaces it, while it is being rotated.
    pub(crate) next: Option<String>,
}

/// The keys now.
pub(crate) async fn keys(tx: &mut Tx<'_>) -> Result<Keys, StoreError> {
    read_keys(&tx.fetch_one(&KEYS, args![]).await?)
}

/// The keys, locked: waits until nobody seals, and nobody begins to.
pub(crate) async fn lock_keys(tx: &mut Tx<'_>) -> Result<Keys, StoreError> {
    read_keys(&tx.fetch_one(&LOCK_KEYS, args![]).await?)
}

/// The fingerprint of the key to seal with, which stays the right one until the
/// transaction ends.
pub(crate) async fn sealing_key(tx: &mut Tx<'_>) -> Result<String, StoreError> {
    tx.fetch_one(&SEALING_KEY, args![]).await?.get(0)
}

/// Names other keys, after [`lock_keys`], and raises the version.
pub(crate) async fn set_keys(tx: &mut Tx<'_>, keys: &Keys) -> Result<(), StoreError> {
    let values = args![&keys.in_use, keys.next.as_deref()];
    tx.execute_one(&SET_KEYS, values).await?;
    tx.hint(Hint::ControlChanged);
    Ok(())
}

fn read_keys(row: &Row) -> Result<Keys, StoreError> {
    Ok(Keys {
        in_use: row.get(0)?,
        next: row.get(1)?,
    })
}

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
