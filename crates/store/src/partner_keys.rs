//! Keys with which an app's backend calls us.

use std::time::Duration;

use mayday_core::identity::AppId;
use mayday_core::ids::{AppUuid, SecretId};
use mayday_core::time::Timestamp;

use crate::apps;
use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::row::Row;
use crate::sql::Sql;
use crate::tx::Tx;

/// The most live keys of an app.
pub const MAX_LIVE: u32 = 10;

/// Keys that are listed, the newest.
const LISTED: u32 = 200;

static BY_DIGEST: Sql = Sql::new(
    "SELECT k.id, k.app_id, a.deactivated_at IS NULL
     FROM partner_keys k JOIN apps a ON a.id = k.app_id
     WHERE k.digest = $1 AND k.revoked_at IS NULL
        AND (k.expires_at IS NULL OR k.expires_at > $2)",
);
static OF_APP: Sql = Sql::new(
    "SELECT id, name, created_at, expires_at, revoked_at FROM partner_keys WHERE app_id = $1
     ORDER BY created_at DESC, id DESC LIMIT $2",
);
static GET: Sql = Sql::new(
    "SELECT id, name, created_at, expires_at, revoked_at FROM partner_keys
     WHERE app_id = $1 AND id = $2",
);
static COUNT: Sql = Sql::new(
    "SELECT count(*) FROM partner_keys WHERE app_id = $1 AND revoked_at IS NULL
        AND (expires_at IS NULL OR expires_at > $2)",
);
static INSERT: Sql = Sql::new(
    "INSERT INTO partner_keys (id, app_id, name, digest, created_at) VALUES ($1, $2, $3, $4, $5)",
);
static EXPIRE: Sql = Sql::new(
    "UPDATE partner_keys SET expires_at = $3 WHERE app_id = $1 AND id <> $2
        AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $3)",
);
static REVOKE: Sql = Sql::new(
    "UPDATE partner_keys SET revoked_at = $3 WHERE app_id = $1 AND id = $2
        AND revoked_at IS NULL",
);

pub(crate) const STATEMENTS: &[&Sql] =
    &[&BY_DIGEST, &OF_APP, &GET, &COUNT, &INSERT, &EXPIRE, &REVOKE];

/// A key without the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartnerKeyRow {
    /// Its id.
    pub id: SecretId,
    /// A name for people.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends by itself: another one replaces it.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// Whose a live key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveKey {
    /// The key's id.
    pub id: SecretId,
    /// The app whose backend has it.
    pub app: AppUuid,
    /// Whether the app is active.
    pub active: bool,
}

/// The live key of a digest.
pub async fn live(tx: &mut Tx<'_>, digest: &str) -> Result<Option<LiveKey>, StoreError> {
    let now = tx.now();
    let row = tx.fetch_optional(&BY_DIGEST, args![digest, now]).await?;
    row.map(|row| {
        Ok(LiveKey {
            id: row.get(0)?,
            app: row.get(1)?,
            active: row.get(2)?,
        })
    })
    .transpose()
}

/// The keys of an app, the newest first.
pub async fn of_app(tx: &mut Tx<'_>, app: AppUuid) -> Result<Vec<PartnerKeyRow>, StoreError> {
    let rows = tx.fetch_all(&OF_APP, args![app, LISTED]).await?;
    rows.iter().map(read).collect()
}

async fn get(
    tx: &mut Tx<'_>,
    app: AppUuid,
    id: SecretId,
) -> Result<Option<PartnerKeyRow>, StoreError> {
    let row = tx.fetch_optional(&GET, args![app, id]).await?;
    row.as_ref().map(read).transpose()
}

/// Stores a new key.
#[derive(Clone, Debug)]
pub struct CreatePartnerKey {
    /// Its id.
    pub id: SecretId,
    /// The app's public id.
    pub app_id: AppId,
    /// A name for people.
    pub name: String,
    /// What is kept of the key.
    pub digest: String,
    /// It replaces all others of the app, which are good for so long.
    pub replaces: Option<Duration>,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartnerKeyCreated {
    /// It is good from now on.
    Created(PartnerKeyRow),
    /// There are [`MAX_LIVE`].
    TooMany,
    /// There is no such app.
    UnknownApp,
}

impl Command for CreatePartnerKey {
    type Output = PartnerKeyCreated;

