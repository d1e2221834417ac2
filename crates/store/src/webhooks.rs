//! Where notifications of an app go, and every notification's way there (contract:
//! Partner notifications).
//!
//! An *endpoint* is a partner's webhook or a Slack channel. A change that is told
//! writes one *delivery* per endpoint that wants it and one `webhook` job for it
//! ([`notify`]), in its own transaction. A worker makes an *attempt* and records it
//! ([`RecordAttempt`]), which is where the next attempt's job comes from: one job
//! per attempt, so that a job that runs twice finds its attempt recorded.
//!
//! The URL, the signing secrets and the app's key are sealed; jobs name a delivery
//! and nothing else.

pub(crate) mod add;
pub(crate) mod api_key;
pub(crate) mod backlog;
pub(crate) mod deliveries;
pub(crate) mod incident;
pub(crate) mod notify;
pub(crate) mod prune;
pub(crate) mod record;
pub(crate) mod remove;
pub(crate) mod replay;
pub(crate) mod rotate;
pub(crate) mod sending;
pub(crate) mod shield;
pub(crate) mod snapshot;

use std::fmt;

use mayday_core::escalation::Channel;
use mayday_core::ids::{AppUuid, EndpointId};
use mayday_core::notification::EventFilter;
use mayday_core::time::Timestamp;

pub use add::{AddEndpoint, EndpointAddition, NewSecret};
pub use api_key::{ApiKeyRow, RemoveApiKey, SetApiKey, api_key};
pub use deliveries::{AttemptRow, Delivery, DeliveryState, LogQuery, attempts_of, delivery, log};
pub use incident::{Doer, tell};
pub(crate) use notify::notify_now;
pub use notify::{NewNotification, StartTest, notify};
pub use prune::{DELIVERIES_KEPT, MAX_ENDED, PruneDeliveries};
pub use record::{AttemptEnd, BeginDelivery, RecordAttempt};
pub use remove::{EnableEndpoint, RemoveEndpoint};
pub use replay::{MAX_REPLAYED, ReplayDelivery, ReplayRange, Replayed};
pub use rotate::{RotateSecret, Rotation};
pub use sending::{Destination, Sending, destination, for_sending};
pub use snapshot::snapshot_items;

use crate::args;
use crate::error::StoreError;
use crate::row::Row;
use crate::secrets::Place;
use crate::sql::Sql;
use crate::tx::Tx;

/// The kind of the job that makes one attempt.
pub const WEBHOOK_JOB: &str = "webhook";

/// The version of its payload.
pub const WEBHOOK_JOB_VERSION: u32 = 1;

/// The most endpoints of an app, Slack channels included.
pub const MAX_ENDPOINTS: u32 = 20;

/// Deliveries that may wait for one endpoint; further ones are recorded as failed,
/// from where they can be replayed. See [`backlog`].
pub const MAX_PENDING: u32 = 10_000;

macro_rules! columns {
    () => {
        "e.id, e.app_id, e.channel, e.name, e.shown_url, e.events, e.local, e.created_at,
         e.disabled_at, e.disabled_reason, e.failing_since,
         (SELECT count(*) FROM webhook_deliveries d
            WHERE d.endpoint_id = e.id AND d.state = 'pending'),
         (SELECT count(*) FROM webhook_secrets s
            WHERE s.endpoint_id = e.id AND (s.expires_at IS NULL OR s.expires_at > $3))"
    };
}

static OF_APP: Sql = Sql::new(concat!(
    "SELECT ",
    columns!(),
    " FROM webhook_endpoints e WHERE e.app_id = $1 AND e.channel = $2 AND e.removed_at IS NULL
     ORDER BY e.id"
));
static FIND: Sql = Sql::new(concat!(
    "SELECT ",
    columns!(),
    " FROM webhook_endpoints e WHERE e.app_id = $1 AND e.id = $2 AND e.removed_at IS NULL"
));

