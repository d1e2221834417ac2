//! Tells a device whether there is a newer firmware for it.

use mayday_core::firmware::{Version, check_name, model_key};
use mayday_core::identity::Caller;
use mayday_core::ids::RecordId;
use mayday_store::firmware::{self, FirmwareRow};

use crate::identity::require_full;
use crate::{App, AppError};

/// A release that a device may be updated to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirmwareOffer {
    /// Its id, by which a link is asked for.
    pub id: RecordId,
    /// The version as the administrator gave it.
    pub version: String,
    /// The model as the administrator gave it.
    pub hardware_model: String,
    /// What is new; empty when nothing was said.
    pub notes: String,
    /// Its size.
    pub size_bytes: i64,
    /// Lower-case hex.
    pub sha256: String,
}

impl App {
    /// The newest published release for a model, if it is newer than what the
    /// device has. Of two with the same version the one published last counts.
    pub async fn check_firmware(
        &self,
        caller: &Caller,
        current_version: &str,
        hardware_model: &str,
    ) -> Result<Option<FirmwareOffer>, AppError> {
        require_full(caller)?;
        let current = check_name(current_version)
            .map_err(|why| AppError::field("/current_version", format!("current_version {why}")))?;
        let model = check_name(hardware_model)
            .map_err(|why| AppError::field("/hardware_model", format!("hardware_model {why}")))?;
        let published = {
            let mut tx = self.store.read().await?;
            firmware::published(&mut tx, caller.app, &model_key(model)).await?
        };
        let newest = published
            .into_iter()
            .filter_map(|row| Some((Version::parse(&row.version)?, row)))
            // The last of equal ones.
            .max_by(|(one, _), (other, _)| one.cmp(other));
        Ok(newest
            .filter(|(version, _)| version.is_update_of(current))
            .map(|(_, row)| row.into()))
    }
}

impl From<FirmwareRow> for FirmwareOffer {
    fn from(row: FirmwareRow) -> Self {
        Self {
            id: row.id,
            version: row.version,
            hardware_model: row.hardware_model,
            notes: row.notes,
            size_bytes: row.size_bytes,
            sha256: row.sha256,
        }
    }
}
