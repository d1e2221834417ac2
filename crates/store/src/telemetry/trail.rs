//! The samples that joined an incident (contract: Telemetry, "samples join its trail").

use std::ops::RangeInclusive;

use mayday_core::ids::IncidentId;
use mayday_core::sos::{TrailSample, trail_of_samples};
use mayday_core::time::Timestamp;

use super::{Engine, TRAIL_END_SAMPLES, Telemetry, TelemetryError};
use crate::spill;

/// All times that a sample can have.
const EVER: RangeInclusive<Timestamp> =
    Timestamp::from_micros(i64::MIN)..=Timestamp::from_micros(i64::MAX);

impl Telemetry {
    /// An incident's trail by the phone's time, oldest first: all of it, or the first
    /// and the last [`TRAIL_END_SAMPLES`].
    pub async fn trail(&self, incident: IncidentId) -> Result<Vec<TrailSample>, TelemetryError> {
        self.trail_within(incident, EVER).await
    }

    /// The same of the days of `span` alone, which need not be searched for in all
    /// others.
    pub async fn trail_within(
        &self,
        incident: IncidentId,
        span: RangeInclusive<Timestamp>,
    ) -> Result<Vec<TrailSample>, TelemetryError> {
        let inner = &self.0;
        // The spill table first: a row on its way leaves it only after it has arrived.
        let mut tx = inner
            .store
            .read()
            .await
            .map_err(|e| TelemetryError::read(&e))?;
        let spilled = spill::trail(&mut tx, incident, TRAIL_END_SAMPLES).await;
        drop(tx);
        let spilled = spilled.map_err(|e| TelemetryError::read(&e))?;
        let stored = match &inner.engine {
            Engine::Sqlite(files) => files.trail(incident, span, TRAIL_END_SAMPLES).await?,
            Engine::Postgres(tables) => tables.trail(incident, span, TRAIL_END_SAMPLES).await?,
        };
        let samples = stored.into_iter().chain(spilled);
        Ok(trail_of_samples(samples, TRAIL_END_SAMPLES))
    }
}
