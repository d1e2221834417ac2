//! Addresses whose log-ins at an app are refused for a while (contract: SSO).
//!
//! Every node reads the table at a log-in, so that a ban and its end hold everywhere at
//! once. Nothing but a log-in asks here: an SOS and a valid session never do. A row
//! stays for a time after its end, as the record of what happened.

use std::time::Duration;

use mayday_core::ids::{AppUuid, RecordId};
use mayday_core::time::Timestamp;
use serde_json::json;

use crate::alerts::{self, AlertKind, NewAlert};
use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::row::Row;
use crate::sql::Sql;
use crate::tx::Tx;

/// For how long a ban is on record after its end.
const KEPT: Duration = Duration::from_hours(90 * 24);

/// Most rows that one step deletes.
const ROWS: u32 = 500;

/// Most bans of an app that are in force at once: a flood from everywhere is bounded by
/// what an app is asked at once, not by a list without end.
pub const MAX_LIVE: i64 = 10_000;

static LIVE_OF: Sql = Sql::new(
    "SELECT MAX(until_at) FROM bans
     WHERE app_id = $1 AND network = $2 AND until_at > $3 AND lifted_at IS NULL",
);
static COUNT: Sql =
    Sql::new("SELECT COUNT(*) FROM bans WHERE app_id = $1 AND until_at > $2 AND lifted_at IS NULL");
static INSERT: Sql = Sql::new(
    "INSERT INTO bans (id, app_id, network, reason, created_at, until_at)
     VALUES ($1, $2, $3, $4, $5, $6)",
);
static LIFT: Sql = Sql::new(
    "UPDATE bans SET lifted_at = $3
     WHERE app_id = $1 AND network = $2 AND until_at > $3 AND lifted_at IS NULL",
);
static PAGE: Sql = Sql::new(
    "SELECT id, network, reason, created_at, until_at, lifted_at FROM bans
     WHERE app_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
);
static PRUNE: Sql =
    Sql::new("DELETE FROM bans WHERE id IN (SELECT id FROM bans WHERE until_at <= $1 LIMIT $2)");

pub(crate) const STATEMENTS: &[&Sql] = &[&LIVE_OF, &COUNT, &INSERT, &LIFT, &PAGE, &PRUNE];

/// A ban on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ban {
    /// Its id.
    pub id: RecordId,
    /// An IPv4 address, or the /64 of an IPv6 one.
    pub network: String,
    /// What for.
    pub reason: String,
    /// When it began.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub until: Timestamp,
    /// When an administrator ended it.
    pub lifted_at: Option<Timestamp>,
}

/// Until when log-ins of a network at an app are refused; `None`: they are not.
pub async fn standing(
    tx: &mut Tx<'_>,
    app: AppUuid,
    network: &str,
) -> Result<Option<Timestamp>, StoreError> {
    let now = tx.now();
    let row = tx
        .fetch_optional(&LIVE_OF, args![app, network, now])
        .await?;
    row.map_or(Ok(None), |row| row.get(0))
}

/// The bans of an app before `before`, newest first, those that are over included.
pub async fn page(
    tx: &mut Tx<'_>,
    app: AppUuid,
    before: RecordId,
    limit: u32,
) -> Result<Vec<Ban>, StoreError> {
    let rows = tx.fetch_all(&PAGE, args![app, before, limit]).await?;
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Ban, StoreError> {
    Ok(Ban {
        id: row.get(0)?,
        network: row.get(1)?,
        reason: row.get(2)?,
        created_at: row.get(3)?,
        until: row.get(4)?,
        lifted_at: row.get(5)?,
    })
}

/// Refuses the log-ins of a network at an app, and tells operators. Output: until when;
/// `None` when as many are refused as there may be.
#[derive(Clone, Debug)]
pub struct AddBan {
    /// The app.
    pub app: AppUuid,
    /// An IPv4 address, or the /64 of an IPv6 one.
    pub network: String,
    /// What for, for a person to read.
    pub reason: String,
    /// For how long.
    pub lasts: Duration,
}

impl Command for AddBan {
    type Output = Option<Timestamp>;

    const NAME: &'static str = "ban.add";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Option<Timestamp>, StoreError> {
        // Another node may have been first.
        if let Some(until) = standing(tx, self.app, &self.network).await? {
            return Ok(Some(until));
        }
        let now = tx.now();
        let live = tx.fetch_optional(&COUNT, args![self.app, now]).await?;
        let live: i64 = live.map_or(Ok(0), |row| row.get(0))?;
        if live >= MAX_LIVE {
            return Ok(None);
        }
        let id = RecordId::generate(tx.clock(), tx.entropy());
        let until = now.plus(self.lasts);
        let values = args![id, self.app, &self.network, &self.reason, now, until];
        tx.execute(&INSERT, values).await?;
        let alert = NewAlert {
            app: self.app,
            kind: AlertKind::LoginsBanned,
            // One open alert an app: many addresses are one attack.
            key: &self.app.to_string(),
            user: None,
            incident: None,
            detail: json!({"network": self.network, "reason": self.reason}),
        };
        alerts::raise(tx, alert).await?;
        Ok(Some(until))
    }
}

