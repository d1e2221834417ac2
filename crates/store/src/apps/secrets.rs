//! The secrets that apps sign with: at most two live ones, for rotation.

use mayday_core::identity::signing::{LiveSecret, MAX_LIVE_SECRETS};
use mayday_core::identity::{AppId, AppSecret};
use mayday_core::ids::{AppUuid, SecretId};
use mayday_core::time::Timestamp;

use super::{lock, place};
use crate::args;
use crate::command::Command;
use crate::control;
use crate::error::StoreError;
use crate::row::Row;
use crate::secrets::Sealed;
use crate::sql::Sql;
use crate::tx::Tx;

/// How many secrets of an app are listed, the newest.
const MAX_LISTED: u32 = 1_000;

static INSERT: Sql = Sql::new(
    "INSERT INTO app_secrets (id, app_id, sealed, key_id, created_at) VALUES ($1, $2, $3, $4, $5)",
);
static OF_APP: Sql = Sql::new(
    "SELECT id, created_at, retired_at FROM app_secrets WHERE app_id = $1
     ORDER BY created_at DESC, id DESC LIMIT $2",
);
static LIVE: Sql = Sql::new(
    "SELECT app_id, id, sealed, key_id FROM app_secrets WHERE retired_at IS NULL
     ORDER BY app_id, created_at, id",
);
static RETIRE: Sql = Sql::new(
    "UPDATE app_secrets SET retired_at = $3, sealed = NULL
     WHERE id = $1 AND app_id = $2 AND retired_at IS NULL",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&INSERT, &OF_APP, &LIVE, &RETIRE];

/// A secret as listed, without its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretRow {
    /// Its id.
    pub id: SecretId,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was retired; `None` while it signs.
    pub retired_at: Option<Timestamp>,
}

/// The secrets of an app, live and retired, oldest first.
pub async fn secrets_of(tx: &mut Tx<'_>, app: AppUuid) -> Result<Vec<SecretRow>, StoreError> {
    let rows = tx.fetch_all(&OF_APP, args![app, MAX_LISTED]).await?;
    rows.iter().rev().map(read).collect()
}

/// The live secrets of all apps, opened.
pub async fn live_secrets(tx: &mut Tx<'_>) -> Result<Vec<(AppUuid, LiveSecret)>, StoreError> {
    let rows = tx.fetch_all(&LIVE, args![]).await?;
    rows.iter()
        .map(|row| {
            let id: SecretId = row.get(1)?;
            let sealed = Sealed {
                bytes: row.get(2)?,
                key_id: row.get(3)?,
            };
            let plain = tx.unseal(place(id), &sealed)?;
            let text = std::str::from_utf8(&plain)
                .map_err(|_| StoreError::column(2, "a secret is no text"))?;
            let secret =
                AppSecret::parse(text).map_err(|error| StoreError::column(2, error.to_string()))?;
            Ok((row.get(0)?, LiveSecret { id, secret }))
        })
        .collect()
}

/// Stores a secret, sealed.
pub(super) async fn insert(
    tx: &mut Tx<'_>,
    app: AppUuid,
    secret: &LiveSecret,
) -> Result<(), StoreError> {
    let plain = secret.secret.expose().as_bytes();
    let sealed = tx.seal(place(secret.id), plain).await?;
    let now = tx.now();
    let values = args![secret.id, app, &sealed.bytes, &sealed.key_id, now];
    tx.execute_one(&INSERT, values).await
}

/// Adds a secret to an app.
#[derive(Debug)]
pub struct AddSecret {
    /// The app's public id.
    pub app_id: AppId,
    /// The new secret.
    pub secret: LiveSecret,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretAddition {
    /// It signs from now on.
    Added,
    /// Two are live: retire one first.
    TooMany,
    /// There is no such app.
    UnknownApp,
}

impl Command for AddSecret {
    type Output = SecretAddition;

    const NAME: &'static str = "app.secret.add";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<SecretAddition, StoreError> {
        let Some(app) = lock(tx, &self.app_id).await? else {
            return Ok(SecretAddition::UnknownApp);
        };
        let known = secrets_of(tx, app).await?;
        if known.iter().any(|secret| secret.id == self.secret.id) {
            return Ok(SecretAddition::Added);
        }
        let live = known.iter().filter(|secret| secret.retired_at.is_none());
        if live.count() >= MAX_LIVE_SECRETS {
            return Ok(SecretAddition::TooMany);
        }
        insert(tx, app, &self.secret).await?;
        control::raise(tx).await?;
        Ok(SecretAddition::Added)
    }
}

/// Retires a secret for ever and wipes its key. Answers the secret, `None` when
/// the app has none of this id.
#[derive(Debug)]
pub struct RetireSecret {
    /// The app's public id.
    pub app_id: AppId,
    /// The secret's id.
    pub secret: SecretId,
}

impl Command for RetireSecret {
    type Output = Option<SecretRow>;

    const NAME: &'static str = "app.secret.retire";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Self::Output, StoreError> {
        let Some(app) = lock(tx, &self.app_id).await? else {
            return Ok(None);
        };
        let now = tx.now();
        if tx.execute(&RETIRE, args![self.secret, app, now]).await? > 0 {
            control::raise(tx).await?;
        }
        let known = secrets_of(tx, app).await?;
        Ok(known.into_iter().find(|secret| secret.id == self.secret))
    }
}

fn read(row: &Row) -> Result<SecretRow, StoreError> {
    Ok(SecretRow {
        id: row.get(0)?,
        created_at: row.get(1)?,
        retired_at: row.get(2)?,
    })
}
