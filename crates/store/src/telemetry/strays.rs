//! Samples of an incident's time that did not join it at receipt: they came after
//! its end, or when another one was open (contract: Telemetry, "late and
//! out-of-order samples go to their place"). Found when history is read and when a
//! trail is copied, so that storing a sample costs nothing for it.

use std::ops::RangeInclusive;

use mayday_core::ids::{IncidentId, UserId};
use mayday_core::sos::{TrailSample, trail_of_samples};
use mayday_core::time::Timestamp;

use super::{Engine, TRAIL_END_SAMPLES, Telemetry, TelemetryError};
use crate::spill;

/// Which samples are looked for.
#[derive(Clone, Debug)]
pub struct Strays {
    /// Whose.
    pub user: UserId,
    /// The incident that they did not join.
    pub incident: IncidentId,
    /// Of which times, by the phone's clock.
    pub span: RangeInclusive<Timestamp>,
}

impl Telemetry {
    /// An incident's strays by the phone's time, oldest first: all
    /// of them, or the first and the last [`TRAIL_END_SAMPLES`].
    pub async fn strays(&self, wanted: &Strays) -> Result<Vec<TrailSample>, TelemetryError> {
        let inner = &self.0;
        // The spill table first: a row on its way leaves it only after it has arrived.
        let mut tx = inner
            .store
            .read()
            .await
            .map_err(|e| TelemetryError::read(&e))?;
        let spilled = spill::strays(&mut tx, wanted, TRAIL_END_SAMPLES).await;
        drop(tx);
        let spilled = spilled.map_err(|e| TelemetryError::read(&e))?;
        let stored = match &inner.engine {
            Engine::Sqlite(files) => files.strays(wanted.clone(), TRAIL_END_SAMPLES).await?,
            Engine::Postgres(tables) => tables.strays(wanted, TRAIL_END_SAMPLES).await?,
        };
        let points = stored.into_iter().chain(spilled);
        Ok(trail_of_samples(points, TRAIL_END_SAMPLES))
    }
}
