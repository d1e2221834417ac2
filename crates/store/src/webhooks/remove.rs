//! Removes an endpoint, or tells one again that was disabled.

use mayday_core::identity::AppId;
use mayday_core::ids::EndpointId;

use super::{Endpoint, find};
use crate::alerts::{self, AlertKind};
use crate::apps;
use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::sql::Sql;
use crate::tx::Tx;

// The row stays, for the log of its deliveries; what is secret goes.
static REMOVE: Sql = Sql::new(
    "UPDATE webhook_endpoints SET removed_at = $2, sealed_url = NULL
     WHERE id = $1 AND removed_at IS NULL",
);
static FORGET_SECRETS: Sql = Sql::new("DELETE FROM webhook_secrets WHERE endpoint_id = $1");
static ENABLE: Sql = Sql::new(
    "UPDATE webhook_endpoints SET disabled_at = NULL, disabled_reason = NULL, failing_since = NULL
     WHERE id = $1",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&REMOVE, &FORGET_SECRETS, &ENABLE];

/// Removes an endpoint with its URL and secrets; its log stays for its time. Output:
/// the endpoint as it was; `None` when the app has none of this id.
#[derive(Clone, Debug)]
pub struct RemoveEndpoint {
    /// The app's public id.
    pub app_id: AppId,
    /// Which.
    pub endpoint: EndpointId,
}

impl Command for RemoveEndpoint {
    type Output = Option<Endpoint>;
    const NAME: &'static str = "webhook.remove";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Self::Output, StoreError> {
        let Some(app) = apps::lock(tx, &self.app_id).await? else {
            return Ok(None);
        };
        let Some(endpoint) = find(tx, app, self.endpoint).await? else {
            return Ok(None);
        };
        let now = tx.now();
        tx.execute_one(&REMOVE, args![self.endpoint, now]).await?;
        tx.execute(&FORGET_SECRETS, args![self.endpoint]).await?;
        close_alerts(tx, self.endpoint).await?;
        Ok(Some(endpoint))
    }
}

/// Tells an endpoint again that was disabled or is failing. Output: the endpoint;
/// `None` when the app has none of this id.
#[derive(Clone, Debug)]
pub struct EnableEndpoint {
    /// The app's public id.
    pub app_id: AppId,
    /// Which.
    pub endpoint: EndpointId,
}

impl Command for EnableEndpoint {
    type Output = Option<Endpoint>;
    const NAME: &'static str = "webhook.enable";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Self::Output, StoreError> {
        let Some(app) = apps::lock(tx, &self.app_id).await? else {
            return Ok(None);
        };
        if find(tx, app, self.endpoint).await?.is_none() {
            return Ok(None);
        }
        tx.execute_one(&ENABLE, args![self.endpoint]).await?;
        close_alerts(tx, self.endpoint).await?;
        find(tx, app, self.endpoint).await
    }
}

async fn close_alerts(tx: &mut Tx<'_>, endpoint: EndpointId) -> Result<(), StoreError> {
    let key = endpoint.to_string();
    alerts::close(tx, AlertKind::WebhookFailing, &key).await?;
    alerts::close(tx, AlertKind::WebhookDisabled, &key).await
}
