//! Relayed SOS of devices that nobody has registered: kept for operators, not
//! opened on the gateway's user (contract: SOS, Relay).

use mayday_core::ids::{AppUuid, IncidentId, RecordId, UserId};
use mayday_core::sos::{Flags, Trigger, kept_raw};
use mayday_core::time::Timestamp;
use mayday_core::transport::Transport;
use serde_json::json;

use crate::alerts::{self, AlertKind, NewAlert};
use crate::args;
use crate::error::StoreError;
use crate::row::Row;
use crate::sql::Sql;
use crate::tx::Tx;

static INSERT: Sql = Sql::new(
    "INSERT INTO unattributed (id, app_id, user_id, transport, device_id, hardware_id,
        originator_node_id, relay_node_id, latitude, longitude, flags, raw, received_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
);
/// The one that is no longer among a gateway's last, unless it is among its first.
static FORGET_MIDDLE_BODY: Sql = Sql::new(
    "UPDATE unattributed SET raw = $2
     WHERE id = (SELECT id FROM unattributed WHERE user_id = $1 ORDER BY id DESC LIMIT 1 OFFSET $3)
       AND id > (SELECT id FROM unattributed WHERE user_id = $1 ORDER BY id LIMIT 1 OFFSET $4)",
);
static FORGET_BODIES: Sql = Sql::new(
    "UPDATE unattributed SET raw = $2 WHERE id IN
        (SELECT id FROM unattributed WHERE length(raw) > 0 AND received_at <= $1
         ORDER BY received_at LIMIT $3)",
);
static ATTRIBUTE: Sql =
    Sql::new("UPDATE unattributed SET incident_id = $2 WHERE id = $1 AND incident_id IS NULL");
static PAGE: Sql = Sql::new(
    "SELECT id, user_id, transport, device_id, hardware_id, originator_node_id, relay_node_id,
        latitude, longitude, flags, raw, received_at, incident_id
     FROM unattributed WHERE app_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
);

pub(crate) const STATEMENTS: &[&Sql] = &[
    &INSERT,
    &FORGET_MIDDLE_BODY,
    &FORGET_BODIES,
    &ATTRIBUTE,
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
    /// Degrees.
    pub latitude: Option<f64>,
    /// Degrees.
    pub longitude: Option<f64>,
    /// What is odd about it.
    pub flags: Flags,
    /// The beginning of what was sent; empty once it is no longer kept.
    pub raw: Vec<u8>,
    /// When it came.
    pub received_at: Timestamp,
    /// The incident that it became when it was sent again.
    pub incident: Option<IncidentId>,
}

/// Keeps a relayed SOS and tells operators.
pub(crate) async fn keep(
    tx: &mut Tx<'_>,
    new: &NewUnattributed<'_>,
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
    ];
    tx.execute_one(&INSERT, values).await?;
    let middle = args![new.gateway, NO_BODY, RAW_AT_EACH_END, RAW_AT_EACH_END - 1];
    tx.execute(&FORGET_MIDDLE_BODY, middle).await?;
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
    alerts::raise(tx, alert).await?;
    Ok(id)
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

/// Notes that a kept SOS has become an incident after all.
pub(crate) async fn attribute(
    tx: &mut Tx<'_>,
    record: RecordId,
    incident: IncidentId,
) -> Result<(), StoreError> {
    tx.execute(&ATTRIBUTE, args![record, incident]).await?;
    alerts::close(tx, AlertKind::UnattributedSos, &record.to_string()).await
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
    })
}
