//! What operators are told: one open alert per matter.

use mayday_core::ids::{AppUuid, IncidentId, RecordId, UserId};
use mayday_core::time::Timestamp;
use serde_json::Value;

use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::row::Row;
use crate::sql::Sql;
use crate::tx::Tx;
use crate::unattributed;

static RAISE: Sql = Sql::new(
    "INSERT INTO alerts (id, app_id, kind, key, user_id, incident_id, detail, created_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
     ON CONFLICT (key) WHERE closed_at IS NULL DO NOTHING",
);
static CLOSE: Sql =
    Sql::new("UPDATE alerts SET closed_at = $2 WHERE key = $1 AND closed_at IS NULL");
static CLOSE_OF_INCIDENT: Sql =
    Sql::new("UPDATE alerts SET closed_at = $2 WHERE incident_id = $1 AND closed_at IS NULL");
static PAGE: Sql = Sql::new(
    "SELECT id, kind, user_id, incident_id, detail, created_at, closed_at
     FROM alerts WHERE app_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
);
static OPEN_PAGE: Sql = Sql::new(
    "SELECT id, kind, user_id, incident_id, detail, created_at, closed_at
     FROM alerts WHERE app_id = $1 AND id < $2 AND closed_at IS NULL ORDER BY id DESC LIMIT $3",
);

static PRUNE: Sql = Sql::new(
    "DELETE FROM alerts WHERE id IN
        (SELECT id FROM alerts WHERE closed_at <= $1 ORDER BY closed_at LIMIT $2)",
);

static GET: Sql = Sql::new(
    "SELECT id, kind, user_id, incident_id, detail, created_at, closed_at
     FROM alerts WHERE id = $1 AND app_id = $2",
);
static OF_INCIDENT: Sql = Sql::new(
    "SELECT id, kind, user_id, incident_id, detail, created_at, closed_at
     FROM alerts WHERE incident_id = $1 ORDER BY created_at, id LIMIT $2",
);
static CLOSE_BY_ID: Sql =
    Sql::new("UPDATE alerts SET closed_at = $2 WHERE id = $1 AND closed_at IS NULL");

static DETAIL: Sql = Sql::new("SELECT detail FROM alerts WHERE key = $1 AND closed_at IS NULL");
static REPLACE: Sql =
    Sql::new("UPDATE alerts SET closed_at = $2, detail = $3 WHERE key = $1 AND closed_at IS NULL");

pub(crate) const STATEMENTS: &[&Sql] = &[
    &DETAIL,
    &REPLACE,
    &RAISE,
    &CLOSE,
    &CLOSE_OF_INCIDENT,
    &PAGE,
    &OPEN_PAGE,
    &PRUNE,
    &GET,
    &OF_INCIDENT,
    &CLOSE_BY_ID,
];

/// Most alerts of one incident that are read.
const MAX_OF_INCIDENT: u32 = 100;

/// What an alert is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlertKind {
    /// Somebody who may not cancel an incident asked for it.
    CancelRequested,
    /// An SOS was cancelled under duress and goes on, hidden.
    Duress,
    /// An open incident has shown no sign of life for 24 h.
    SilentIncident,
    /// The phone of an open incident has said nothing for as long as the policy
    /// allows; closed when it speaks again.
    PhoneSilent,
    /// The battery of an open incident's phone is low.
    BatteryLow,
    /// A relayed SOS of a device that nobody has registered.
    UnattributedSos,
    /// Unattributed SOS are more than are kept; repeats and the oldest make room.
    UnattributedFull,
    /// Everybody was asked in an escalation, and nobody answered.
    UnansweredSos,
    /// A device is claimed that another user listed earlier.
    ContestedDevice,
    /// More messages and calls within an hour than the caps allow.
    SendingCap,
    /// A notification was given up on after its last attempt.
    WebhookFailing,
    /// An endpoint answered that it wants no more, and was disabled.
    WebhookDisabled,
    /// Log-ins of addresses are refused for a while, after too many that failed.
    LoginsBanned,
    /// More log-ins of an app fail than anybody mistypes.
    LoginsFailing,
    /// An app's token info URL failed so often that it is left alone for a while;
    /// closed when it answers again.
    TokenInfoFailing,
}

impl AlertKind {
    /// The word in the store and for operators.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CancelRequested => "cancel_requested",
            Self::Duress => "duress",
            Self::SilentIncident => "silent_incident",
            Self::PhoneSilent => "phone_silent",
            Self::BatteryLow => "battery_low",
            Self::UnattributedSos => "unattributed_sos",
            Self::UnattributedFull => "unattributed_full",
            Self::UnansweredSos => "unanswered_sos",
            Self::ContestedDevice => "contested_device",
            Self::SendingCap => "sending_cap",
            Self::WebhookFailing => "webhook_failing",
            Self::WebhookDisabled => "webhook_disabled",
            Self::LoginsBanned => "logins_banned",
            Self::LoginsFailing => "logins_failing",
            Self::TokenInfoFailing => "token_info_failing",
        }
    }
}

/// An alert to be raised.
#[derive(Clone, Debug)]
pub struct NewAlert<'a> {
    /// The app it concerns.
    pub app: AppUuid,
    /// What it is about.
    pub kind: AlertKind,
    /// With the kind: one open alert each.
    pub key: &'a str,
    /// The user it is about.
    pub user: Option<UserId>,
    /// The incident it is about; its end closes the alert.
    pub incident: Option<IncidentId>,
    /// More, for a person to read.
    pub detail: Value,
}

