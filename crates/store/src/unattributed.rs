//! Relayed SOS of devices that nobody has registered: kept for operators, not
//! opened on the gateway's user (contract: SOS, Relay).
//!
//! What one gateway relays for one device is one row with a counter, its first and
//! its latest body, as long as it comes within [`SECOND_CRY_AFTER`] of the last
//! one; after that it is a second cry, a row and an alert of its own. A relay that
//! names no device is always one of its own: nothing tells two people apart in it.
//! There are at most [`KEPT_PER_GATEWAY`] and [`KEPT_PER_APP`] rows; `bounds` says
//! which go.

mod bounds;

use mayday_core::device::{device_key, is_friendly_name, is_identifier};
use mayday_core::ids::{AppUuid, IncidentId, RecordId, UserId};
use mayday_core::notification::NotificationType;
use mayday_core::sos::{Flags, PositionSource, SECOND_CRY_AFTER, Trigger, kept_raw};
use mayday_core::time::Timestamp;
use mayday_core::transport::Transport;
use serde_json::json;

pub use bounds::{KEPT_PER_APP, KEPT_PER_GATEWAY};
pub(crate) use bounds::{STATEMENTS as BOUND_STATEMENTS, prune, settle};

use crate::alerts::{self, AlertKind, NewAlert};
use crate::args;
use crate::error::StoreError;
use crate::row::Row;
use crate::sql::Sql;
use crate::tx::Tx;
use crate::users;
use crate::webhooks::notify_now;

static INSERT: Sql = Sql::new(
    "INSERT INTO unattributed (id, app_id, user_id, transport, device_id, hardware_id,
        originator_node_id, relay_node_id, latitude, longitude, flags, raw, received_at,
        last_received_at, device_key)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13, $14)",
);
static LATEST: Sql = Sql::new(
    "SELECT id, flags, last_received_at FROM unattributed
     WHERE user_id = $1 AND device_key = $2 AND standing = 2 ORDER BY id DESC LIMIT 1",
);
static REPEAT: Sql = Sql::new(
    "UPDATE unattributed SET reports = reports + 1, last_received_at = $2, latest_raw = $3,
        flags = $4, latitude = COALESCE($5, latitude), longitude = COALESCE($6, longitude)
     WHERE id = $1",
);
static SUPERSEDE: Sql = Sql::new(
    "UPDATE unattributed SET standing = 1
     WHERE user_id = $1 AND device_key = $2 AND standing = 2",
);
/// The one that is no longer among a gateway's last, unless it is among its first.
static FORGET_MIDDLE_BODY: Sql = Sql::new(
    "UPDATE unattributed SET raw = $2, latest_raw = NULL
     WHERE id = (SELECT id FROM unattributed WHERE user_id = $1 ORDER BY id DESC LIMIT 1 OFFSET $3)
       AND id > (SELECT id FROM unattributed WHERE user_id = $1 ORDER BY id LIMIT 1 OFFSET $4)",
);
static FORGET_BODIES: Sql = Sql::new(
    "UPDATE unattributed SET raw = $2, latest_raw = NULL WHERE id IN
        (SELECT id FROM unattributed WHERE (length(raw) > 0 OR latest_raw IS NOT NULL)
            AND received_at <= $1 AND last_received_at <= $1
         ORDER BY received_at LIMIT $3)",
);
static PAGE: Sql = Sql::new(
    "SELECT id, user_id, transport, device_id, hardware_id, originator_node_id, relay_node_id,
        latitude, longitude, flags, raw, received_at, incident_id, reports, last_received_at,
        latest_raw, settled_at
     FROM unattributed WHERE app_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
);

pub(crate) const STATEMENTS: &[&Sql] = &[
    &INSERT,
    &LATEST,
    &REPEAT,
    &SUPERSEDE,
    &FORGET_MIDDLE_BODY,
    &FORGET_BODIES,
    &PAGE,
];

/// Of how many records of a gateway the raw body is kept, from each end.
const RAW_AT_EACH_END: i64 = 20;
/// What a body that is no longer kept is.
const NO_BODY: &[u8] = &[];

