//! Apps, their signing secrets and their policies.
//!
//! Administrators write them through the commands here; each change raises
//! the control version, so that every server reloads its directory. Commands
//! are given the ids of what they make: an id that is already there means that
//! an earlier run of the same command has done its work.

pub(crate) mod create;
pub(crate) mod policy;
pub(crate) mod retention;
pub(crate) mod secrets;

use mayday_core::identity::{AppId, AppPolicy, CancelPolicy};
use mayday_core::ids::{AppUuid, SecretId};
use mayday_core::time::Timestamp;

pub use create::{AppCreation, CreateApp};
pub use policy::{SetAppActive, SetAppPolicy};
pub use retention::{SetAppRetention, telemetry_days};
pub use secrets::{AddSecret, RetireSecret, SecretAddition, SecretRow, live_secrets, secrets_of};

use crate::args;
use crate::error::StoreError;
use crate::row::Row;
use crate::sql::Sql;
use crate::tx::Tx;

/// The most apps that a server serves; more are refused when created.
pub const MAX_APPS: u32 = 10_000;

static ALL: Sql = Sql::new(
    "SELECT a.id, a.app_id, a.name, a.require_expiring, a.cancel_policy, a.created_at, a.deactivated_at,
        (SELECT count(*) FROM app_secrets s WHERE s.app_id = a.id AND s.retired_at IS NULL),
        a.telemetry_days, a.cancel_signature
     FROM apps a ORDER BY a.app_id LIMIT $1",
);
static FIND: Sql = Sql::new(
    "SELECT a.id, a.app_id, a.name, a.require_expiring, a.cancel_policy, a.created_at, a.deactivated_at,
        (SELECT count(*) FROM app_secrets s WHERE s.app_id = a.id AND s.retired_at IS NULL),
        a.telemetry_days, a.cancel_signature
     FROM apps a WHERE a.app_id = $1",
);
static LOCK: Sql = Sql::per_dialect(
    "SELECT id FROM apps WHERE app_id = $1",
    "SELECT id FROM apps WHERE app_id = $1 FOR UPDATE",
);

// Against other decisions; whoever adds a row that names the app need not wait.
static LOCK_DECISIONS: Sql = Sql::per_dialect(
    "SELECT id FROM apps WHERE id = $1",
    "SELECT id FROM apps WHERE id = $1 FOR NO KEY UPDATE",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&ALL, &FIND, &LOCK, &LOCK_DECISIONS];

/// An app as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppRow {
    /// The internal id.
    pub id: AppUuid,
    /// The public id.
    pub app_id: AppId,
    /// The name for people.
    pub name: String,
    /// Its policy.
    pub policy: AppPolicy,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was deactivated; `None` while active.
    pub deactivated_at: Option<Timestamp>,
    /// How many secrets sign at the moment.
    pub live_secrets: u32,
    /// Days that telemetry is kept; `None`: as long as the server keeps it.
    pub telemetry_days: Option<u32>,
}

/// All apps by public id.
pub async fn all(tx: &mut Tx<'_>) -> Result<Vec<AppRow>, StoreError> {
    tx.fetch_all(&ALL, args![MAX_APPS])
        .await?
        .iter()
        .map(read)
        .collect()
}

/// The app of this public id.
pub async fn find(tx: &mut Tx<'_>, app: &AppId) -> Result<Option<AppRow>, StoreError> {
    tx.fetch_optional(&FIND, args![app])
        .await?
        .as_ref()
        .map(read)
        .transpose()
}

/// Locks the app's row until the end of the transaction. First in the order of
/// locks.
pub(crate) async fn lock(tx: &mut Tx<'_>, app: &AppId) -> Result<Option<AppUuid>, StoreError> {
    tx.fetch_optional(&LOCK, args![app])
        .await?
        .map(|row| row.get(0))
        .transpose()
}

/// Lets administrators decide one after the other, until the end of the transaction.
/// First in the order of locks.
pub(crate) async fn lock_decisions(tx: &mut Tx<'_>, app: AppUuid) -> Result<(), StoreError> {
    tx.fetch_optional(&LOCK_DECISIONS, args![app]).await?;
    Ok(())
}

fn read(row: &Row) -> Result<AppRow, StoreError> {
    let word: String = row.get(4)?;
    Ok(AppRow {
        id: row.get(0)?,
        app_id: AppId::parse(&row.get::<String>(1)?)
            .map_err(|error| StoreError::column(1, error.to_string()))?,
        name: row.get(2)?,
        policy: AppPolicy {
            require_expiring: row.get(3)?,
            cancel: CancelPolicy::parse(&word)
                .ok_or_else(|| StoreError::column(4, format!("{word} is no cancel policy")))?,
            cancel_signature: row.get(9)?,
        },
        created_at: row.get(5)?,
        deactivated_at: row.get(6)?,
        live_secrets: row.get(7)?,
        telemetry_days: row.get(8)?,
    })
}

/// The only place in which a secret of this id opens.
fn place(secret: SecretId) -> crate::secrets::Place {
    crate::secrets::Place {
        table: "app_secrets",
        row: secret.uuid(),
        column: "sealed",
    }
}

#[cfg(test)]
mod tests;
