//! Registers a device, or renews its registration.

use mayday_core::device::{Device, DeviceDraft};
use mayday_core::identity::Caller;

use crate::{App, AppError};

impl App {
    /// Registers a device of the caller (upsert by `hardware_id`). A device
    /// that another user listed earlier is taken too, as `contested`.
    pub async fn register_device(
        &self,
        caller: &Caller,
        draft: DeviceDraft,
    ) -> Result<Device, AppError> {
        let _ = (caller, draft);
        Err(AppError::Internal {
            source: "the store is not connected".into(),
        })
    }
}