/// A relayed SOS to be kept.
#[derive(Clone, Copy, Debug)]
pub struct NewUnattributed<'a> {
    /// The app.
    pub app: AppUuid,
    /// The gateway's user.
    pub gateway: UserId,
    /// How it came.
    pub transport: Transport,
    /// What it says.
    pub trigger: &'a Trigger,
    /// All flags it raises.
    pub flags: Flags,
    /// The body as sent.
    pub body: &'a [u8],
    /// When it came.
    pub received_at: Timestamp,
}

/// A relayed SOS as kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Unattributed {
    /// Its id.
    pub id: RecordId,
    /// The gateway's user.
    pub gateway: UserId,
    /// `http` or `mqtt`.
    pub transport: String,
    /// `deviceId`.
    pub device_id: Option<String>,
    /// `hardwareId`.
    pub hardware_id: Option<String>,
    /// `originatorNodeId`.
    pub originator_node_id: Option<u32>,
    /// `relayNodeId`.
    pub relay_node_id: Option<u32>,
    /// Degrees, of the latest report that had a position.
    pub latitude: Option<f64>,
    /// Degrees.
    pub longitude: Option<f64>,
    /// What is odd about it.
    pub flags: Flags,
    /// The beginning of what was sent first; empty once it is no longer kept.
    pub raw: Vec<u8>,
    /// The beginning of what was sent last, if it came more than once.
    pub latest_raw: Option<Vec<u8>>,
    /// How often it came.
    pub reports: i64,
    /// When it came first.
    pub received_at: Timestamp,
    /// When it came last.
    pub last_received_at: Timestamp,
    /// When it became an incident or an operator closed its alert.
    pub settled_at: Option<Timestamp>,
    /// The incident that it became when it was sent again.
    pub incident: Option<IncidentId>,
}

/// Keeps a relayed SOS and tells operators, or counts it to the one that it
/// repeats.
pub(crate) async fn keep(
    tx: &mut Tx<'_>,
    new: &NewUnattributed<'_>,
) -> Result<RecordId, StoreError> {
    let device = named_device(new.trigger);
    if !device.is_empty() {
        if let Some(id) = repeat(tx, new, &device).await? {
            return Ok(id);
        }
        tx.execute(&SUPERSEDE, args![new.gateway, &device]).await?;
    }
    let id = insert(tx, new, &device).await?;
    let middle = args![new.gateway, NO_BODY, RAW_AT_EACH_END, RAW_AT_EACH_END - 1];
    tx.execute(&FORGET_MIDDLE_BODY, middle).await?;
    raise(tx, new, id).await?;
    tell_partner(tx, new).await?;
    bounds::keep_within(tx, new.app, new.gateway).await?;
    Ok(id)
}

/// The text that names the device, as compared; empty when none does, or a placeholder.
/// A friendly name only counts where nothing else is said: two people may share it.
fn named_device(trigger: &Trigger) -> String {
    let node = trigger.originator_node_id.map(|node| node.to_string());
    let texts = [&trigger.device_id, &node, &trigger.hardware_id];
    let mut texts = texts.into_iter().flatten().map(String::as_str);
    let label = texts.clone().find(|text| is_friendly_name(text));
    let named = texts.find(|text| is_identifier(text)).or(label);
    named.map(device_key).unwrap_or_default()
}

/// Counts a relay to the last one of the device; `None`: it repeats none.
async fn repeat(
    tx: &mut Tx<'_>,
    new: &NewUnattributed<'_>,
    device: &str,
) -> Result<Option<RecordId>, StoreError> {
    let latest = args![new.gateway, device];
    let Some(row) = tx.fetch_optional(&LATEST, latest).await? else {
        return Ok(None);
    };
    let (id, last): (RecordId, Timestamp) = (row.get(0)?, row.get(2)?);
    if new.received_at.since(last) > SECOND_CRY_AFTER {
        return Ok(None);
    }
    let known = Flags::from_stored(&row.get::<String>(1)?);
    let (flags, fix) = (new.flags.union(known).to_stored(), new.trigger.fix);
    let values = args![
        id,
        new.received_at.max(last),
        kept_raw(new.body),
        &flags,
        fix.map(|fix| fix.latitude),
        fix.map(|fix| fix.longitude),
    ];
    tx.execute_one(&REPEAT, values).await?;
    Ok(Some(id))
}

