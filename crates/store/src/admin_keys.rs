//! Keys with which an operator's programs call the admin API.

use mayday_core::identity::AppId;
use mayday_core::ids::SecretId;
use mayday_core::time::Timestamp;

use crate::apps;
use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::row::Row;
use crate::sql::Sql;
use crate::tx::Tx;

/// The most live keys.
pub const MAX_LIVE: u32 = 100;

/// Keys that are listed, the newest.
const LISTED: u32 = 1_000;

static BY_DIGEST: Sql = Sql::new(
    "SELECT k.id, a.app_id, k.name, k.read_only, k.created_at, k.revoked_at
     FROM admin_keys k LEFT JOIN apps a ON a.id = k.app_id
     WHERE k.digest = $1 AND k.revoked_at IS NULL",
);
static BY_ID: Sql = Sql::new(
    "SELECT k.id, a.app_id, k.name, k.read_only, k.created_at, k.revoked_at
     FROM admin_keys k LEFT JOIN apps a ON a.id = k.app_id WHERE k.id = $1",
);
static ALL: Sql = Sql::new(
    "SELECT k.id, a.app_id, k.name, k.read_only, k.created_at, k.revoked_at
     FROM admin_keys k LEFT JOIN apps a ON a.id = k.app_id
     ORDER BY k.created_at DESC, k.id DESC LIMIT $1",
);
static COUNT: Sql = Sql::new("SELECT count(*) FROM admin_keys WHERE revoked_at IS NULL");
static INSERT: Sql = Sql::new(
    "INSERT INTO admin_keys (id, app_id, name, digest, read_only, created_at)
     VALUES ($1, $2, $3, $4, $5, $6)",
);
static REVOKE: Sql =
    Sql::new("UPDATE admin_keys SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL");

pub(crate) const STATEMENTS: &[&Sql] = &[&BY_DIGEST, &BY_ID, &ALL, &COUNT, &INSERT, &REVOKE];

/// A key without the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminKeyRow {
    /// Its id.
    pub id: SecretId,
    /// The public id of the one app that it is good for; `None` for every app.
    pub app_id: Option<String>,
    /// A name for people.
    pub name: String,
    /// Whether it changes nothing.
    pub read_only: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was revoked; `None` while it is good.
    pub revoked_at: Option<Timestamp>,
}

/// The live key of a digest.
pub async fn live(tx: &mut Tx<'_>, digest: &str) -> Result<Option<AdminKeyRow>, StoreError> {
    let row = tx.fetch_optional(&BY_DIGEST, args![digest]).await?;
    row.as_ref().map(read).transpose()
}

/// All keys, the newest first.
pub async fn all(tx: &mut Tx<'_>) -> Result<Vec<AdminKeyRow>, StoreError> {
    let rows = tx.fetch_all(&ALL, args![LISTED]).await?;
    rows.iter().map(read).collect()
}

async fn by_id(tx: &mut Tx<'_>, id: SecretId) -> Result<Option<AdminKeyRow>, StoreError> {
    let row = tx.fetch_optional(&BY_ID, args![id]).await?;
    row.as_ref().map(read).transpose()
}

/// Stores a new key.
#[derive(Clone, Debug)]
pub struct CreateAdminKey {
    /// Its id.
    pub id: SecretId,
    /// The app that it is good for; `None` for every app.
    pub app_id: Option<AppId>,
    /// A name for people.
    pub name: String,
    /// What is kept of the key.
    pub digest: String,
    /// Whether it changes nothing.
    pub read_only: bool,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdminKeyCreated {
    /// It is good from now on.
    Created(AdminKeyRow),
    /// There are [`MAX_LIVE`].
    TooMany,
    /// There is no such app.
    UnknownApp,
}

impl Command for CreateAdminKey {
    type Output = AdminKeyCreated;

    const NAME: &'static str = "admin_key.create";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<AdminKeyCreated, StoreError> {
        if let Some(row) = by_id(tx, self.id).await? {
            return Ok(AdminKeyCreated::Created(row));
        }
        let app = match &self.app_id {
            None => None,
            Some(app_id) => match apps::lock(tx, app_id).await? {
                None => return Ok(AdminKeyCreated::UnknownApp),
                some => some,
            },
        };
        let live: i64 = tx.fetch_one(&COUNT, args![]).await?.get(0)?;
        if live >= i64::from(MAX_LIVE) {
            return Ok(AdminKeyCreated::TooMany);
        }
        let (now, name, digest) = (tx.now(), &self.name, &self.digest);
        let values = args![self.id, app, name, digest, self.read_only, now];
        tx.execute_one(&INSERT, values).await?;
        let row = by_id(tx, self.id).await?;
        let missing = || StoreError::column(0, "a key that was stored is not there");
        Ok(AdminKeyCreated::Created(row.ok_or_else(missing)?))
    }
}

