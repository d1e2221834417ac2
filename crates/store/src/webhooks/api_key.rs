//! The key that an app's webhooks are shown in a header of the app's choice.

use mayday_core::identity::AppId;
use mayday_core::ids::AppUuid;
use mayday_core::time::Timestamp;

use super::{SecretText, api_key_place};
use crate::apps;
use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::secrets::Sealed;
use crate::sql::Sql;
use crate::tx::Tx;

static PUT: Sql = Sql::new(
    "INSERT INTO webhook_api_keys (id, header, sealed, key_id, updated_at)
     VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (id) DO UPDATE SET header = excluded.header, sealed = excluded.sealed,
        key_id = excluded.key_id, updated_at = excluded.updated_at",
);
static DELETE: Sql = Sql::new("DELETE FROM webhook_api_keys WHERE id = $1");
static FIND: Sql = Sql::new("SELECT header, updated_at FROM webhook_api_keys WHERE id = $1");
static OPEN: Sql = Sql::new("SELECT header, sealed, key_id FROM webhook_api_keys WHERE id = $1");

pub(crate) const STATEMENTS: &[&Sql] = &[&PUT, &DELETE, &FIND, &OPEN];

/// A key without the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKeyRow {
    /// The header's name.
    pub header: String,
    /// When it was set.
    pub updated_at: Timestamp,
}

/// An app's key, without the key.
pub async fn api_key(tx: &mut Tx<'_>, app: AppUuid) -> Result<Option<ApiKeyRow>, StoreError> {
    let row = tx.fetch_optional(&FIND, args![app]).await?;
    row.map(|row| {
        Ok(ApiKeyRow {
            header: row.get(0)?,
            updated_at: row.get(1)?,
        })
    })
    .transpose()
}

/// The header and the key, opened.
pub(super) async fn open(
    tx: &mut Tx<'_>,
    app: AppUuid,
) -> Result<Option<(String, SecretText)>, StoreError> {
    let Some(row) = tx.fetch_optional(&OPEN, args![app]).await? else {
        return Ok(None);
    };
    let sealed = Sealed {
        bytes: row.get(1)?,
        key_id: row.get(2)?,
    };
    let plain = tx.unseal(api_key_place(app), &sealed)?;
    Ok(Some((row.get(0)?, SecretText::of_bytes(&plain, 1)?)))
}

/// Sets the key, whatever was there. Output: `None` when the app is unknown.
#[derive(Clone, Debug)]
pub struct SetApiKey {
    /// The app's public id.
    pub app_id: AppId,
    /// The header's name.
    pub header: String,
    /// The key.
    pub key: SecretText,
}

impl Command for SetApiKey {
    type Output = Option<ApiKeyRow>;
    const NAME: &'static str = "webhook.api_key.set";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Self::Output, StoreError> {
        let Some(app) = apps::lock(tx, &self.app_id).await? else {
            return Ok(None);
        };
        let plain = self.key.expose().as_bytes();
        let sealed = tx.seal(api_key_place(app), plain).await?;
        let now = tx.now();
        let values = args![app, &self.header, &sealed.bytes, &sealed.key_id, now];
        tx.execute_one(&PUT, values).await?;
        api_key(tx, app).await
    }
}

/// Removes the key. Output: whether there was one; `None` when the app is unknown.
#[derive(Clone, Debug)]
pub struct RemoveApiKey {
    /// The app's public id.
    pub app_id: AppId,
}

impl Command for RemoveApiKey {
    type Output = Option<bool>;
    const NAME: &'static str = "webhook.api_key.remove";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Self::Output, StoreError> {
        let Some(app) = apps::lock(tx, &self.app_id).await? else {
            return Ok(None);
        };
        let gone = tx.execute(&DELETE, args![app]).await?;
        Ok(Some(gone > 0 || tx.may_be_done()))
    }
}
