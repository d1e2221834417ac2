//! Lists the caller's devices.

use mayday_core::device::Device;
use mayday_core::identity::Caller;
use mayday_store::devices;

use crate::identity::require_full;
use crate::{App, AppError};

impl App {
    /// The caller's devices, the first registered first.
    pub async fn devices(&self, caller: &Caller) -> Result<Vec<Device>, AppError> {
        require_full(caller)?;
        let mut tx = self.store.read().await?;
        Ok(devices::of_user(&mut tx, caller.app, caller.user).await?)
    }
}
