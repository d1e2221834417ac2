//! Registers a device, or renews its registration.

use mayday_core::device::{
    Device, DeviceDraft, MAX_DEVICES_PER_USER, Ownership, SOS_FIRMWARE_VERSION, SOS_HARDWARE_MODEL,
    device_key,
};
use mayday_core::ids::{AppUuid, DeviceId, UserId};
use mayday_core::notification::NotificationType;
use mayday_core::time::Timestamp;
use serde_json::json;

use super::{claim_of, columns, owner_of, with_ownership};
use crate::alerts::{self, AlertKind, NewAlert};
use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::hint::Hint;
use crate::sql::Sql;
use crate::tx::Tx;
use crate::users;
use crate::webhooks::notify_now;

pub(crate) static FIND: Sql = Sql::new(concat!(
    "SELECT ",
    columns!(),
    " FROM devices d WHERE d.user_id = $1 AND d.hardware_key = $2"
));
pub(crate) static COUNT: Sql = Sql::new("SELECT COUNT(*) FROM devices WHERE user_id = $1");
pub(crate) static INSERT: Sql = Sql::new(
    "INSERT INTO devices (id, app_id, user_id, hardware_id, hardware_key, alias, alias_key,
        aliased_at, firmware_version, hardware_model, paired_at, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)",
);
pub(crate) static UPDATE: Sql = Sql::new(
    "UPDATE devices SET hardware_id = $2, firmware_version = COALESCE($3, firmware_version),
        hardware_model = COALESCE($4, hardware_model), paired_at = COALESCE($5, paired_at),
        updated_at = $6
     WHERE id = $1",
);

/// Upserts a device of a user by its `hardware_id`.
#[derive(Clone, Debug)]
pub struct RegisterDevice {
    /// The user's app.
    pub app: AppUuid,
    /// Who lists it.
    pub user: UserId,
    /// What to register.
    pub draft: DeviceDraft,
}

/// What became of a registration.
#[derive(Clone, Debug, PartialEq)]
pub enum Registered {
    /// The device as listed now.
    Device(Device),
    /// The user lists [`MAX_DEVICES_PER_USER`] already; nothing was stored.
    TooMany,
}

impl Command for RegisterDevice {
    type Output = Registered;
    const NAME: &'static str = "devices.register";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Registered, StoreError> {
        users::lock(tx, self.user).await?;
        let now = tx.now();
        let key = device_key(&self.draft.hardware_id);
        let known = tx.fetch_optional(&FIND, args![self.user, &key]).await?;
        if let Some(row) = known {
            let draft = &self.draft;
            let values = args![
                claim_of(&row)?.id,
                &draft.hardware_id,
                draft.firmware_version.as_deref(),
                draft.hardware_model.as_deref(),
                draft.paired_at,
                now,
            ];
            tx.execute_one(&UPDATE, values).await?;
        } else {
            let fresh = NewDevice {
                app: self.app,
                user: self.user,
                hardware_id: &self.draft.hardware_id,
                alias: None,
                firmware_version: self.draft.firmware_version.as_deref(),
                hardware_model: self.draft.hardware_model.as_deref(),
                paired_at: self.draft.paired_at,
            };
            if !insert(tx, &fresh, now).await? {
                return Ok(Registered::TooMany);
            }
            let data = [("deviceId", self.draft.hardware_id.as_str().into())];
            notify_now(
                tx,
                (self.app, self.user),
                NotificationType::DevicePaired,
                data,
            )
            .await?;
        }
        let row = tx.fetch_one(&FIND, args![self.user, &key]).await?;
        let device = with_ownership(tx, self.app, claim_of(&row)?).await?;
        if device.ownership == Ownership::Contested {
            self.tell_operators(tx, &device).await?;
        }
        Ok(Registered::Device(device))
    }
}

impl RegisterDevice {
    /// Tells operators of a contested claim, unless an administrator has decided
    /// since it was made.
    async fn tell_operators(&self, tx: &mut Tx<'_>, device: &Device) -> Result<(), StoreError> {
        let owner = owner_of(tx, self.app, &device.hardware_id).await?;
        let decided = owner.as_ref().and_then(|owner| owner.assigned_at);
        if decided.is_some_and(|decided| device.created_at <= decided) {
            return Ok(());
        }
        let alert = NewAlert {
            app: self.app,
            kind: AlertKind::ContestedDevice,
            key: &device.id.to_string(),
            user: Some(self.user),
            incident: None,
            detail: json!({
                "hardware_id": device.hardware_id,
                "owner_user_id": owner.map(|owner| owner.user),
            }),
        };
        alerts::raise(tx, alert).await
    }
}

/// A device to be inserted.
pub(crate) struct NewDevice<'a> {
    pub(crate) app: AppUuid,
    pub(crate) user: UserId,
    pub(crate) hardware_id: &'a str,
    pub(crate) alias: Option<&'a str>,
    pub(crate) firmware_version: Option<&'a str>,
    pub(crate) hardware_model: Option<&'a str>,
    pub(crate) paired_at: Option<Timestamp>,
}

impl<'a> NewDevice<'a> {
    /// What an SOS says about a device that the app does not know.
    pub(crate) fn of_sos(
        app: AppUuid,
        user: UserId,
        hardware_id: &'a str,
        alias: Option<&'a str>,
    ) -> Self {
        Self {
            app,
            user,
            hardware_id,
            alias,
            firmware_version: Some(SOS_FIRMWARE_VERSION),
            hardware_model: Some(SOS_HARDWARE_MODEL),
            paired_at: None,
        }
    }
}

/// Inserts a device under the user's lock; `false` when the user lists too many.
pub(crate) async fn insert(
    tx: &mut Tx<'_>,
    fresh: &NewDevice<'_>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let count: i64 = tx.fetch_one(&COUNT, args![fresh.user]).await?.get(0)?;
    if usize::try_from(count).unwrap_or(usize::MAX) >= MAX_DEVICES_PER_USER {
        return Ok(false);
    }
    let id = DeviceId::generate(tx.clock(), tx.entropy());
    let (key, alias_key) = (device_key(fresh.hardware_id), fresh.alias.map(device_key));
    let values = args![
        id,
        fresh.app,
        fresh.user,
        fresh.hardware_id,
        &key,
        fresh.alias,
        alias_key.as_deref(),
        fresh.alias.map(|_| now),
        fresh.firmware_version,
        fresh.hardware_model,
        fresh.paired_at,
        now,
    ];
    tx.execute_one(&INSERT, values).await?;
    tx.hint(Hint::DeviceChanged(fresh.app));
    Ok(true)
}