/// An alert as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    /// Its id.
    pub id: RecordId,
    /// [`AlertKind::as_str`].
    pub kind: String,
    /// The user it is about.
    pub user: Option<UserId>,
    /// The incident it is about.
    pub incident: Option<IncidentId>,
    /// More, for a person to read.
    pub detail: Value,
    /// When it was raised.
    pub created_at: Timestamp,
    /// When what it is about was over.
    pub closed_at: Option<Timestamp>,
}

/// Raises an alert, unless one of the same kind and key is open.
pub async fn raise(tx: &mut Tx<'_>, new: NewAlert<'_>) -> Result<(), StoreError> {
    let id = RecordId::generate(tx.clock(), tx.entropy());
    let (key, detail) = (full_key(new.kind, new.key), new.detail.to_string());
    let now = tx.now();
    let values = args![
        id,
        new.app,
        new.kind.as_str(),
        &key,
        new.user,
        new.incident,
        &detail,
        now,
    ];
    tx.execute(&RAISE, values).await?;
    Ok(())
}

/// Closes an open alert, if there is one.
pub async fn close(tx: &mut Tx<'_>, kind: AlertKind, key: &str) -> Result<(), StoreError> {
    let (key, now) = (full_key(kind, key), tx.now());
    tx.execute(&CLOSE, args![&key, now]).await?;
    Ok(())
}

/// Closes an open alert whose matter made room for others before anybody dealt with
/// it: `replaced` in its detail says so.
pub async fn close_as_replaced(
    tx: &mut Tx<'_>,
    kind: AlertKind,
    key: &str,
) -> Result<(), StoreError> {
    let (key, now) = (full_key(kind, key), tx.now());
    let Some(row) = tx.fetch_optional(&DETAIL, args![&key]).await? else {
        return Ok(());
    };
    let mut detail: Value = row.get(0)?;
    if let Some(members) = detail.as_object_mut() {
        members.insert("replaced".to_owned(), Value::Bool(true));
    }
    let detail = detail.to_string();
    tx.execute(&REPLACE, args![&key, now, &detail]).await?;
    Ok(())
}

/// An operator has dealt with what an alert tells; with it, an unattributed SOS is
/// settled. Output: the alert, closed; `None`: the app has no such alert.
#[derive(Clone, Copy, Debug)]
pub struct CloseAlert {
    /// The app.
    pub app: AppUuid,
    /// Which alert.
    pub alert: RecordId,
}

impl Command for CloseAlert {
    type Output = Option<Alert>;
    const NAME: &'static str = "alerts.close";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Option<Alert>, StoreError> {
        let one = args![self.alert, self.app];
        let Some(row) = tx.fetch_optional(&GET, one).await? else {
            return Ok(None);
        };
        let now = tx.now();
        tx.execute(&CLOSE_BY_ID, args![self.alert, now]).await?;
        let mut alert = alert_of(&row)?;
        if alert.kind == AlertKind::UnattributedSos.as_str()
            && let Some(record) = alert.detail.get("unattributed_id")
            && let Some(record) = record.as_str().and_then(|id| id.parse().ok())
        {
            unattributed::settle(tx, record, None).await?;
        }
        alert.closed_at = alert.closed_at.or(Some(now));
        Ok(Some(alert))
    }
}

/// Closes the open alerts about an incident.
pub async fn close_of_incident(tx: &mut Tx<'_>, incident: IncidentId) -> Result<(), StoreError> {
    let now = tx.now();
    tx.execute(&CLOSE_OF_INCIDENT, args![incident, now]).await?;
    Ok(())
}

/// Removes some alerts that were closed before; how many.
pub(crate) async fn prune(
    tx: &mut Tx<'_>,
    before: Timestamp,
    limit: i64,
) -> Result<u64, StoreError> {
    tx.execute(&PRUNE, args![before, limit]).await
}

/// An app's alerts, newest first, those older than `before`.
pub async fn page(
    tx: &mut Tx<'_>,
    app: AppUuid,
    before: Option<RecordId>,
    limit: u32,
) -> Result<Vec<Alert>, StoreError> {
    let before = before.unwrap_or(RecordId(uuid::Uuid::max()));
    let rows = tx.fetch_all(&PAGE, args![app, before, limit]).await?;
    rows.iter().map(alert_of).collect()
}

/// Those of them that wait for an operator.
pub async fn open_page(
    tx: &mut Tx<'_>,
    app: AppUuid,
    before: Option<RecordId>,
    limit: u32,
) -> Result<Vec<Alert>, StoreError> {
    let before = before.unwrap_or(RecordId(uuid::Uuid::max()));
    let rows = tx.fetch_all(&OPEN_PAGE, args![app, before, limit]).await?;
    rows.iter().map(alert_of).collect()
}

/// The alerts about an incident, open or closed, the first first.
pub async fn of_incident(tx: &mut Tx<'_>, incident: IncidentId) -> Result<Vec<Alert>, StoreError> {
    let values = args![incident, MAX_OF_INCIDENT];
    let rows = tx.fetch_all(&OF_INCIDENT, values).await?;
    rows.iter().map(alert_of).collect()
}

fn full_key(kind: AlertKind, key: &str) -> String {
    format!("{}:{key}", kind.as_str())
}

fn alert_of(row: &Row) -> Result<Alert, StoreError> {
    Ok(Alert {
        id: row.get(0)?,
        kind: row.get(1)?,
        user: row.get(2)?,
        incident: row.get(3)?,
        detail: row.get(4)?,
        created_at: row.get(5)?,
        closed_at: row.get(6)?,
    })
}
