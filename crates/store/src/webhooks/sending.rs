//! What is needed to make an attempt, opened.

use mayday_core::escalation::Channel;
use mayday_core::ids::{AppUuid, DeliveryId, EndpointId, EventId, IncidentId, SecretId, UserId};
use mayday_core::notification::NotificationType;

use super::{SecretText, api_key, channel_of, secret_place, url_place};
use crate::args;
use crate::error::StoreError;
use crate::secrets::Sealed;
use crate::sql::Sql;
use crate::tx::Tx;

static FIND: Sql = Sql::new(
    "SELECT d.endpoint_id, d.app_id, d.notification_id, d.kind, d.body, d.attempts, d.tries,
        e.channel, e.local, e.sealed_url, e.url_key_id, e.disabled_at, d.user_id, d.incident_id
     FROM webhook_deliveries d JOIN webhook_endpoints e ON e.id = d.endpoint_id
     WHERE d.id = $1 AND d.state = 'pending'",
);
static SECRETS: Sql = Sql::new(
    "SELECT id, sealed, key_id FROM webhook_secrets WHERE endpoint_id = $1
        AND (expires_at IS NULL OR expires_at > $2) ORDER BY created_at DESC, id DESC",
);

static OF_ENDPOINT: Sql = Sql::new(
    "SELECT app_id, channel, local, sealed_url, url_key_id FROM webhook_endpoints WHERE id = $1",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&FIND, &SECRETS, &OF_ENDPOINT];

/// A delivery that waits for an attempt.
#[derive(Clone, Debug)]
pub struct Sending {
    /// Where to.
    pub endpoint: EndpointId,
    /// The app.
    pub app: AppUuid,
    /// The notification's id.
    pub notification: EventId,
    /// The type.
    pub kind: String,
    /// The body, byte for byte.
    pub body: String,
    /// Attempts that ended.
    pub attempts: i64,
    /// Those since it was begun or replayed.
    pub tries: i64,
    /// `webhook` or `slack`.
    pub channel: Channel,
    /// Whose incident it is the alarm of, which the victim's app is shown.
    pub alarm: Option<(UserId, IncidentId)>,
    /// How to get there; `None` when the endpoint was disabled or removed.
    pub destination: Option<Destination>,
}

/// How to reach an endpoint. `Debug` shows no secret.
#[derive(Clone, Debug)]
pub struct Destination {
    /// Whether http and private addresses are reached.
    pub local: bool,
    /// The URL.
    pub url: SecretText,
    /// The live secrets, the newest first.
    pub secrets: Vec<SecretText>,
    /// A header of the app's own with its key; webhooks alone are shown it.
    pub api_key: Option<(String, SecretText)>,
}

/// A delivery that waits for an attempt; `None` when it does not, or is gone.
/// `even_disabled`: a test reaches an endpoint that is disabled, too.
pub async fn for_sending(
    tx: &mut Tx<'_>,
    delivery: DeliveryId,
    even_disabled: bool,
) -> Result<Option<Sending>, StoreError> {
    let Some(row) = tx.fetch_optional(&FIND, args![delivery]).await? else {
        return Ok(None);
    };
    let mut sending = Sending {
        endpoint: row.get(0)?,
        app: row.get(1)?,
        notification: row.get(2)?,
        kind: row.get(3)?,
        body: row.get(4)?,
        attempts: row.get(5)?,
        tries: row.get(6)?,
        channel: channel_of(&row, 7)?,
        alarm: None,
        destination: None,
    };
    if sending.kind == NotificationType::SosOpened.as_str() {
        let (user, incident): (Option<_>, Option<_>) = (row.get(12)?, row.get(13)?);
        sending.alarm = user.zip(incident);
    }
    let sealed: Option<Vec<u8>> = row.get(9)?;
    let disabled = row.get::<Option<i64>>(11)?.is_some();
    if let Some(bytes) = sealed.filter(|_| even_disabled || !disabled) {
        let url = Sealed {
            bytes,
            key_id: row.get(10)?,
        };
        let url = tx.unseal(url_place(sending.endpoint), &url)?;
        sending.destination = Some(Destination {
            local: row.get(8)?,
            url: SecretText::of_bytes(&url, 9)?,
            secrets: secrets(tx, sending.endpoint).await?,
            api_key: match sending.channel {
                Channel::Webhook => api_key::open(tx, sending.app).await?,
                _ => None,
            },
        });
    }
    Ok(Some(sending))
}

/// How to reach an endpoint, even one that is disabled, without a delivery; `None`
/// when it was removed.
pub async fn destination(
    tx: &mut Tx<'_>,
    endpoint: EndpointId,
) -> Result<Option<Destination>, StoreError> {
    let Some(row) = tx.fetch_optional(&OF_ENDPOINT, args![endpoint]).await? else {
        return Ok(None);
    };
    let Some(bytes) = row.get::<Option<Vec<u8>>>(3)? else {
        return Ok(None);
    };
    let url = Sealed {
        bytes,
        key_id: row.get(4)?,
    };
    let url = tx.unseal(url_place(endpoint), &url)?;
    let app: AppUuid = row.get(0)?;
    Ok(Some(Destination {
        local: row.get(2)?,
        url: SecretText::of_bytes(&url, 3)?,
        secrets: secrets(tx, endpoint).await?,
        api_key: match channel_of(&row, 1)? {
            Channel::Webhook => api_key::open(tx, app).await?,
            _ => None,
        },
    }))
}

async fn secrets(tx: &mut Tx<'_>, endpoint: EndpointId) -> Result<Vec<SecretText>, StoreError> {
    let now = tx.now();
    let rows = tx.fetch_all(&SECRETS, args![endpoint, now]).await?;
    rows.iter()
        .map(|row| {
            let id: SecretId = row.get(0)?;
            let sealed = Sealed {
                bytes: row.get(1)?,
                key_id: row.get(2)?,
            };
            SecretText::of_bytes(&tx.unseal(secret_place(id), &sealed)?, 1)
        })
        .collect()
}
