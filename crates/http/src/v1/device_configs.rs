//! `/v1/sdk/device-configs`: what an app tells its devices by country.

pub(crate) mod show;
