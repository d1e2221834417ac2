//! The device registry: who lists which device, and whose SOS a relay of it is
//! (contract: Telemetry and devices).
//!
//! A device has one owner per app: the user for whom an administrator decided,
//! else the earliest who still lists it; of two in the same microsecond, the one
//! whose external id comes first in byte order. That is computed from the rows,
//! so a removal hands the device on by itself.

pub(crate) mod assign;
pub(crate) mod page;
pub(crate) mod register;
pub(crate) mod remove;
mod whose;

use mayday_core::device::{Device, Ownership, device_key, is_identifier};
use mayday_core::ids::{AppUuid, DeviceId, UserId};
use mayday_core::time::Timestamp;

pub use assign::{AssignDevice, Assigned};
pub use page::{ListedDevice, page};
pub use register::{RegisterDevice, Registered};
pub use remove::RemoveDevice;
pub use whose::{Whose, whose};

use crate::args;
use crate::error::StoreError;
use crate::row::Row;
use crate::sql::Sql;
use crate::tx::Tx;

macro_rules! columns {
    () => {
        "d.id, d.user_id, d.hardware_id, d.alias, d.firmware_version, d.hardware_model, \
         d.paired_at, d.created_at, d.updated_at, d.assigned_at"
    };
}
pub(crate) use columns;

static OF_USER: Sql = Sql::new(concat!(
    "SELECT ",
    columns!(),
    " FROM devices d WHERE d.user_id = $1 ORDER BY d.created_at, d.id LIMIT $2"
));
static LISTED: Sql = Sql::new(concat!(
    "SELECT ",
    columns!(),
    " FROM devices d WHERE d.user_id = $1 AND (d.hardware_key = $2 OR d.alias_key = $2)
     ORDER BY CASE WHEN d.hardware_key = $2 THEN 0 ELSE 1 END, d.created_at, d.id LIMIT 1"
));
/// An administrator's decision comes first. A claim counts from when the user
/// named the device by this very text.
static FIRST_CLAIM: Sql = Sql::new(concat!(
    "SELECT ",
    columns!(),
    " FROM devices d JOIN users u ON u.id = d.user_id
     WHERE d.app_id = $1 AND (d.hardware_key = $2 OR d.alias_key = $2)
     ORDER BY CASE WHEN d.assigned_at IS NULL THEN 1 ELSE 0 END,
        CASE WHEN d.hardware_key = $2 THEN d.created_at ELSE d.aliased_at END, u.external_id
     LIMIT 1"
));
static SET_ALIAS: Sql = Sql::new(
    "UPDATE devices SET alias = $2, alias_key = $3, aliased_at = $4
     WHERE id = $1 AND (alias_key IS NULL OR alias_key = $5)",
);

pub(crate) const STATEMENTS: &[&Sql] = &[
    &OF_USER,
    &LISTED,
    &FIRST_CLAIM,
    &SET_ALIAS,
    &register::FIND,
    &register::COUNT,
    &register::INSERT,
    &register::UPDATE,
    &remove::FIND,
    &remove::DELETE,
    &assign::UNASSIGN,
    &assign::ASSIGN,
    &assign::CLAIMS,
    &page::PAGE,
    &page::CONTESTED,
    &page::AT,
];

/// Most devices that one read returns; above what a user may list.
const READ_LIMIT: i64 = 1_000;

/// A registration as stored; its ownership depends on others.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// The id of the registration.
    pub id: DeviceId,
    /// Who lists the device.
    pub user: UserId,
    /// The canonical identifier, as given.
    pub hardware_id: String,
    /// Another text that names it.
    pub alias: Option<String>,
    pub(crate) firmware_version: Option<String>,
    pub(crate) hardware_model: Option<String>,
    pub(crate) paired_at: Option<Timestamp>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    /// When an administrator decided for this user.
    pub(crate) assigned_at: Option<Timestamp>,
}

