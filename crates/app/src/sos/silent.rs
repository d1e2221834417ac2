//! Raises incidents without sign of life to operators (contract: SOS, "a second
//! cry is heard").

use crate::{App, AppError};

impl App {
    /// Tells operators of open incidents that have shown no sign of life for
    /// 24 h; they stay open. Returns how many were raised now.
    pub async fn raise_silent_incidents(&self) -> Result<u64, AppError> {
        Err(AppError::Internal {
            source: "the store is not connected".into(),
        })
    }
}
