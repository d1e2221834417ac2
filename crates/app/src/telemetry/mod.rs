//! Telemetry: taken in at full speed, stored before it is acknowledged.
//!
//! A transport calls [`App::submit_telemetry`](crate::App::submit_telemetry),
//! which starts the work and returns a [`TelemetryTicket`] at once; the
//! transport waits for the ticket when its turn to acknowledge comes.

mod copy_trail;
mod dead_letter;
mod health;
mod latest;
mod move_spilled;
mod owner;
mod prune;
mod range;
mod submit;
mod ticket;
mod trail;

pub(crate) use dead_letter::LetterCount;
pub(crate) use owner::DeviceOwners;
pub use ticket::{TelemetryReceipt, TelemetryTicket};

use mayday_store::telemetry::TelemetryError;

use crate::AppError;

impl From<TelemetryError> for AppError {
    fn from(error: TelemetryError) -> Self {
        Self::Unavailable {
            source: error.into(),
        }
    }
}

#[cfg(test)]
mod tests;
