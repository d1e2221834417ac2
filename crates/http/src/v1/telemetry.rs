//! `/v1/sdk/telemetry`: positions. camelCase.

pub(crate) mod submit;
