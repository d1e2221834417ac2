//! Lists the caller's devices.

use mayday_core::device::Device;
use mayday_core::identity::Caller;

use crate::{App, AppError};

impl App {
    /// The caller's devices, the first registered first.
    pub async fn devices(&self, caller: &Caller) -> Result<Vec<Device>, AppError> {
        let _ = caller;
        Err(AppError::Internal {
            source: "the store is not connected".into(),
        })
    }
}
