//! Telemetry: what a body may hold and what becomes of it (contract: Telemetry).
//!
//! A transport hands over raw bytes; [`Reading::parse`] checks them strictly
//! and says which field is wrong. The application finds out whose reading it
//! is and turns it into a [`Sample`], which the store keeps under its
//! [`SampleKey`].

mod annotations;
mod json;
mod payload;
mod sample;

/// Days that telemetry may be kept, by a server or for an app.
pub const RETENTION_DAYS: std::ops::RangeInclusive<u32> = 1..=3650;

pub use payload::{Malformed, Reading};
pub use sample::{Position, Sample, SampleKey};
