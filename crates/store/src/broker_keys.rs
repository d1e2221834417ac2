//! Keys of external MQTT brokers.

use mayday_core::identity::AppId;
use mayday_core::ids::{AppUuid, SecretId};
use mayday_core::time::Timestamp;

use crate::apps;
use crate::args;
use crate::command::Command;
use crate::control;
use crate::error::StoreError;
use crate::row::Row;
use crate::sql::Sql;
use crate::tx::Tx;

/// The most live keys.
pub const MAX_LIVE: u32 = 100;

/// Keys that are listed, the newest.
const LISTED: u32 = 1_000;

static LIVE: Sql = Sql::new("SELECT digest, app_id FROM broker_keys WHERE revoked_at IS NULL");
static BY_ID: Sql = Sql::new(
    "SELECT k.id, k.app_id, a.app_id, k.name, k.created_at, k.revoked_at
     FROM broker_keys k LEFT JOIN apps a ON a.id = k.app_id WHERE k.id = $1",
);
static ALL: Sql = Sql::new(
    "SELECT k.id, k.app_id, a.app_id, k.name, k.created_at, k.revoked_at
     FROM broker_keys k LEFT JOIN apps a ON a.id = k.app_id
     ORDER BY k.created_at DESC, k.id DESC LIMIT $1",
);
static COUNT: Sql = Sql::new("SELECT count(*) FROM broker_keys WHERE revoked_at IS NULL");
static INSERT: Sql = Sql::new(
    "INSERT INTO broker_keys (id, app_id, name, digest, created_at) VALUES ($1, $2, $3, $4, $5)",
);
static REVOKE: Sql =
    Sql::new("UPDATE broker_keys SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL");

pub(crate) const STATEMENTS: &[&Sql] = &[&LIVE, &BY_ID, &ALL, &COUNT, &INSERT, &REVOKE];

/// A key without the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerKeyRow {
    /// Its id.
    pub id: SecretId,
    /// The app that the broker serves; `None` for every app.
    pub app: Option<AppUuid>,
    /// That app's public id.
    pub app_id: Option<String>,
    /// A name for people.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was revoked; `None` while it is good.
    pub revoked_at: Option<Timestamp>,
}

/// The digests of all live keys, at most [`MAX_LIVE`], each with the app that the
/// broker serves; `None` for every app.
pub async fn live(tx: &mut Tx<'_>) -> Result<Vec<(String, Option<AppUuid>)>, StoreError> {
    let rows = tx.fetch_all(&LIVE, args![]).await?;
    rows.iter()
        .map(|row| Ok((row.get(0)?, row.get(1)?)))
        .collect()
}

/// All keys, the newest first.
pub async fn all(tx: &mut Tx<'_>) -> Result<Vec<BrokerKeyRow>, StoreError> {
    let rows = tx.fetch_all(&ALL, args![LISTED]).await?;
    rows.iter().map(read).collect()
}

async fn by_id(tx: &mut Tx<'_>, id: SecretId) -> Result<Option<BrokerKeyRow>, StoreError> {
    let row = tx.fetch_optional(&BY_ID, args![id]).await?;
    row.as_ref().map(read).transpose()
}

/// Stores a new key.
#[derive(Clone, Debug)]
pub struct CreateBrokerKey {
    /// Its id.
    pub id: SecretId,
    /// The app that the broker serves; `None` for every app.
    pub app_id: Option<AppId>,
    /// A name for people.
    pub name: String,
    /// What is kept of the key.
    pub digest: String,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BrokerKeyCreated {
    /// It is good from now on.
    Created(BrokerKeyRow),
    /// There are [`MAX_LIVE`].
    TooMany,
    /// There is no such app.
    UnknownApp,
}

impl Command for CreateBrokerKey {
    type Output = BrokerKeyCreated;

