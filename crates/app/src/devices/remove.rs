//! Removes a device from the caller's list.

use mayday_core::identity::Caller;
use mayday_core::ids::DeviceId;

use crate::{App, AppError};

impl App {
    /// Removes a registration of the caller; the device becomes that of the
    /// next user who lists it.
    pub async fn remove_device(&self, caller: &Caller, id: DeviceId) -> Result<(), AppError> {
        let _ = (caller, id);
        Err(AppError::Internal {
            source: "the store is not connected".into(),
        })
    }
}
