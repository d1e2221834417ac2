//! The keys that the devices of a radio network share: one per app, and a
//! global one for apps without. They lie sealed, like the apps' secrets.

use mayday_core::identity::AppId;
use mayday_core::ids::{AppUuid, SecretId};
use mayday_core::network_key::{KeyScope, NetworkKey};
use mayday_core::time::Timestamp;

use crate::apps;
use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::row::Row;
use crate::secrets::{Place, Sealed};
use crate::sql::Sql;
use crate::tx::Tx;

/// The slot of the global key; no app id can be one.
const GLOBAL_SLOT: &str = "*";

static EFFECTIVE: Sql = Sql::new(
    "SELECT id, sealed, key_id, slot FROM network_keys WHERE app_id = $1 OR slot = '*'
     ORDER BY CASE WHEN slot = '*' THEN 1 ELSE 0 END LIMIT 1",
);
static SHOW: Sql = Sql::new("SELECT id, fingerprint, created_at FROM network_keys WHERE slot = $1");
static PUT: Sql = Sql::new(
    "INSERT INTO network_keys (id, app_id, slot, sealed, key_id, fingerprint, created_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7)
     ON CONFLICT (slot) DO UPDATE SET id = excluded.id, sealed = excluded.sealed,
        key_id = excluded.key_id, fingerprint = excluded.fingerprint,
        created_at = excluded.created_at",
);
static DELETE: Sql = Sql::new("DELETE FROM network_keys WHERE slot = $1");

pub(crate) const STATEMENTS: &[&Sql] = &[&EFFECTIVE, &SHOW, &PUT, &DELETE];

/// A key as administrators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkKeyRow {
    /// Its id; a new key has a new one.
    pub id: SecretId,
    /// What tells it from another key.
    pub fingerprint: String,
    /// When it was set.
    pub created_at: Timestamp,
}

/// The key of an app's devices: the app's own, else the global one.
pub async fn effective(
    tx: &mut Tx<'_>,
    app: AppUuid,
) -> Result<Option<(NetworkKey, KeyScope)>, StoreError> {
    let Some(row) = tx.fetch_optional(&EFFECTIVE, args![app]).await? else {
        return Ok(None);
    };
    let sealed = Sealed {
        bytes: row.get(1)?,
        key_id: row.get(2)?,
    };
    let plain = tx.unseal(place(row.get(0)?), &sealed)?;
    let key =
        NetworkKey::from_bytes(&plain).map_err(|error| StoreError::column(1, error.to_string()))?;
    let scope = if row.get::<String>(3)? == GLOBAL_SLOT {
        KeyScope::Global
    } else {
        KeyScope::App
    };
    Ok(Some((key, scope)))
}

/// The key of this app, or the global one, without the key itself.
pub async fn show(
    tx: &mut Tx<'_>,
    app: Option<&AppId>,
) -> Result<Option<NetworkKeyRow>, StoreError> {
    let row = tx.fetch_optional(&SHOW, args![slot(app)]).await?;
    row.as_ref().map(read).transpose()
}

/// What must be there before a key is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// A key or none.
    Any,
    /// No key: nothing is overwritten by mistake.
    Nothing,
    /// A key, which is replaced.
    AKey,
}

/// Stores a key.
#[derive(Clone, Debug)]
pub struct PutNetworkKey {
    /// The id of the new key.
    pub id: SecretId,
    /// The app's public id; `None` for the global key.
    pub app_id: Option<AppId>,
    /// The key.
    pub key: NetworkKey,
    /// What must be there.
    pub before: Before,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyPut {
    /// It is the key from now on.
    Stored(NetworkKeyRow),
    /// There is a key already.
    Exists,
    /// There is no key to replace.
    Missing,
    /// There is no such app.
    UnknownApp,
}

impl Command for PutNetworkKey {
    type Output = KeyPut;

    const NAME: &'static str = "network_key.put";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<KeyPut, StoreError> {
        let app = match &self.app_id {
            None => None,
            Some(app_id) => match apps::lock(tx, app_id).await? {
                None => return Ok(KeyPut::UnknownApp),
                some => some,
            },
        };
        let found = show(tx, self.app_id.as_ref()).await?;
        match (found, self.before) {
            (Some(row), _) if row.id == self.id => return Ok(KeyPut::Stored(row)),
            (Some(_), Before::Nothing) => return Ok(KeyPut::Exists),
            (None, Before::AKey) => return Ok(KeyPut::Missing),
            _ => {}
        }
        let sealed = tx.seal(place(self.id), self.key.expose()).await?;
        let fingerprint = self.key.fingerprint();
        let now = tx.now();
        let values = args![
            self.id,
            app,
            slot(self.app_id.as_ref()),
            &sealed.bytes,
            &sealed.key_id,
            &fingerprint,
            now,
        ];
        tx.execute_one(&PUT, values).await?;
        Ok(KeyPut::Stored(NetworkKeyRow {
            id: self.id,
            fingerprint,
            created_at: now,
        }))
    }
}

/// Removes a key. Answers whether there was one.
#[derive(Clone, Debug)]
pub struct RemoveNetworkKey {
    /// The app's public id; `None` for the global key.
    pub app_id: Option<AppId>,
}

