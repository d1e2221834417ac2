//! The use cases of mayday: the one place that HTTP, MQTT, the command line
//! and the workers call.

mod app;
mod error;
mod metrics;
pub mod presence;
mod telemetry;

pub use app::{App, Parts};
pub use error::AppError;
pub use mayday_store as store;
pub use metrics::{LevelGuard, Metrics};
pub use telemetry::{TelemetryReceipt, TelemetryTicket};
