//! `/v1/sdk/firmware`: is there an update, and where. `snake_case`.

pub(crate) mod check;
pub(crate) mod download;