/// Tells operators that more log-ins of an app fail than anybody mistypes.
#[derive(Clone, Copy, Debug)]
pub struct NoteFailing {
    /// The app.
    pub app: AppUuid,
    /// How many failed, and within how many minutes.
    pub failures: u32,
    /// See there.
    pub minutes: u64,
}

impl Command for NoteFailing {
    type Output = ();

    const NAME: &'static str = "ban.note_failing";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let alert = NewAlert {
            app: self.app,
            kind: AlertKind::LoginsFailing,
            key: &self.app.to_string(),
            user: None,
            incident: None,
            detail: json!({"failures": self.failures, "minutes": self.minutes}),
        };
        alerts::raise(tx, alert).await
    }
}

/// Ends the ban of a network before its time. Output: whether there was one.
#[derive(Clone, Debug)]
pub struct LiftBan {
    /// The app.
    pub app: AppUuid,
    /// As it is listed.
    pub network: String,
}

impl Command for LiftBan {
    type Output = bool;

    const NAME: &'static str = "ban.lift";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        let now = tx.now();
        let values = args![self.app, &self.network, now];
        Ok(tx.execute(&LIFT, values).await? > 0)
    }
}

/// One bounded step of letting go of old records. Output: how many went; call again
/// while it is not 0.
#[derive(Clone, Copy, Debug)]
pub struct PruneBans;

impl Command for PruneBans {
    type Output = u64;

    const NAME: &'static str = "ban.prune";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64, StoreError> {
        let old = tx.now().minus(KEPT);
        tx.execute(&PRUNE, args![old, ROWS]).await
    }
}

#[cfg(test)]
mod tests {
    use mayday_core::clock::Clock as _;
    use uuid::Uuid;

    use super::*;
    use crate::command::Lane;
    use crate::on_both;
    use crate::testing::TestStore;

    const HOUR: Duration = Duration::from_hours(1);

    fn ban(app: AppUuid, network: &str) -> AddBan {
        AddBan {
            app,
            network: network.to_owned(),
            reason: "100 failed log-ins".to_owned(),
            lasts: HOUR,
        }
    }

    async fn stands(store: &TestStore, app: AppUuid, network: &str) -> Option<Timestamp> {
        let mut tx = store.read().await.unwrap();
        standing(&mut tx, app, network).await.unwrap()
    }

    async fn all(store: &TestStore, app: AppUuid) -> Vec<Ban> {
        let mut tx = store.read().await.unwrap();
        page(&mut tx, app, RecordId(Uuid::max()), 100)
            .await
            .unwrap()
    }

    on_both!(
        a_ban_holds_for_its_network_at_its_app_until_its_end,
        |store| async move {
            let shop = store.app("shop").await.id;
            let other = store.app("other").await.id;
            let add = ban(shop, "192.0.2.1");
            let until = store.write(Lane::Rest, add.clone()).await.unwrap();
            assert_eq!(until, Some(store.clock.now().plus(HOUR)));
            store.clock.advance(HOUR / 2);
            // Another node is late: nothing is made longer.
            assert_eq!(store.write(Lane::Rest, add).await.unwrap(), until);
            assert_eq!(stands(&store, shop, "192.0.2.1").await, until);
            assert_eq!(stands(&store, shop, "192.0.2.2").await, None);
            assert_eq!(stands(&store, other, "192.0.2.1").await, None);
            assert_eq!(all(&store, shop).await.len(), 1);
            store.clock.advance(HOUR / 2);
            assert_eq!(stands(&store, shop, "192.0.2.1").await, None);
            assert_eq!(all(&store, shop).await.len(), 1, "on record");
        }
    );

    on_both!(
        a_lifted_ban_is_over_and_on_record_for_ninety_days,
        |store| async move {
            let shop = store.app("shop").await.id;
            let lift = LiftBan {
                app: shop,
                network: "2001:db8::/64".to_owned(),
            };
            assert!(!store.write(Lane::Rest, lift.clone()).await.unwrap());
            store
                .write(Lane::Rest, ban(shop, &lift.network))
                .await
                .unwrap();
            assert!(store.write(Lane::Rest, lift.clone()).await.unwrap());
            assert!(!store.write(Lane::Rest, lift.clone()).await.unwrap());
            assert_eq!(stands(&store, shop, &lift.network).await, None);
            let record = all(&store, shop).await;
            assert_eq!(record[0].lifted_at, Some(store.clock.now()));
            // It may be banned again.
            let again = store.write(Lane::Rest, ban(shop, &lift.network)).await;
            assert!(again.unwrap().is_some());
            store.clock.advance(KEPT);
            assert_eq!(store.write(Lane::Rest, PruneBans).await.unwrap(), 0);
            store.clock.advance(HOUR);
            assert_eq!(store.write(Lane::Rest, PruneBans).await.unwrap(), 2);
            assert_eq!(store.write(Lane::Rest, PruneBans).await.unwrap(), 0);
        }
    );
}