impl Command for RemoveNetworkKey {
    type Output = bool;

    const NAME: &'static str = "network_key.remove";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        let slot = slot(self.app_id.as_ref());
        Ok(tx.execute(&DELETE, args![slot]).await? > 0)
    }
}

fn slot(app: Option<&AppId>) -> &str {
    app.map_or(GLOBAL_SLOT, AppId::as_str)
}

fn read(row: &Row) -> Result<NetworkKeyRow, StoreError> {
    Ok(NetworkKeyRow {
        id: row.get(0)?,
        fingerprint: row.get(1)?,
        created_at: row.get(2)?,
    })
}

/// The only place in which a key of this id opens.
fn place(id: SecretId) -> Place {
    Place {
        table: "network_keys",
        row: id.uuid(),
        column: "sealed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Lane;
    use crate::on_both;
    use crate::testing::TestStore;

    fn put(store: &TestStore, app_id: Option<&AppId>, before: Before) -> PutNetworkKey {
        PutNetworkKey {
            id: SecretId::generate(store.clock.as_ref(), store.entropy.as_ref()),
            app_id: app_id.cloned(),
            key: NetworkKey::generate(store.entropy.as_ref()),
            before,
        }
    }

    async fn told(store: &TestStore, app: AppUuid) -> Option<(Vec<u8>, KeyScope)> {
        let mut tx = store.read().await.unwrap();
        let found = effective(&mut tx, app).await.unwrap();
        found.map(|(key, scope)| (key.expose().to_vec(), scope))
    }

    on_both!(
        an_app_s_own_key_goes_before_the_global_one,
        |store| async move {
            let app = store.app("shop").await;
            let other = store.app("other").await;
            assert_eq!(told(&store, app.id).await, None);
            let global = put(&store, None, Before::Nothing);
            store.write(Lane::Rest, global.clone()).await.unwrap();
            let expected = (global.key.expose().to_vec(), KeyScope::Global);
            assert_eq!(told(&store, app.id).await, Some(expected.clone()));
            let own = put(&store, Some(&app.app_id), Before::Any);
            store.write(Lane::Rest, own.clone()).await.unwrap();
            let mine = (own.key.expose().to_vec(), KeyScope::App);
            assert_eq!(told(&store, app.id).await, Some(mine));
            assert_eq!(told(&store, other.id).await, Some(expected));
            let remove = RemoveNetworkKey { app_id: None };
            assert!(store.write(Lane::Rest, remove.clone()).await.unwrap());
            assert!(!store.write(Lane::Rest, remove).await.unwrap());
            assert_eq!(told(&store, other.id).await, None);
        }
    );

    on_both!(
        nothing_is_overwritten_or_made_by_mistake,
        |store| async move {
            let app = store.app("shop").await;
            let rotate = put(&store, Some(&app.app_id), Before::AKey);
            let refused = store.write(Lane::Rest, rotate.clone()).await.unwrap();
            assert_eq!(refused, KeyPut::Missing);
            let first = put(&store, Some(&app.app_id), Before::Nothing);
            let stored = store.write(Lane::Rest, first.clone()).await.unwrap();
            // Run again, as after a lost answer.
            assert_eq!(
                store.write(Lane::Rest, first.clone()).await.unwrap(),
                stored
            );
            let second = put(&store, Some(&app.app_id), Before::Nothing);
            let refused = store.write(Lane::Rest, second).await.unwrap();
            assert_eq!(refused, KeyPut::Exists);
            let KeyPut::Stored(rotated) = store.write(Lane::Rest, rotate).await.unwrap() else {
                panic!("a key is there to be rotated");
            };
            let mut tx = store.read().await.unwrap();
            let shown = show(&mut tx, Some(&app.app_id)).await.unwrap().unwrap();
            assert_eq!(shown, rotated);
            assert_ne!(shown.fingerprint, first.key.fingerprint());
            let nobody = AppId::parse("nobody").unwrap();
            let refused = put(&store, Some(&nobody), Before::Any);
            drop(tx);
            let refused = store.write(Lane::Rest, refused).await.unwrap();
            assert_eq!(refused, KeyPut::UnknownApp);
        }
    );

    on_both!(
        a_sealed_key_is_not_in_the_row_and_opens_nowhere_else,
        |store| async move {
            let app = store.app("shop").await;
            let own = put(&store, Some(&app.app_id), Before::Any);
            store.write(Lane::Rest, own.clone()).await.unwrap();
            let mut tx = store.read().await.unwrap();
            let row = tx.fetch_one(&EFFECTIVE, args![app.id]).await.unwrap();
            let sealed = Sealed {
                bytes: row.get(1).unwrap(),
                key_id: row.get(2).unwrap(),
            };
            let key = own.key.expose();
            assert!(!sealed.bytes.windows(key.len()).any(|part| part == key));
            let elsewhere = SecretId::generate(store.clock.as_ref(), store.entropy.as_ref());
            assert!(tx.unseal(place(elsewhere), &sealed).is_err());
        }
    );
}