    const NAME: &'static str = "partner_key.create";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<PartnerKeyCreated, StoreError> {
        let Some(app) = apps::lock(tx, &self.app_id).await? else {
            return Ok(PartnerKeyCreated::UnknownApp);
        };
        if let Some(row) = get(tx, app, self.id).await? {
            return Ok(PartnerKeyCreated::Created(row));
        }
        let now = tx.now();
        let live: i64 = tx.fetch_one(&COUNT, args![app, now]).await?.get(0)?;
        // Those that end at once make room; nothing is changed when there is none.
        let remain = self.replaces != Some(Duration::ZERO);
        if remain && live >= i64::from(MAX_LIVE) {
            return Ok(PartnerKeyCreated::TooMany);
        }
        if let Some(overlap) = self.replaces {
            let ends = now.plus(overlap);
            tx.execute(&EXPIRE, args![app, self.id, ends]).await?;
        }
        let values = args![self.id, app, &self.name, &self.digest, now];
        tx.execute_one(&INSERT, values).await?;
        let row = get(tx, app, self.id).await?;
        let missing = || StoreError::column(0, "a key that was stored is not there");
        Ok(PartnerKeyCreated::Created(row.ok_or_else(missing)?))
    }
}

/// Revokes a key for ever. Answers it; `None` when the app has none of this id.
#[derive(Clone, Debug)]
pub struct RevokePartnerKey {
    /// The app's public id.
    pub app_id: AppId,
    /// Which.
    pub id: SecretId,
}

impl Command for RevokePartnerKey {
    type Output = Option<PartnerKeyRow>;

    const NAME: &'static str = "partner_key.revoke";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Self::Output, StoreError> {
        let Some(app) = apps::lock(tx, &self.app_id).await? else {
            return Ok(None);
        };
        let now = tx.now();
        tx.execute(&REVOKE, args![app, self.id, now]).await?;
        get(tx, app, self.id).await
    }
}

fn read(row: &Row) -> Result<PartnerKeyRow, StoreError> {
    Ok(PartnerKeyRow {
        id: row.get(0)?,
        name: row.get(1)?,
        created_at: row.get(2)?,
        expires_at: row.get(3)?,
        revoked_at: row.get(4)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Lane;
    use crate::on_both;
    use crate::testing::{TestApp, TestStore};

    fn create(store: &TestStore, app: &TestApp, digest: &str, replaces: bool) -> CreatePartnerKey {
        CreatePartnerKey {
            id: SecretId::generate(store.clock.as_ref(), store.entropy.as_ref()),
            app_id: app.app_id.clone(),
            name: "backend".to_owned(),
            digest: digest.to_owned(),
            replaces: replaces.then_some(Duration::from_hours(1)),
        }
    }

    async fn good(store: &TestStore, digest: &str) -> bool {
        let mut tx = store.read().await.unwrap();
        live(&mut tx, digest).await.unwrap().is_some()
    }

    on_both!(
        a_key_is_good_until_it_is_replaced_or_revoked,
        |store| async move {
            let app = store.app("shop").await;
            let first = create(&store, &app, "d1", false);
            let made = store.write(Lane::Rest, first.clone()).await.unwrap();
            // Run again, as after a lost answer.
            assert_eq!(store.write(Lane::Rest, first).await.unwrap(), made);
            assert!(good(&store, "d1").await && !good(&store, "d2").await);
            let second = create(&store, &app, "d2", true);
            let id = second.id;
            store.write(Lane::Rest, second).await.unwrap();
            assert!(good(&store, "d1").await && good(&store, "d2").await);
            store.clock.advance(Duration::from_hours(2));
            assert!(!good(&store, "d1").await && good(&store, "d2").await);
            let other = store.app("other").await;
            let foreign = RevokePartnerKey {
                app_id: other.app_id.clone(),
                id,
            };
            assert_eq!(store.write(Lane::Rest, foreign).await.unwrap(), None);
            assert!(good(&store, "d2").await);
            let revoke = RevokePartnerKey {
                app_id: app.app_id.clone(),
                id,
            };
            let revoked = store.write(Lane::Rest, revoke).await.unwrap().unwrap();
            assert!(revoked.revoked_at.is_some() && !good(&store, "d2").await);
            let mut tx = store.read().await.unwrap();
            assert_eq!(of_app(&mut tx, app.id).await.unwrap().len(), 2);
        }
    );

    on_both!(
        a_rotation_without_room_changes_nothing,
        |store| async move {
            let app = store.app("shop").await;
            for place in 0..MAX_LIVE {
                let made = create(&store, &app, &format!("d{place}"), false);
                store.write(Lane::Rest, made).await.unwrap();
                store.clock.advance(Duration::from_secs(1));
            }
            let one_more = create(&store, &app, "more", true);
            let refused = store.write(Lane::Rest, one_more.clone()).await.unwrap();
            assert_eq!(refused, PartnerKeyCreated::TooMany);
            store.clock.advance(Duration::from_hours(2));
            assert!(good(&store, "d0").await && !good(&store, "more").await);
            let at_once = CreatePartnerKey {
                replaces: Some(Duration::ZERO),
                ..one_more
            };
            let made = store.write(Lane::Rest, at_once).await.unwrap();
            assert!(matches!(made, PartnerKeyCreated::Created(_)), "{made:?}");
            assert!(!good(&store, "d0").await && good(&store, "more").await);
        }
    );
}
