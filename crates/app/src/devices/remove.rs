//! Removes a device from the caller's list.

use mayday_core::identity::Caller;
use mayday_core::ids::DeviceId;
use mayday_store::Lane;
use mayday_store::devices::RemoveDevice;

use crate::identity::require_full;
use crate::{App, AppError};

impl App {
    /// Removes a registration of the caller; the device becomes that of the
    /// next user who lists it.
    pub async fn remove_device(&self, caller: &Caller, id: DeviceId) -> Result<(), AppError> {
        require_full(caller)?;
        let command = RemoveDevice {
            app: caller.app,
            user: caller.user,
            device: id,
        };
        if self.store.write(Lane::Rest, command).await? {
            Ok(())
        } else {
            Err(AppError::NotFound { what: "device" })
        }
    }
}
