//! Registers a device, or renews its registration.

use mayday_core::device::{Device, DeviceDraft, MAX_DEVICES_PER_USER};
use mayday_core::identity::Caller;
use mayday_store::Lane;
use mayday_store::devices::{RegisterDevice, Registered};

use crate::identity::require_full;
use crate::{App, AppError};

impl App {
    /// Registers a device of the caller (upsert by `hardware_id`). A device
    /// that another user listed earlier is taken too, as `contested`.
    pub async fn register_device(
        &self,
        caller: &Caller,
        draft: DeviceDraft,
    ) -> Result<Device, AppError> {
        require_full(caller)?;
        let command = RegisterDevice {
            app: caller.app,
            user: caller.user,
            draft,
        };
        match self.store.write(Lane::Rest, command).await? {
            Registered::Device(device) => Ok(device),
            Registered::TooMany => Err(AppError::field(
                "/hardware_id",
                format!(
                    "hardware_id cannot be registered: {MAX_DEVICES_PER_USER} devices are listed, \
                     remove one first"
                ),
            )),
        }
    }
}
