//! Queries over the telemetry tables.

use mayday_core::ids::{IncidentId, UserId};
use mayday_core::telemetry::{Position, Sample, SampleKey};
use mayday_core::time::Timestamp;
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use std::ops::RangeInclusive;
use std::time::Duration;
use uuid::Uuid;

use super::{PostgresTables, days};
use crate::telemetry::TelemetryError;
use crate::telemetry::page::Span;

/// Rows that one pruning statement deletes, so that none runs for long.
const PRUNE_ROWS: i64 = 10_000;

/// The two texts collate byte for byte, as their columns say.
macro_rules! range {
    ($operator:literal) => {
        concat!(
            "SELECT user_id, measured_at, device, event_id, received_at, latitude, longitude,
               altitude, accuracy_m, incident_id, raw
             FROM telemetry WHERE user_id = $1 AND measured_at BETWEEN $2 AND $3
               AND (measured_at, device, event_id) ",
            $operator,
            " ($2, $4, $5) ORDER BY measured_at, device, event_id LIMIT $6"
        )
    };
}

pub(super) const RANGE: &str = range!(">=");
pub(super) const RANGE_AFTER: &str = range!(">");
pub(super) const NEWEST: &str = "SELECT measured_at, received_at, latitude, longitude, altitude,
  accuracy_m FROM telemetry_latest WHERE user_id = $1";
pub(super) const TRAIL: &str = "(SELECT measured_at, received_at, latitude, longitude, altitude,
    accuracy_m, user_id, device, event_id
  FROM telemetry WHERE incident_id = $1 AND measured_at BETWEEN $2 AND $3
    ORDER BY measured_at LIMIT $4)
UNION
(SELECT measured_at, received_at, latitude, longitude, altitude, accuracy_m, user_id, device,
    event_id
  FROM telemetry WHERE incident_id = $1 AND measured_at BETWEEN $2 AND $3
    ORDER BY measured_at DESC LIMIT $4)";
pub(super) const PRUNE: &str = "DELETE FROM telemetry_other WHERE ctid IN
  (SELECT ctid FROM telemetry_other WHERE received_at < $1 LIMIT $2)";

impl PostgresTables {
    /// See [`crate::telemetry::Telemetry::page`].
    pub(in crate::telemetry) async fn range(
        &self,
        user: UserId,
        span: &Span,
        limit: usize,
    ) -> Result<Vec<Sample>, TelemetryError> {
        let statement = if span.after.is_some() {
            RANGE_AFTER
        } else {
            RANGE
        };
        let (device, event) = span.lower();
        let rows = sqlx::query(statement)
            .bind(user.uuid())
            .bind(span.from.as_micros())
            .bind(span.to.as_micros())
            .bind(device)
            .bind(event)
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(&self.pool)
            .await;
        let samples: Result<Vec<Sample>, sqlx::Error> =
            rows.and_then(|rows| rows.iter().map(sample_of).collect());
        samples.map_err(|error| TelemetryError::read(&error))
    }

    /// The newest stored position of a user.
    pub(in crate::telemetry) async fn newest(
        &self,
        user: UserId,
    ) -> Result<Option<Position>, TelemetryError> {
        let row = sqlx::query(NEWEST)
            .bind(user.uuid())
            .fetch_optional(&self.pool)
            .await;
        let position = row.and_then(|row| row.as_ref().map(position_of).transpose());
        position.map_err(|error| TelemetryError::read(&error))
    }

    /// An incident's first and last positions.
    pub(in crate::telemetry) async fn trail(
        &self,
        incident: IncidentId,
        span: RangeInclusive<Timestamp>,
        each_end: usize,
    ) -> Result<Vec<(SampleKey, Position)>, TelemetryError> {
        let rows = sqlx::query(TRAIL)
            .bind(incident.uuid())
            .bind(span.start().as_micros())
            .bind(span.end().as_micros())
            .bind(i64::try_from(each_end).unwrap_or(i64::MAX))
            .fetch_all(&self.pool)
            .await;
        let points: Result<Vec<_>, sqlx::Error> =
            rows.and_then(|rows| rows.iter().map(point_of).collect());
        points.map_err(|error| TelemetryError::read(&error))
    }

    /// Drops the days before the retention window, and deletes in steps what
    /// has no day and was received before it.
    pub(in crate::telemetry) async fn prune(&self) -> Result<usize, TelemetryError> {
        let kept = Duration::from_hours(24 * u64::from(self.retention_days));
        let before = self.clock.now().minus(kept);
        let dropped = days::drop_before(&self.pool, days::day_of(before)).await;
        let mut gone = dropped.map_err(|error| TelemetryError::write(&error))?;
        loop {
            let deleted = sqlx::query(PRUNE)
                .bind(before.as_micros())
                .bind(PRUNE_ROWS)
                .execute(&self.pool)
                .await
                .map_err(|error| TelemetryError::write(&error))?
                .rows_affected();
            gone += usize::try_from(deleted).unwrap_or(0);
            if deleted == 0 {
                return Ok(gone);
            }
        }
    }
}

fn sample_of(row: &PgRow) -> Result<Sample, sqlx::Error> {
    Ok(Sample {
        user: UserId(row.try_get(0)?),
        time: Timestamp::from_micros(row.try_get(1)?),
        device: row.try_get::<String, _>(2)?.into(),
        event_id: row.try_get::<String, _>(3)?.into(),
        received_at: Timestamp::from_micros(row.try_get(4)?),
        latitude: row.try_get(5)?,
        longitude: row.try_get(6)?,
        altitude: row.try_get(7)?,
        accuracy_meters: row.try_get(8)?,
        incident: row.try_get::<Option<Uuid>, _>(9)?.map(IncidentId),
        raw: row.try_get::<String, _>(10)?.into_bytes().into(),
    })
}

fn position_of(row: &PgRow) -> Result<Position, sqlx::Error> {
    Ok(Position {
        time: Timestamp::from_micros(row.try_get(0)?),
        received_at: Timestamp::from_micros(row.try_get(1)?),
        latitude: row.try_get(2)?,
        longitude: row.try_get(3)?,
        altitude: row.try_get(4)?,
        accuracy_meters: row.try_get(5)?,
    })
}

pub(super) fn point_of(row: &PgRow) -> Result<(SampleKey, Position), sqlx::Error> {
    let position = position_of(row)?;
    let key = SampleKey {
        user: UserId(row.try_get(6)?),
        time: position.time,
        device: row.try_get::<String, _>(7)?.into(),
        event_id: row.try_get::<String, _>(8)?.into(),
    };
    Ok((key, position))
}
