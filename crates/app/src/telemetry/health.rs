//! How the telemetry writer is doing.

use mayday_store::telemetry::{Telemetry, TelemetryHealth};

use crate::App;

impl App {
    /// How the telemetry writer is doing, for health and metrics.
    pub fn telemetry_health(&self) -> TelemetryHealth {
        self.telemetry.health()
    }

    /// The telemetry store, for closing it at the end.
    pub fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }
}
