//! Shows a device what its app tells the devices of a country.

use mayday_core::country::CountryCode;
use mayday_core::identity::Caller;
use mayday_store::device_configs;

use crate::identity::require_full;
use crate::{App, AppError};

impl App {
    /// The configuration of a country, as a JSON object: the country's own entry,
    /// else the app's default. [`AppError::NotFound`] when there is neither, and
    /// for a text that is no country: a radio must not be set by guessing.
    pub async fn device_config(
        &self,
        caller: &Caller,
        country: Option<&str>,
    ) -> Result<String, AppError> {
        require_full(caller)?;
        let country = country.map(str::trim).filter(|text| !text.is_empty());
        let country = country.map(CountryCode::parse).transpose();
        let country = country.map_err(|_| AppError::NotFound {
            what: "country_iso is not two letters of ISO 3166-1: device configuration",
        })?;
        let country = country.map(|code| code.to_string());
        let mut tx = self.store.read().await?;
        let found = device_configs::for_country(&mut tx, caller.app, country.as_deref()).await?;
        found.map(|entry| entry.body).ok_or(AppError::NotFound {
            what: "device configuration",
        })
    }
}