/// The device's owner in the app: the user for whom an administrator decided, else
/// the earliest who still lists it under this text, matched without case. `None`:
/// the app does not know it, or the text identifies nothing, even if an SOS once
/// made it an alias.
pub async fn owner_of(
    tx: &mut Tx<'_>,
    app: AppUuid,
    text: &str,
) -> Result<Option<Claim>, StoreError> {
    if !is_identifier(text) {
        return Ok(None);
    }
    let key = device_key(text);
    let row = tx.fetch_optional(&FIRST_CLAIM, args![app, &key]).await?;
    row.as_ref().map(claim_of).transpose()
}

/// The user's own registration of a device, contested or not.
pub async fn listed_by(
    tx: &mut Tx<'_>,
    user: UserId,
    text: &str,
) -> Result<Option<Claim>, StoreError> {
    let key = device_key(text);
    let row = tx.fetch_optional(&LISTED, args![user, &key]).await?;
    row.as_ref().map(claim_of).transpose()
}

/// How many devices a user lists.
pub async fn count(tx: &mut Tx<'_>, user: UserId) -> Result<usize, StoreError> {
    let count: i64 = tx.fetch_one(&register::COUNT, args![user]).await?.get(0)?;
    Ok(usize::try_from(count).unwrap_or(0))
}

/// The user's devices, the first registered first.
pub async fn of_user(
    tx: &mut Tx<'_>,
    app: AppUuid,
    user: UserId,
) -> Result<Vec<Device>, StoreError> {
    let rows = tx.fetch_all(&OF_USER, args![user, READ_LIMIT]).await?;
    let mut devices = Vec::with_capacity(rows.len());
    for row in &rows {
        devices.push(with_ownership(tx, app, claim_of(row)?).await?);
    }
    Ok(devices)
}

/// A registration with the answer to whose relays of the device are.
pub(crate) async fn with_ownership(
    tx: &mut Tx<'_>,
    app: AppUuid,
    claim: Claim,
) -> Result<Device, StoreError> {
    let first = owner_of(tx, app, &claim.hardware_id).await?;
    let owned = first.is_none_or(|first| first.user == claim.user);
    Ok(Device {
        id: claim.id,
        user: claim.user,
        hardware_id: claim.hardware_id,
        alias: claim.alias,
        firmware_version: claim.firmware_version,
        hardware_model: claim.hardware_model,
        paired_at: claim.paired_at,
        created_at: claim.created_at,
        updated_at: claim.updated_at,
        ownership: if owned {
            Ownership::Owner
        } else {
            Ownership::Contested
        },
    })
}

/// Notes another text that names a registered device, unless it has learnt one
/// since the registration was read.
pub(crate) async fn set_alias(
    tx: &mut Tx<'_>,
    claim: &Claim,
    alias: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (key, before) = (device_key(alias), claim.alias.as_deref().map(device_key));
    let values = args![claim.id, alias, &key, now, before.as_deref()];
    tx.execute(&SET_ALIAS, values).await?;
    Ok(())
}

pub(crate) fn claim_of(row: &Row) -> Result<Claim, StoreError> {
    Ok(Claim {
        id: row.get(0)?,
        user: row.get(1)?,
        hardware_id: row.get(2)?,
        alias: row.get(3)?,
        firmware_version: row.get(4)?,
        hardware_model: row.get(5)?,
        paired_at: row.get(6)?,
        created_at: row.get(7)?,
        updated_at: row.get(8)?,
        assigned_at: row.get(9)?,
    })
}

impl Claim {
    /// Whether it has yet to learn a second text that identifies the device.
    pub(crate) fn lacks_alias(&self) -> bool {
        !self.alias.as_deref().is_some_and(is_identifier)
    }

    /// Whether a text names this device.
    pub fn is_named(&self, text: &str) -> bool {
        let key = device_key(text);
        device_key(&self.hardware_id) == key
            || self
                .alias
                .as_deref()
                .is_some_and(|alias| device_key(alias) == key)
    }
}