static FAILING: Sql = Sql::new(
    "SELECT 1 FROM webhook_endpoints WHERE app_id = $1 AND removed_at IS NULL
        AND (disabled_at IS NOT NULL OR failing_since IS NOT NULL) LIMIT 1",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&OF_APP, &FIND, &FAILING];

/// An endpoint without its secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its id.
    pub id: EndpointId,
    /// Its app.
    pub app: AppUuid,
    /// [`Channel::Webhook`] or [`Channel::Slack`].
    pub channel: Channel,
    /// A name for people, shown to the victim's app too.
    pub name: String,
    /// What of its URL may be shown.
    pub shown_url: String,
    /// What it wants.
    pub events: EventFilter,
    /// Whether http and private addresses are reached.
    pub local: bool,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was disabled, and why; `None` while it is told.
    pub disabled: Option<(Timestamp, String)>,
    /// Since when deliveries are given up on.
    pub failing_since: Option<Timestamp>,
    /// Deliveries that wait.
    pub pending: i64,
    /// Secrets that sign at the moment.
    pub live_secrets: i64,
}

/// The endpoints of an app by age.
pub async fn of_app(
    tx: &mut Tx<'_>,
    app: AppUuid,
    channel: Channel,
) -> Result<Vec<Endpoint>, StoreError> {
    let now = tx.now();
    let values = args![app, channel.as_str(), now];
    let rows = tx.fetch_all(&OF_APP, values).await?;
    rows.iter().map(read).collect()
}

/// An endpoint of an app.
pub async fn find(
    tx: &mut Tx<'_>,
    app: AppUuid,
    endpoint: EndpointId,
) -> Result<Option<Endpoint>, StoreError> {
    let now = tx.now();
    let row = tx.fetch_optional(&FIND, args![app, endpoint, now]).await?;
    row.as_ref().map(read).transpose()
}

fn read(row: &Row) -> Result<Endpoint, StoreError> {
    let disabled_at: Option<Timestamp> = row.get(8)?;
    let reason: Option<String> = row.get(9)?;
    Ok(Endpoint {
        id: row.get(0)?,
        app: row.get(1)?,
        channel: channel_of(row, 2)?,
        name: row.get(3)?,
        shown_url: row.get(4)?,
        events: EventFilter::from_stored(&row.get::<String>(5)?),
        local: row.get(6)?,
        created_at: row.get(7)?,
        disabled: disabled_at.map(|at| (at, reason.unwrap_or_default())),
        failing_since: row.get(10)?,
        pending: row.get(11)?,
        live_secrets: row.get(12)?,
    })
}

/// Whether an endpoint of the app, a Slack channel included, is not told: its server
/// fails, or wanted no more.
pub async fn any_failing(tx: &mut Tx<'_>, app: AppUuid) -> Result<bool, StoreError> {
    let row = tx.fetch_optional(&FAILING, args![app]).await?;
    Ok(row.is_some())
}

fn channel_of(row: &Row, column: usize) -> Result<Channel, StoreError> {
    let word: String = row.get(column)?;
    Channel::parse(&word).ok_or_else(|| StoreError::column(column, format!("{word} is no channel")))
}

/// The only place in which an endpoint's URL opens.
fn url_place(endpoint: EndpointId) -> Place {
    Place {
        table: "webhook_endpoints",
        row: endpoint.uuid(),
        column: "sealed_url",
    }
}

/// The only place in which a secret opens.
fn secret_place(secret: mayday_core::ids::SecretId) -> Place {
    Place {
        table: "webhook_secrets",
        row: secret.uuid(),
        column: "sealed",
    }
}

/// The only place in which an app's key opens.
fn api_key_place(app: AppUuid) -> Place {
    Place {
        table: "webhook_api_keys",
        row: app.uuid(),
        column: "sealed",
    }
}

/// A text that is secret: a URL, a key. Never shown by `Debug`, wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(zeroize::Zeroizing<String>);

impl SecretText {
    /// Takes a text over.
    pub fn new(text: impl Into<String>) -> Self {
        Self(zeroize::Zeroizing::new(text.into()))
    }

    /// The text. Keep it out of logs, URLs and errors.
    pub fn expose(&self) -> &str {
        &self.0
    }

    fn of_bytes(bytes: &[u8], column: usize) -> Result<Self, StoreError> {
        let text = std::str::from_utf8(bytes)
            .map_err(|_| StoreError::column(column, "a secret is no text"))?;
        Ok(Self::new(text))
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

#[cfg(test)]
mod tests;
