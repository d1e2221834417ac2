//! The telemetry store beside a test's store.

use crate::telemetry::{Telemetry, TelemetryConfig};

use super::TestStore;

impl TestStore {
    /// Opens the telemetry store beside this one; its faults can be caused
    /// through [`Telemetry::faults`].
    pub async fn telemetry(&self) -> Telemetry {
        let config = TelemetryConfig::beside(&self.config);
        Telemetry::open(config, self, self.clock.clone())
            .await
            .expect("a fresh telemetry store opens")
    }
}
