//! How apps escalate: the policies that administrators set, each version kept.

use mayday_core::escalation::Policy;
use mayday_core::identity::AppId;
use mayday_core::ids::{AppUuid, RecordId};
use mayday_core::time::Timestamp;
use serde_json::Value;

use crate::apps;
use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::row::Row;
use crate::sql::Sql;
use crate::tx::Tx;

static CURRENT: Sql = Sql::new(
    "SELECT id, version, document, set_by, set_from, set_at FROM escalation_policies
     WHERE app_id = $1 ORDER BY version DESC LIMIT 1",
);
static BY_ID: Sql = Sql::new(
    "SELECT id, version, document, set_by, set_from, set_at FROM escalation_policies
     WHERE id = $1",
);
static VERSIONS: Sql = Sql::new(
    "SELECT id, version, document, set_by, set_from, set_at FROM escalation_policies
     WHERE app_id = $1 AND version < $2 ORDER BY version DESC LIMIT $3",
);
static INSERT: Sql = Sql::new(
    "INSERT INTO escalation_policies (app_id, version, id, document, set_by, set_from, set_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7)",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&CURRENT, &BY_ID, &VERSIONS, &INSERT];

/// A policy as it was set.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyVersion {
    /// The request that set it.
    pub id: RecordId,
    /// Counted from 1 within the app.
    pub version: u32,
    /// The policy as [`Policy::parse`] reads it.
    pub document: Value,
    /// Who set it, in the words of the request.
    pub set_by: String,
    /// From where, in the words of the request.
    pub set_from: String,
    /// When.
    pub set_at: Timestamp,
}

/// The policy in force: the newest, or the default when none was set.
///
/// One that this binary cannot read (a newer one wrote it, and it was put back)
/// is logged and replaced by the default: people are told of an SOS by other
/// rules rather than not at all.
pub async fn current(tx: &mut Tx<'_>, app: AppUuid) -> Result<Policy, StoreError> {
    let Some(set) = newest(tx, app).await? else {
        return Ok(Policy::default());
    };
    Ok(Policy::parse(&set.document).unwrap_or_else(|faults| {
        let fault = faults.first().map_or("", |fault| fault.message.as_str());
        tracing::error!(
            app = %app,
            policy.version = set.version,
            fault,
            "the escalation policy cannot be read: the default one is used, set it again"
        );
        Policy::default()
    }))
}

/// The newest version; `None` while the default is in force.
pub async fn newest(tx: &mut Tx<'_>, app: AppUuid) -> Result<Option<PolicyVersion>, StoreError> {
    let row = tx.fetch_optional(&CURRENT, args![app]).await?;
    row.as_ref().map(read).transpose()
}

/// The versions before `before` (all when `None`), newest first.
pub async fn versions(
    tx: &mut Tx<'_>,
    app: AppUuid,
    before: Option<u32>,
    limit: u32,
) -> Result<Vec<PolicyVersion>, StoreError> {
    let before = before.map_or(i64::MAX, i64::from);
    let rows = tx.fetch_all(&VERSIONS, args![app, before, limit]).await?;
    rows.iter().map(read).collect()
}

/// Sets an app's policy. The same policy again makes no new version.
#[derive(Clone, Debug)]
pub struct SetPolicy {
    /// The request.
    pub id: RecordId,
    /// The app's public id.
    pub app_id: AppId,
    /// What is to be in force.
    pub policy: Policy,
    /// The version that was looked at before (0: the default); another one in
    /// force is a refusal, so that nobody's change is undone unseen.
    pub expected: Option<u32>,
    /// Who sets it.
    pub set_by: String,
    /// From where.
    pub set_from: String,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq)]
pub enum PolicyChange {
    /// This version is in force.
    InForce(PolicyVersion),
    /// Another version than the expected one is in force: this one.
    Moved(u32),
    /// There is no such app.
    UnknownApp,
}

impl Command for SetPolicy {
    type Output = PolicyChange;

    const NAME: &'static str = "policy.set";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<PolicyChange, StoreError> {
        let Some(app) = apps::lock(tx, &self.app_id).await? else {
            return Ok(PolicyChange::UnknownApp);
        };
        if let Some(done) = by_id(tx, self.id).await? {
            return Ok(PolicyChange::InForce(done));
        }
        let newest = newest(tx, app).await?;
        let version = newest.as_ref().map_or(0, |set| set.version);
        if self.expected.is_some_and(|expected| expected != version) {
            return Ok(PolicyChange::Moved(version));
        }
        let document = self.policy.to_json();
        if let Some(same) = newest.filter(|set| set.document == document) {
            return Ok(PolicyChange::InForce(same));
        }
        let set = PolicyVersion {
            id: self.id,
            version: version.saturating_add(1),
            document,
            set_by: self.set_by.clone(),
            set_from: self.set_from.clone(),
            set_at: tx.now(),
        };
        let text = set.document.to_string();
        let values = args![
            app,
            set.version,
            set.id,
            &text,
            &set.set_by,
            &set.set_from,
            set.set_at,
        ];
        tx.execute_one(&INSERT, values).await?;
        Ok(PolicyChange::InForce(set))
    }
}

