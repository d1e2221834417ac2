//! Removes a device from a user's list.

use mayday_core::ids::{AppUuid, DeviceId, UserId};
use mayday_core::notification::NotificationType;

use crate::alerts::{self, AlertKind};
use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::hint::Hint;
use crate::sql::Sql;
use crate::tx::Tx;
use crate::users;
use crate::webhooks::notify_now;

use super::{claim_of, columns};

pub(crate) static FIND: Sql = Sql::new(concat!(
    "SELECT ",
    columns!(),
    " FROM devices d WHERE d.id = $1 AND d.user_id = $2"
));
pub(crate) static DELETE: Sql = Sql::new("DELETE FROM devices WHERE id = $1");

/// Removes a registration; the device becomes that of the next user who lists
/// it. Output: `false` when the user has no such registration.
#[derive(Clone, Copy, Debug)]
pub struct RemoveDevice {
    /// The user's app.
    pub app: AppUuid,
    /// Who lists it.
    pub user: UserId,
    /// Which registration.
    pub device: DeviceId,
}

impl Command for RemoveDevice {
    type Output = bool;
    const NAME: &'static str = "devices.remove";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        users::lock(tx, self.user).await?;
        let row = tx
            .fetch_optional(&FIND, args![self.device, self.user])
            .await?;
        let Some(row) = row else {
            return Ok(tx.may_be_done());
        };
        let claim = claim_of(&row)?;
        tx.execute_one(&DELETE, args![claim.id]).await?;
        alerts::close(tx, AlertKind::ContestedDevice, &claim.id.to_string()).await?;
        // Whoever inherits it contests nothing any more.
        if let Some(heir) = super::owner_of(tx, self.app, &claim.hardware_id).await? {
            alerts::close(tx, AlertKind::ContestedDevice, &heir.id.to_string()).await?;
        }
        let data = [("deviceId", claim.hardware_id.as_str().into())];
        notify_now(
            tx,
            (self.app, self.user),
            NotificationType::DeviceRemoved,
            data,
        )
        .await?;
        tx.hint(Hint::DeviceChanged(self.app));
        Ok(true)
    }
}
