//! Telemetry: taken in at full speed, stored before it is acknowledged.
//!
//! A transport calls [`App::submit_telemetry`](crate::App::submit_telemetry),
//! which starts the work and returns a [`TelemetryTicket`] at once; the
//! transport waits for the ticket when its turn to acknowledge comes.

mod submit;
mod ticket;

pub use ticket::{TelemetryReceipt, TelemetryTicket};