async fn insert(
    tx: &mut Tx<'_>,
    new: &NewUnattributed<'_>,
    device: &str,
) -> Result<RecordId, StoreError> {
    let id = RecordId::generate(tx.clock(), tx.entropy());
    let (trigger, flags) = (new.trigger, new.flags.to_stored());
    let values = args![
        id,
        new.app,
        new.gateway,
        new.transport.as_str(),
        trigger.device_id.as_deref(),
        trigger.hardware_id.as_deref(),
        trigger.originator_node_id,
        trigger.relay_node_id,
        trigger.fix.map(|fix| fix.latitude),
        trigger.fix.map(|fix| fix.longitude),
        &flags,
        kept_raw(new.body),
        new.received_at,
        device,
    ];
    tx.execute_one(&INSERT, values).await?;
    Ok(id)
}

async fn raise(tx: &mut Tx<'_>, new: &NewUnattributed<'_>, id: RecordId) -> Result<(), StoreError> {
    let trigger = new.trigger;
    let alert = NewAlert {
        app: new.app,
        kind: AlertKind::UnattributedSos,
        key: &id.to_string(),
        user: Some(new.gateway),
        incident: None,
        detail: json!({
            "unattributed_id": id,
            "device_id": trigger.device_id,
            "hardware_id": trigger.hardware_id,
            "originator_node_id": trigger.originator_node_id,
            "relay_node_id": trigger.relay_node_id,
        }),
    };
    alerts::raise(tx, alert).await
}

async fn tell_partner(tx: &mut Tx<'_>, new: &NewUnattributed<'_>) -> Result<(), StoreError> {
    let gateway = users::get(tx, new.gateway).await?;
    let name = gateway.map(|gateway| gateway.external_id.to_string());
    let position = new.trigger.fix.map(|fix| {
        json!({
            "latitude": fix.latitude,
            "longitude": fix.longitude,
            "altitude": fix.altitude,
            "source": PositionSource::Sos.as_str(),
            "time": new.trigger.time_or(new.received_at).to_string(),
        })
    });
    let data = [
        ("deviceId", new.trigger.device_id.clone().into()),
        ("relayUser", name.unwrap_or_default().into()),
        ("position", position.into()),
    ];
    let kind = NotificationType::SosUnattributed;
    notify_now(tx, (new.app, new.gateway), kind, data).await
}

/// Lets go of some bodies that were received before; how many.
pub(crate) async fn forget_bodies(
    tx: &mut Tx<'_>,
    before: Timestamp,
    limit: i64,
) -> Result<u64, StoreError> {
    tx.execute(&FORGET_BODIES, args![before, NO_BODY, limit])
        .await
}

/// An app's unattributed SOS, newest first, those older than `before`.
pub async fn page(
    tx: &mut Tx<'_>,
    app: AppUuid,
    before: Option<RecordId>,
    limit: u32,
) -> Result<Vec<Unattributed>, StoreError> {
    let before = before.unwrap_or(RecordId(uuid::Uuid::max()));
    let rows = tx.fetch_all(&PAGE, args![app, before, limit]).await?;
    rows.iter().map(record_of).collect()
}

fn record_of(row: &Row) -> Result<Unattributed, StoreError> {
    Ok(Unattributed {
        id: row.get(0)?,
        gateway: row.get(1)?,
        transport: row.get(2)?,
        device_id: row.get(3)?,
        hardware_id: row.get(4)?,
        originator_node_id: row.get(5)?,
        relay_node_id: row.get(6)?,
        latitude: row.get(7)?,
        longitude: row.get(8)?,
        flags: Flags::from_stored(&row.get::<String>(9)?),
        raw: row.get(10)?,
        received_at: row.get(11)?,
        incident: row.get(12)?,
        reports: row.get(13)?,
        last_received_at: row.get(14)?,
        latest_raw: row.get(15)?,
        settled_at: row.get(16)?,
    })
}
