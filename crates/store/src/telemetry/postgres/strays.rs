//! The samples of an incident's time that did not join it, in the tables.

use mayday_core::telemetry::{Position, SampleKey};

use super::PostgresTables;
use super::read::point_of;
use crate::telemetry::TelemetryError;
use crate::telemetry::strays::Strays;

const STRAYS: &str = "(SELECT measured_at, received_at, latitude, longitude, altitude,
    accuracy_m, user_id, device, event_id
  FROM telemetry WHERE user_id = $1 AND measured_at BETWEEN $2 AND $3
    AND incident_id IS DISTINCT FROM $4 ORDER BY measured_at LIMIT $5)
UNION
(SELECT measured_at, received_at, latitude, longitude, altitude, accuracy_m, user_id, device,
    event_id
  FROM telemetry WHERE user_id = $1 AND measured_at BETWEEN $2 AND $3
    AND incident_id IS DISTINCT FROM $4 ORDER BY measured_at DESC LIMIT $5)";

impl PostgresTables {
    /// An incident's first and last strays.
    pub(in crate::telemetry) async fn strays(
        &self,
        wanted: &Strays,
        each_end: usize,
    ) -> Result<Vec<(SampleKey, Position)>, TelemetryError> {
        let rows = sqlx::query(STRAYS)
            .bind(wanted.user.uuid())
            .bind(wanted.span.start().as_micros())
            .bind(wanted.span.end().as_micros())
            .bind(wanted.incident.uuid())
            .bind(i64::try_from(each_end).unwrap_or(i64::MAX))
            .fetch_all(&self.pool)
            .await;
        let points: Result<Vec<_>, sqlx::Error> =
            rows.and_then(|rows| rows.iter().map(point_of).collect());
        points.map_err(|error| TelemetryError::read(&error))
    }
}
