//! A task that writes batches: two statements over arrays in one transaction.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mayday_core::clock::SharedEntropy;
use mayday_core::telemetry::{Sample, SampleKey};
use sqlx::PgPool;
use tokio::sync::RwLock;
use uuid::Uuid;

use crate::telemetry::StoredIn;
use crate::telemetry::TelemetryError;
use crate::telemetry::faults::Faults;
use crate::telemetry::queue::{Entry, Queue};
use crate::telemetry::spiller::Outlet;

/// How often a batch is tried when it meets another server's locks.
const MAX_TRIES: u32 = 4;
/// How often a frozen writer (a fault for tests) looks whether it may go on.
const FROZEN_EVERY: Duration = Duration::from_millis(5);

/// The longest wait before the second try; doubled for each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// Rows are locked in the order of their keys, so that two batches never wait for
/// each other. Whose incident is open is asked here and not in memory, because another
/// server may have opened it; a row from the spill table has its answer.
pub(super) const INSERT: &str = "INSERT INTO telemetry AS old
  (user_id, measured_at, device, event_id, received_at, latitude, longitude, altitude, accuracy_m,
   incident_id, raw)
SELECT given.user_id, given.measured_at, given.device, given.event_id, given.received_at,
  given.latitude, given.longitude, given.altitude, given.accuracy_m,
  COALESCE(given.incident_id, open.id), given.raw
FROM UNNEST($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::double precision[],
  $7::double precision[], $8::double precision[], $9::double precision[], $10::uuid[],
  $11::boolean[], $12::text[])
  AS given (user_id, measured_at, device, event_id, received_at, latitude, longitude, altitude,
    accuracy_m, incident_id, fresh, raw)
LEFT JOIN incidents AS open ON given.fresh AND open.user_id = given.user_id
  AND open.state IN ('active', 'acknowledged') AND NOT open.drill AND NOT open.hidden
ORDER BY given.user_id, given.measured_at, given.device, given.event_id
ON CONFLICT (user_id, measured_at, device, event_id) DO UPDATE SET
  latitude = CASE WHEN excluded.received_at >= old.received_at THEN excluded.latitude ELSE old.latitude END,
  longitude = CASE WHEN excluded.received_at >= old.received_at THEN excluded.longitude ELSE old.longitude END,
  altitude = CASE WHEN excluded.received_at >= old.received_at THEN excluded.altitude ELSE old.altitude END,
  accuracy_m = CASE WHEN excluded.received_at >= old.received_at THEN excluded.accuracy_m ELSE old.accuracy_m END,
  raw = CASE WHEN excluded.received_at >= old.received_at THEN excluded.raw ELSE old.raw END,
  received_at = GREATEST(excluded.received_at, old.received_at),
  incident_id = COALESCE(old.incident_id, excluded.incident_id)";

/// As `Position::replaces` has it.
pub(super) const LATEST: &str = "INSERT INTO telemetry_latest AS old
  (user_id, measured_at, received_at, latitude, longitude, altitude, accuracy_m)
SELECT * FROM UNNEST($1::uuid[], $2::bigint[], $3::bigint[], $4::double precision[],
  $5::double precision[], $6::double precision[], $7::double precision[])
  AS given (user_id, measured_at, received_at, latitude, longitude, altitude, accuracy_m)
ORDER BY given.user_id
ON CONFLICT (user_id) DO UPDATE SET
  measured_at = excluded.measured_at, received_at = excluded.received_at,
  latitude = excluded.latitude, longitude = excluded.longitude,
  altitude = excluded.altitude, accuracy_m = excluded.accuracy_m
WHERE (LEAST(excluded.measured_at, excluded.received_at), excluded.measured_at, excluded.received_at)
  >= (LEAST(old.measured_at, old.received_at), old.measured_at, old.received_at)";

/// One writing task.
pub(super) struct Writer {
    pub(super) slot: usize,
    pub(super) pool: PgPool,
    pub(super) queue: Arc<Queue>,
    pub(super) outlet: Arc<Outlet>,
    pub(super) faults: Faults,
    pub(super) commits: Arc<RwLock<()>>,
    pub(super) entropy: SharedEntropy,
}

impl Writer {
    /// Works until the queue is closed and empty.
    pub(super) async fn run(self) {
        while let Some(taken) = self.queue.take(self.slot).await {
            let answers_early = self.faults.acknowledges_early();
            if answers_early {
                for entry in taken.rows.iter() {
                    entry.answer(Ok(StoredIn::Telemetry));
                }
            }
            while self.faults.is_frozen() {
                tokio::time::sleep(FROZEN_EVERY).await;
            }
            let committing = self.commits.read().await;
            // What was answered from the spill table meanwhile comes from there; it may
            // have been erased there by now.
            let rows: Vec<&Arc<Entry>> = taken
                .rows
                .iter()
                .filter(|entry| answers_early || !entry.is_answered())
                .collect();
            if rows.is_empty() {
                continue;
            }
            match self.write(&rows).await {
                Ok(()) => self.queue.committed(&rows),
                Err(error) => {
                    tracing::warn!(error = %error, rows = rows.len(), "telemetry was not written");
                    self.outlet.writer_failed(&rows, &error);
                }
            }
            drop(committing);
        }
    }

