//! Activates and deactivates apps and changes their policies.

use mayday_core::identity::{AppId, CancelPolicy};

use super::{AppRow, find, lock};
use crate::args;
use crate::command::Command;
use crate::control;
use crate::error::StoreError;
use crate::sql::Sql;
use crate::tx::Tx;

static ACTIVATE: Sql =
    Sql::new("UPDATE apps SET deactivated_at = NULL WHERE id = $1 AND deactivated_at IS NOT NULL");
static DEACTIVATE: Sql =
    Sql::new("UPDATE apps SET deactivated_at = $2 WHERE id = $1 AND deactivated_at IS NULL");
static REQUIRE: Sql = Sql::new("UPDATE apps SET require_expiring = $2 WHERE id = $1");
static CANCEL: Sql = Sql::new("UPDATE apps SET cancel_policy = $2 WHERE id = $1");

static SIGNATURE: Sql = Sql::new("UPDATE apps SET cancel_signature = $2 WHERE id = $1");

pub(crate) const STATEMENTS: &[&Sql] = &[&ACTIVATE, &DEACTIVATE, &REQUIRE, &CANCEL, &SIGNATURE];

/// Activates or deactivates an app. Answers the app, `None` when unknown.
#[derive(Debug)]
pub struct SetAppActive {
    /// The public id.
    pub app_id: AppId,
    /// Whether its users are let in.
    pub active: bool,
}

impl Command for SetAppActive {
    type Output = Option<AppRow>;

    const NAME: &'static str = "app.set_active";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Self::Output, StoreError> {
        let Some(id) = lock(tx, &self.app_id).await? else {
            return Ok(None);
        };
        let changed = if self.active {
            tx.execute(&ACTIVATE, args![id]).await?
        } else {
            let now = tx.now();
            tx.execute(&DEACTIVATE, args![id, now]).await?
        };
        if changed > 0 {
            control::raise(tx).await?;
        }
        find(tx, &self.app_id).await
    }
}

/// Changes what is given of an app's policy. Answers the app, `None` when
/// unknown.
#[derive(Debug)]
pub struct SetAppPolicy {
    /// The public id.
    pub app_id: AppId,
    /// Whether static hashes are refused.
    pub require_expiring: Option<bool>,
    /// Who may cancel somebody else's incident.
    pub cancel: Option<CancelPolicy>,
    /// Whether cancelling takes the PIN of a user who has one.
    pub cancel_signature: Option<bool>,
}

impl Command for SetAppPolicy {
    type Output = Option<AppRow>;

    const NAME: &'static str = "app.set_policy";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Self::Output, StoreError> {
        let Some(id) = lock(tx, &self.app_id).await? else {
            return Ok(None);
        };
        if let Some(require) = self.require_expiring {
            tx.execute_one(&REQUIRE, args![id, require]).await?;
        }
        if let Some(cancel) = self.cancel {
            tx.execute_one(&CANCEL, args![id, cancel.as_str()]).await?;
        }
        if let Some(asks) = self.cancel_signature {
            tx.execute_one(&SIGNATURE, args![id, asks]).await?;
        }
        control::raise(tx).await?;
        find(tx, &self.app_id).await
    }
}