/// Revokes a key for ever. Answers it; `None` when there is none of this id.
#[derive(Clone, Copy, Debug)]
pub struct RevokeAdminKey {
    /// Which.
    pub id: SecretId,
}

impl Command for RevokeAdminKey {
    type Output = Option<AdminKeyRow>;

    const NAME: &'static str = "admin_key.revoke";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Self::Output, StoreError> {
        let now = tx.now();
        // None is changed when it was revoked before, which is what is wanted.
        tx.execute(&REVOKE, args![self.id, now]).await?;
        by_id(tx, self.id).await
    }
}

fn read(row: &Row) -> Result<AdminKeyRow, StoreError> {
    Ok(AdminKeyRow {
        id: row.get(0)?,
        app_id: row.get(1)?,
        name: row.get(2)?,
        read_only: row.get(3)?,
        created_at: row.get(4)?,
        revoked_at: row.get(5)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Lane;
    use crate::on_both;
    use crate::testing::TestStore;

    fn create(store: &TestStore, app_id: Option<AppId>, digest: &str) -> CreateAdminKey {
        CreateAdminKey {
            id: SecretId::generate(store.clock.as_ref(), store.entropy.as_ref()),
            read_only: app_id.is_some(),
            app_id,
            name: "panel".to_owned(),
            digest: digest.to_owned(),
        }
    }

    async fn good(store: &TestStore, digest: &str) -> Option<AdminKeyRow> {
        let mut tx = store.read().await.unwrap();
        live(&mut tx, digest).await.unwrap()
    }

    on_both!(
        a_key_is_found_with_its_scope_until_it_is_revoked,
        |store| async move {
            let app = store.app("shop").await;
            let one = create(&store, Some(app.app_id.clone()), "d1");
            let first = store.write(Lane::Rest, one.clone()).await.unwrap();
            // Run again, as after a lost answer.
            assert_eq!(store.write(Lane::Rest, one.clone()).await.unwrap(), first);
            let every = create(&store, None, "d2");
            store.write(Lane::Rest, every).await.unwrap();
            let nobody = AppId::parse("nobody").unwrap();
            let refused = store.write(Lane::Rest, create(&store, Some(nobody), "d3"));
            assert_eq!(refused.await.unwrap(), AdminKeyCreated::UnknownApp);
            let scoped = good(&store, "d1").await.unwrap();
            assert_eq!(scoped.app_id.as_deref(), Some("shop"));
            assert!(scoped.read_only);
            let all_apps = good(&store, "d2").await.unwrap();
            assert_eq!((all_apps.app_id, all_apps.read_only), (None, false));
            assert_eq!(good(&store, "d3").await, None);
            let revoke = RevokeAdminKey { id: one.id };
            let revoked = store.write(Lane::Rest, revoke).await.unwrap().unwrap();
            assert!(revoked.revoked_at.is_some());
            store.clock.advance(std::time::Duration::from_secs(1));
            let again = store.write(Lane::Rest, revoke).await.unwrap().unwrap();
            assert_eq!(again, revoked);
            assert_eq!(good(&store, "d1").await, None);
            assert!(good(&store, "d2").await.is_some());
            let mut tx = store.read().await.unwrap();
            assert_eq!(all(&mut tx).await.unwrap().len(), 2);
        }
    );

    on_both!(there_are_only_so_many_live_keys, |store| async move {
        let mut last = None;
        for place in 0..MAX_LIVE {
            let made = create(&store, None, &format!("d{place}"));
            last = Some(made.id);
            store.write(Lane::Rest, made).await.unwrap();
        }
        let more = create(&store, None, "more");
        let refused = store.write(Lane::Rest, more.clone()).await.unwrap();
        assert_eq!(refused, AdminKeyCreated::TooMany);
        let revoke = RevokeAdminKey { id: last.unwrap() };
        store.write(Lane::Rest, revoke).await.unwrap();
        let made = store.write(Lane::Rest, more).await.unwrap();
        assert!(matches!(made, AdminKeyCreated::Created(_)), "{made:?}");
    });
}
