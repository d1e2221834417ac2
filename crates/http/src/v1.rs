//! The SDK's signed routes, a file per endpoint: `v1/<noun>/<verb>.rs`.

pub(crate) mod brokers;
pub(crate) mod checkin;
pub(crate) mod contacts;
pub(crate) mod device_configs;
pub(crate) mod devices;
pub(crate) mod drill;
pub(crate) mod firmware;
pub(crate) mod me;
pub(crate) mod network_keys;
pub(crate) mod partner;
mod schema;
pub(crate) mod sos;
pub(crate) mod sso;
pub(crate) mod telemetry;
