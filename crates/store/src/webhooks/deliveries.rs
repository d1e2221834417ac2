//! The log: deliveries and their attempts, as administrators read them.

use mayday_core::ids::{AppUuid, DeliveryId, EndpointId, EventId, IncidentId};
use mayday_core::time::Timestamp;
use uuid::Uuid;

use crate::args;
use crate::error::StoreError;
use crate::row::Row;
use crate::sql::Sql;
use crate::tx::Tx;

/// Attempts that are shown of a delivery, the newest.
const MAX_ATTEMPTS: u32 = 100;

macro_rules! columns {
    () => {
        "d.id, d.endpoint_id, e.name, d.incident_id, d.notification_id, d.kind, d.body, d.state,
         d.attempts, d.due_at, d.created_at, d.updated_at, d.delivered_at, d.failed_at, d.error"
    };
}

static PAGE: Sql = Sql::new(concat!(
    "SELECT ",
    columns!(),
    " FROM webhook_deliveries d JOIN webhook_endpoints e ON e.id = d.endpoint_id
     WHERE d.app_id = $1 AND d.id < $2 AND e.channel = $3 ORDER BY d.id DESC LIMIT $4"
));
static PAGE_OF_ENDPOINT: Sql = Sql::new(concat!(
    "SELECT ",
    columns!(),
    " FROM webhook_deliveries d JOIN webhook_endpoints e ON e.id = d.endpoint_id
     WHERE d.endpoint_id = $5 AND d.app_id = $1 AND d.id < $2 AND e.channel = $3
     ORDER BY d.id DESC LIMIT $4"
));
static GET: Sql = Sql::new(concat!(
    "SELECT ",
    columns!(),
    " FROM webhook_deliveries d JOIN webhook_endpoints e ON e.id = d.endpoint_id
     WHERE d.id = $1 AND d.app_id = $2"
));
static ATTEMPTS: Sql = Sql::new(
    "SELECT number, started_at, took_ms, status, outcome, error, excerpt FROM webhook_attempts
     WHERE delivery_id = $1 ORDER BY number DESC LIMIT $2",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&PAGE, &PAGE_OF_ENDPOINT, &GET, &ATTEMPTS];

/// How far a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// An attempt is due, now or later.
    Pending,
    /// The endpoint took it.
    Delivered,
    /// It was given up on.
    Failed,
    /// It was taken back before it was sent.
    Skipped,
}

impl DeliveryState {
    /// The word in the store and for administrators.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [Self::Pending, Self::Delivered, Self::Failed, Self::Skipped]
            .into_iter()
            .find(|state| state.as_str() == word)
    }
}

/// A notification's way to an endpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// Where to.
    pub endpoint: EndpointId,
    /// The endpoint's name.
    pub endpoint_name: String,
    /// The incident that it belongs to.
    pub incident: Option<IncidentId>,
    /// The notification's id, of which `webhook-id` is made.
    pub notification: EventId,
    /// The type.
    pub kind: String,
    /// What is sent.
    pub body: serde_json::Value,
    /// How far it is.
    pub state: DeliveryState,
    /// Attempts that ended.
    pub attempts: i64,
    /// When the next attempt is due.
    pub due_at: Option<Timestamp>,
    /// When what it tells of happened.
    pub created_at: Timestamp,
    /// When it changed.
    pub updated_at: Timestamp,
    /// When it arrived first.
    pub delivered_at: Option<Timestamp>,
    /// When it was given up on.
    pub failed_at: Option<Timestamp>,
    /// What the last attempt met.
    pub error: Option<String>,
}

/// What of the log is wanted.
#[derive(Clone, Copy, Debug)]
pub struct LogQuery {
    /// The app.
    pub app: AppUuid,
    /// `webhook` or `slack`.
    pub channel: mayday_core::escalation::Channel,
    /// One endpoint's, or all.
    pub endpoint: Option<EndpointId>,
    /// Only those older than this one.
    pub before: Option<DeliveryId>,
    /// How many at most.
    pub limit: u32,
}

/// The deliveries of an app, newest first.
pub async fn log(tx: &mut Tx<'_>, query: LogQuery) -> Result<Vec<Delivery>, StoreError> {
    let before = query.before.unwrap_or(DeliveryId(Uuid::max()));
    let (app, channel, limit) = (query.app, query.channel.as_str(), query.limit);
    let rows = match query.endpoint {
        None => {
            let values = args![app, before, channel, limit];
            tx.fetch_all(&PAGE, values).await?
        }
        Some(endpoint) => {
            let values = args![app, before, channel, limit, endpoint];
            tx.fetch_all(&PAGE_OF_ENDPOINT, values).await?
        }
    };
    rows.iter().map(read).collect()
}

/// A delivery of an app.
pub async fn delivery(
    tx: &mut Tx<'_>,
    app: AppUuid,
    delivery: DeliveryId,
) -> Result<Option<Delivery>, StoreError> {
    let row = tx.fetch_optional(&GET, args![delivery, app]).await?;
    row.as_ref().map(read).transpose()
}

fn read(row: &Row) -> Result<Delivery, StoreError> {
    let state: String = row.get(7)?;
    Ok(Delivery {
        id: row.get(0)?,
        endpoint: row.get(1)?,
        endpoint_name: row.get(2)?,
        incident: row.get(3)?,
        notification: row.get(4)?,
        kind: row.get(5)?,
        body: row.get(6)?,
        state: DeliveryState::parse(&state)
            .ok_or_else(|| StoreError::column(7, format!("{state} is no state of a delivery")))?,
        attempts: row.get(8)?,
        due_at: row.get(9)?,
        created_at: row.get(10)?,
        updated_at: row.get(11)?,
        delivered_at: row.get(12)?,
        failed_at: row.get(13)?,
        error: row.get(14)?,
    })
}

/// An attempt on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptRow {
    /// From 1.
    pub number: i64,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took, in milliseconds.
    pub took_ms: i64,
    /// The HTTP status, if there was an answer.
    pub status: Option<i64>,
    /// `delivered`, `failed` or `gone`.
    pub outcome: String,
    /// Why it failed.
    pub error: Option<String>,
    /// The beginning of the answer.
    pub excerpt: String,
}

/// The attempts of a delivery, oldest first.
pub async fn attempts_of(
    tx: &mut Tx<'_>,
    delivery: DeliveryId,
) -> Result<Vec<AttemptRow>, StoreError> {
    let rows = tx
        .fetch_all(&ATTEMPTS, args![delivery, MAX_ATTEMPTS])
        .await?;
    rows.iter()
        .rev()
        .map(|row| {
            Ok(AttemptRow {
                number: row.get(0)?,
                started_at: row.get(1)?,
                took_ms: row.get(2)?,
                status: row.get(3)?,
                outcome: row.get(4)?,
                error: row.get(5)?,
                excerpt: row.get(6)?,
            })
        })
        .collect()
}
