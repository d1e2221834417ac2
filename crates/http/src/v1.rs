//! The SDK's signed routes, a file per endpoint: `v1/<noun>/<verb>.rs`.

pub(crate) mod contacts;
pub(crate) mod devices;
pub(crate) mod me;
mod schema;
pub(crate) mod sos;
pub(crate) mod telemetry;
