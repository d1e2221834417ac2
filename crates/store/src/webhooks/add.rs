//! Adds an endpoint.

use mayday_core::escalation::Channel;
use mayday_core::identity::AppId;
use mayday_core::ids::{EndpointId, SecretId};
use mayday_core::notification::EventFilter;

use super::{Endpoint, MAX_ENDPOINTS, SecretText, find, secret_place, url_place};
use crate::apps;
use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::sql::Sql;
use crate::tx::Tx;

static COUNT: Sql =
    Sql::new("SELECT count(*) FROM webhook_endpoints WHERE app_id = $1 AND removed_at IS NULL");
static INSERT: Sql = Sql::new(
    "INSERT INTO webhook_endpoints (id, app_id, channel, name, shown_url, sealed_url, url_key_id,
        events, local, created_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
);
pub(super) static INSERT_SECRET: Sql = Sql::new(
    "INSERT INTO webhook_secrets (id, endpoint_id, sealed, key_id, created_at)
     VALUES ($1, $2, $3, $4, $5)",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&COUNT, &INSERT, &INSERT_SECRET];

/// A signing secret to be stored.
#[derive(Clone, Debug)]
pub struct NewSecret {
    /// Its id.
    pub id: SecretId,
    /// `whsec_..`.
    pub text: SecretText,
}

/// Adds an endpoint.
#[derive(Clone, Debug)]
pub struct AddEndpoint {
    /// Its id.
    pub id: EndpointId,
    /// The app's public id.
    pub app_id: AppId,
    /// [`Channel::Webhook`] or [`Channel::Slack`].
    pub channel: Channel,
    /// A name for people.
    pub name: String,
    /// What of the URL may be shown.
    pub shown_url: String,
    /// The URL.
    pub url: SecretText,
    /// What it wants.
    pub events: EventFilter,
    /// Whether http and private addresses are reached.
    pub local: bool,
    /// What its deliveries are signed with; Slack takes no signature.
    pub secret: Option<NewSecret>,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndpointAddition {
    /// It is told from now on.
    Added(Endpoint),
    /// The app has [`MAX_ENDPOINTS`].
    TooMany,
    /// There is no such app.
    UnknownApp,
}

impl Command for AddEndpoint {
    type Output = EndpointAddition;
    const NAME: &'static str = "webhook.add";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<EndpointAddition, StoreError> {
        let Some(app) = apps::lock(tx, &self.app_id).await? else {
            return Ok(EndpointAddition::UnknownApp);
        };
        if let Some(earlier) = find(tx, app, self.id).await? {
            return Ok(EndpointAddition::Added(earlier));
        }
        let count: i64 = tx.fetch_one(&COUNT, args![app]).await?.get(0)?;
        if count >= i64::from(MAX_ENDPOINTS) {
            return Ok(EndpointAddition::TooMany);
        }
        let url = self.url.expose().as_bytes();
        let sealed = tx.seal(url_place(self.id), url).await?;
        let (events, now) = (self.events.to_stored(), tx.now());
        let values = args![
            self.id,
            app,
            self.channel.as_str(),
            &self.name,
            &self.shown_url,
            &sealed.bytes,
            &sealed.key_id,
            &events,
            self.local,
            now,
        ];
        tx.execute_one(&INSERT, values).await?;
        if let Some(secret) = &self.secret {
            insert_secret(tx, self.id, secret).await?;
        }
        let added = find(tx, app, self.id).await?;
        let missing = || StoreError::column(0, "an endpoint that was stored is not there");
        Ok(EndpointAddition::Added(added.ok_or_else(missing)?))
    }
}

/// Stores a secret, sealed.
pub(super) async fn insert_secret(
    tx: &mut Tx<'_>,
    endpoint: EndpointId,
    secret: &NewSecret,
) -> Result<(), StoreError> {
    let plain = secret.text.expose().as_bytes();
    let sealed = tx.seal(secret_place(secret.id), plain).await?;
    let now = tx.now();
    let values = args![secret.id, endpoint, &sealed.bytes, &sealed.key_id, now];
    tx.execute_one(&INSERT_SECRET, values).await
}