    const NAME: &'static str = "broker_key.create";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<BrokerKeyCreated, StoreError> {
        if let Some(row) = by_id(tx, self.id).await? {
            return Ok(BrokerKeyCreated::Created(row));
        }
        let app = match &self.app_id {
            None => None,
            Some(app_id) => match apps::lock(tx, app_id).await? {
                None => return Ok(BrokerKeyCreated::UnknownApp),
                some => some,
            },
        };
        let live: i64 = tx.fetch_one(&COUNT, args![]).await?.get(0)?;
        if live >= i64::from(MAX_LIVE) {
            return Ok(BrokerKeyCreated::TooMany);
        }
        let now = tx.now();
        let values = args![self.id, app, &self.name, &self.digest, now];
        tx.execute_one(&INSERT, values).await?;
        let row = by_id(tx, self.id).await?;
        let row = row.ok_or_else(|| StoreError::column(0, "a key that was stored is not there"))?;
        control::raise(tx).await?;
        Ok(BrokerKeyCreated::Created(row))
    }
}

/// Revokes a key for ever. Answers it; `None` when there is none of this id.
#[derive(Clone, Copy, Debug)]
pub struct RevokeBrokerKey {
    /// Which.
    pub id: SecretId,
}

impl Command for RevokeBrokerKey {
    type Output = Option<BrokerKeyRow>;

    const NAME: &'static str = "broker_key.revoke";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Self::Output, StoreError> {
        let now = tx.now();
        let revoked = tx.execute(&REVOKE, args![self.id, now]).await?;
        let row = by_id(tx, self.id).await?;
        if revoked > 0 {
            control::raise(tx).await?;
        }
        Ok(row)
    }
}

fn read(row: &Row) -> Result<BrokerKeyRow, StoreError> {
    Ok(BrokerKeyRow {
        id: row.get(0)?,
        app: row.get(1)?,
        app_id: row.get(2)?,
        name: row.get(3)?,
        created_at: row.get(4)?,
        revoked_at: row.get(5)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Lane;
    use crate::on_both;

    on_both!(
        a_key_is_found_by_its_digest_until_it_is_revoked,
        |store| async move {
            let app = store.app("shop").await;
            let create = |app_id: Option<AppId>, digest: &str| CreateBrokerKey {
                id: SecretId::generate(store.clock.as_ref(), store.entropy.as_ref()),
                app_id,
                name: "edge".to_owned(),
                digest: digest.to_owned(),
            };
            let one = create(Some(app.app_id.clone()), "d1");
            let first = store.write(Lane::Rest, one.clone()).await.unwrap();
            // Run again, as after a lost answer.
            assert_eq!(store.write(Lane::Rest, one.clone()).await.unwrap(), first);
            store.write(Lane::Rest, create(None, "d2")).await.unwrap();
            let nobody = AppId::parse("nobody").unwrap();
            let refused = store.write(Lane::Rest, create(Some(nobody), "d3")).await;
            assert_eq!(refused.unwrap(), BrokerKeyCreated::UnknownApp);
            let mut tx = store.read().await.unwrap();
            let mut keys = live(&mut tx).await.unwrap();
            keys.sort();
            let expected = [("d1".to_owned(), Some(app.id)), ("d2".to_owned(), None)];
            assert_eq!(keys, expected);
            let made = control::version(&mut tx).await.unwrap();
            drop(tx);
            let revoke = RevokeBrokerKey { id: one.id };
            let revoked = store.write(Lane::Rest, revoke).await.unwrap().unwrap();
            assert!(revoked.revoked_at.is_some());
            let again = store.write(Lane::Rest, revoke).await.unwrap().unwrap();
            assert_eq!(again, revoked);
            let mut tx = store.read().await.unwrap();
            assert_eq!(live(&mut tx).await.unwrap(), [("d2".to_owned(), None)]);
            // Servers learn of it, once.
            assert_eq!(control::version(&mut tx).await.unwrap(), made + 1);
            assert_eq!(all(&mut tx).await.unwrap().len(), 2);
        }
    );
}