    /// Writes a batch, again when it met another writer's locks.
    async fn write(&self, rows: &[&Arc<Entry>]) -> Result<(), TelemetryError> {
        if self.faults.commit_fails() {
            return Err(TelemetryError::Write("a commit was made to fail".into()));
        }
        let (columns, latest) = columns_of(rows);
        let mut tries = 0;
        loop {
            tries += 1;
            match self.commit(&columns, &latest).await {
                Err(error) if is_conflict(&error) && tries < MAX_TRIES => {
                    tokio::time::sleep(self.pause(tries)).await;
                }
                result => return result.map_err(|error| TelemetryError::write(&error)),
            }
        }
    }

    /// A random part of a doubling time, so that two that collided part ways.
    fn pause(&self, tries: u32) -> Duration {
        let longest = FIRST_PAUSE * 2_u32.saturating_pow(tries.saturating_sub(1));
        let mut byte = [0_u8; 1];
        self.entropy.fill(&mut byte);
        longest * u32::from(byte[0]) / 255
    }

    async fn commit(&self, columns: &Columns, latest: &Latest) -> Result<(), sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query(INSERT)
            .bind(&columns.users)
            .bind(&columns.times)
            .bind(&columns.devices)
            .bind(&columns.event_ids)
            .bind(&columns.received)
            .bind(&columns.latitudes)
            .bind(&columns.longitudes)
            .bind(&columns.altitudes)
            .bind(&columns.accuracies)
            .bind(&columns.incidents)
            .bind(&columns.fresh)
            .bind(&columns.raws)
            .execute(&mut *transaction)
            .await?;
        sqlx::query(LATEST)
            .bind(&latest.users)
            .bind(&latest.times)
            .bind(&latest.received)
            .bind(&latest.latitudes)
            .bind(&latest.longitudes)
            .bind(&latest.altitudes)
            .bind(&latest.accuracies)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await
    }
}

/// The arrays of [`INSERT`].
#[derive(Default)]
struct Columns {
    users: Vec<Uuid>,
    times: Vec<i64>,
    devices: Vec<String>,
    event_ids: Vec<String>,
    received: Vec<i64>,
    latitudes: Vec<f64>,
    longitudes: Vec<f64>,
    altitudes: Vec<Option<f64>>,
    accuracies: Vec<Option<f64>>,
    incidents: Vec<Option<Uuid>>,
    fresh: Vec<bool>,
    raws: Vec<String>,
}

/// The arrays of [`LATEST`].
#[derive(Default)]
struct Latest {
    users: Vec<Uuid>,
    times: Vec<i64>,
    received: Vec<i64>,
    latitudes: Vec<f64>,
    longitudes: Vec<f64>,
    altitudes: Vec<Option<f64>>,
    accuracies: Vec<Option<f64>>,
}

/// Each key once, because one statement cannot update a row twice.
fn columns_of(rows: &[&Arc<Entry>]) -> (Columns, Latest) {
    let mut by_key: BTreeMap<SampleKey, (&Sample, bool)> = BTreeMap::new();
    for entry in rows {
        let place = by_key.entry(entry.sample.key());
        let place = place.or_insert((&entry.sample, entry.may_spill));
        if entry.sample.received_at >= place.0.received_at {
            *place = (&entry.sample, entry.may_spill);
        }
    }
    let mut columns = Columns::default();
    let mut newest = BTreeMap::new();
    for (sample, fresh) in by_key.into_values() {
        columns.push(sample, fresh);
        let position = sample.position();
        let place = newest.entry(sample.user).or_insert(position);
        if position.replaces(place) {
            *place = position;
        }
    }
    let mut latest = Latest::default();
    for (user, position) in newest {
        latest.users.push(user.uuid());
        latest.times.push(position.time.as_micros());
        latest.received.push(position.received_at.as_micros());
        latest.latitudes.push(position.latitude);
        latest.longitudes.push(position.longitude);
        latest.altitudes.push(position.altitude);
        latest.accuracies.push(position.accuracy_meters);
    }
    (columns, latest)
}

impl Columns {
    fn push(&mut self, sample: &Sample, fresh: bool) {
        self.users.push(sample.user.uuid());
        self.times.push(sample.time.as_micros());
        self.devices.push(sample.device.clone().into());
        self.event_ids.push(sample.event_id.clone().into());
        self.received.push(sample.received_at.as_micros());
        self.latitudes.push(sample.latitude);
        self.longitudes.push(sample.longitude);
        self.altitudes.push(sample.altitude);
        self.accuracies.push(sample.accuracy_meters);
        self.incidents
            .push(sample.incident.map(mayday_core::ids::IncidentId::uuid));
        self.fresh.push(fresh);
        self.raws
            .push(String::from_utf8_lossy(&sample.raw).into_owned());
    }
}

/// A serialisation failure or a deadlock.
fn is_conflict(error: &sqlx::Error) -> bool {
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    matches!(code.as_deref(), Some("40001" | "40P01"))
}
