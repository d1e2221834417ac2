//! An administrator decides whose a device is (contract: Telemetry and devices,
//! "or an administrator decides").

use mayday_core::device::{Device, device_key, is_identifier};
use mayday_core::ids::{AppUuid, UserId};
use mayday_core::time::Timestamp;

use super::{claim_of, columns, listed_by, with_ownership};
use crate::alerts::{self, AlertKind};
use crate::apps;
use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::hint::Hint;
use crate::sql::Sql;
use crate::tx::Tx;
use crate::users;

pub(crate) static UNASSIGN: Sql = Sql::new(
    "UPDATE devices SET assigned_at = NULL
     WHERE app_id = $1 AND (hardware_key = $2 OR alias_key = $2) AND assigned_at IS NOT NULL",
);
pub(crate) static ASSIGN: Sql = Sql::new("UPDATE devices SET assigned_at = $2 WHERE id = $1");
pub(crate) static CLAIMS: Sql = Sql::new(concat!(
    "SELECT ",
    columns!(),
    " FROM devices d WHERE d.app_id = $1 AND (d.hardware_key = $2 OR d.alias_key = $2)
     ORDER BY d.id LIMIT $3"
));

/// Most claims of one device whose alerts a decision closes.
const CLAIMS_LIMIT: i64 = 1_000;

/// Decides that a device is this user's, who must list it. The decision holds until
/// another one is made or the user removes the device.
#[derive(Clone, Debug)]
pub struct AssignDevice {
    /// The app.
    pub app: AppUuid,
    /// Whose it is to be.
    pub user: UserId,
    /// A text that names the device.
    pub device: String,
}

/// What became of a decision.
#[derive(Clone, Debug, PartialEq)]
pub enum Assigned {
    /// The device as the user lists it now.
    Device {
        /// The device.
        device: Device,
        /// When it was decided.
        at: Timestamp,
    },
    /// The user does not list the device.
    NotListed,
}

impl Command for AssignDevice {
    type Output = Assigned;
    const NAME: &'static str = "devices.assign";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Assigned, StoreError> {
        // Two decisions about one device at once would not see each other.
        apps::lock_decisions(tx, self.app).await?;
        users::lock(tx, self.user).await?;
        let Some(claim) = listed_by(tx, self.user, &self.device).await? else {
            return Ok(Assigned::NotListed);
        };
        // The decision is about the device, so about every text that identifies it.
        let texts = [Some(claim.hardware_id.as_str()), claim.alias.as_deref()];
        let texts = texts
            .into_iter()
            .flatten()
            .filter(|text| is_identifier(text));
        for key in texts.map(device_key) {
            tx.execute(&UNASSIGN, args![self.app, &key]).await?;
            let claims = args![self.app, &key, CLAIMS_LIMIT];
            for row in &tx.fetch_all(&CLAIMS, claims).await? {
                let decided = claim_of(row)?.id.to_string();
                alerts::close(tx, AlertKind::ContestedDevice, &decided).await?;
            }
        }
        let now = tx.now();
        tx.execute_one(&ASSIGN, args![claim.id, now]).await?;
        tx.hint(Hint::DeviceChanged(self.app));
        let claim = listed_by(tx, self.user, &self.device).await?;
        let claim = claim.ok_or(StoreError::RowCount {
            statement: "the device that was just assigned",
            expected: 1,
            got: 0,
        })?;
        Ok(Assigned::Device {
            device: with_ownership(tx, self.app, claim).await?,
            at: now,
        })
    }
}
