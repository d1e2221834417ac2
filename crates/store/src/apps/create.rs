//! Creates an app with its first secret.

use mayday_core::identity::signing::LiveSecret;
use mayday_core::identity::{AppId, AppPolicy};
use mayday_core::ids::AppUuid;

use super::{AppRow, MAX_APPS, find, secrets};
use crate::args;
use crate::command::Command;
use crate::control;
use crate::error::StoreError;
use crate::sql::Sql;
use crate::tx::Tx;

static COUNT: Sql = Sql::new("SELECT count(*) FROM apps");
static INSERT: Sql = Sql::new(
    "INSERT INTO apps (id, app_id, name, require_expiring, cancel_policy, created_at)
     VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (app_id) DO NOTHING",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&COUNT, &INSERT];

/// Creates an app with its first secret.
#[derive(Debug)]
pub struct CreateApp {
    /// The new internal id.
    pub id: AppUuid,
    /// The public id.
    pub app_id: AppId,
    /// The name for people.
    pub name: String,
    /// The new secret.
    pub secret: LiveSecret,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppCreation {
    /// The app.
    Created(AppRow),
    /// Another app has this id.
    Taken,
    /// There are [`MAX_APPS`] apps.
    TooMany,
}

impl Command for CreateApp {
    type Output = AppCreation;

    const NAME: &'static str = "app.create";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<AppCreation, StoreError> {
        if let Some(found) = find(tx, &self.app_id).await? {
            return Ok(self.compare(found));
        }
        let count: i64 = tx.fetch_one(&COUNT, args![]).await?.get(0)?;
        if count >= i64::from(MAX_APPS) {
            return Ok(AppCreation::TooMany);
        }
        let policy = AppPolicy::default();
        let now = tx.now();
        let values = args![
            self.id,
            &self.app_id,
            &self.name,
            policy.require_expiring,
            policy.cancel.as_str(),
            now,
        ];
        if tx.execute(&INSERT, values).await? == 1 {
            secrets::insert(tx, self.id, &self.secret).await?;
            control::raise(tx).await?;
        }
        let found = find(tx, &self.app_id).await?;
        Ok(found.map_or(AppCreation::Taken, |found| self.compare(found)))
    }
}

impl CreateApp {
    /// An app of this name is ours if it has the id that we were given.
    fn compare(&self, found: AppRow) -> AppCreation {
        if found.id == self.id {
            AppCreation::Created(found)
        } else {
            AppCreation::Taken
        }
    }
}