async fn by_id(tx: &mut Tx<'_>, id: RecordId) -> Result<Option<PolicyVersion>, StoreError> {
    let row = tx.fetch_optional(&BY_ID, args![id]).await?;
    row.as_ref().map(read).transpose()
}

fn read(row: &Row) -> Result<PolicyVersion, StoreError> {
    Ok(PolicyVersion {
        id: row.get(0)?,
        version: row.get(1)?,
        document: row.get(2)?,
        set_by: row.get(3)?,
        set_from: row.get(4)?,
        set_at: row.get(5)?,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::command::Lane;
    use crate::on_both;
    use crate::testing::TestStore;

    async fn set(store: &TestStore, set: SetPolicy) -> PolicyChange {
        store.write(Lane::Rest, set).await.unwrap()
    }

    fn change(store: &TestStore, app_id: &AppId, grace: u64) -> SetPolicy {
        SetPolicy {
            id: RecordId::generate(store.clock.as_ref(), store.entropy.as_ref()),
            app_id: app_id.clone(),
            policy: Policy {
                grace: Duration::from_secs(grace),
                ..Policy::default()
            },
            expected: None,
            set_by: "ann".to_owned(),
            set_from: "desk".to_owned(),
        }
    }

    fn version(change: &PolicyChange) -> u32 {
        match change {
            PolicyChange::InForce(set) => set.version,
            other => panic!("{other:?}"),
        }
    }

    on_both!(
        each_version_is_kept_and_the_newest_is_in_force,
        |store| async move {
            let app = store.app("shop").await;
            let other = store.app("other").await;
            let grace = async |app| {
                let mut tx = store.read().await.unwrap();
                current(&mut tx, app).await.unwrap().grace.as_secs()
            };
            assert_eq!(grace(app.id).await, 15);
            let first = change(&store, &app.app_id, 20);
            assert_eq!(version(&set(&store, first.clone()).await), 1);
            // Run again, as after a lost answer; and the same policy once more.
            assert_eq!(version(&set(&store, first).await), 1);
            assert_eq!(
                version(&set(&store, change(&store, &app.app_id, 20)).await),
                1
            );
            assert_eq!(
                version(&set(&store, change(&store, &app.app_id, 30)).await),
                2
            );
            assert_eq!((grace(app.id).await, grace(other.id).await), (30, 15));
            let mut tx = store.read().await.unwrap();
            let all = versions(&mut tx, app.id, None, 10).await.unwrap();
            let graces: Vec<_> = all.iter().map(|v| &v.document["grace_seconds"]).collect();
            assert_eq!(graces, [30, 20]);
            assert_eq!(
                (all[1].set_by.as_str(), all[1].set_from.as_str()),
                ("ann", "desk")
            );
            let older = versions(&mut tx, app.id, Some(2), 10).await.unwrap();
            assert_eq!(older, all[1..]);
        }
    );

    on_both!(nobodys_change_is_undone_unseen, |store| async move {
        let app = store.app("shop").await;
        let expecting = |version, grace| SetPolicy {
            expected: Some(version),
            ..change(&store, &app.app_id, grace)
        };
        assert_eq!(version(&set(&store, expecting(0, 20)).await), 1);
        assert_eq!(set(&store, expecting(0, 30)).await, PolicyChange::Moved(1));
        assert_eq!(version(&set(&store, expecting(1, 30)).await), 2);
        let nobody = AppId::parse("nobody").unwrap();
        assert_eq!(
            set(&store, change(&store, &nobody, 1)).await,
            PolicyChange::UnknownApp
        );
    });

    on_both!(
        a_policy_that_cannot_be_read_is_the_default,
        |store| async move {
            struct Future(AppUuid, RecordId);
            impl Command for Future {
                type Output = ();
                const NAME: &'static str = "test.policy_of_the_future";
                async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
                    let now = tx.now();
                    let values = args![self.0, 1_u32, self.1, r#"{"version":9}"#, "", "", now];
                    tx.execute_one(&INSERT, values).await
                }
            }
            let app = store.app("shop").await;
            let id = RecordId::generate(store.clock.as_ref(), store.entropy.as_ref());
            store.write(Lane::Rest, Future(app.id, id)).await.unwrap();
            let mut tx = store.read().await.unwrap();
            assert_eq!(current(&mut tx, app.id).await.unwrap(), Policy::default());
        }
    );
}
