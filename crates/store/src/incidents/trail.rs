//! The telemetry of an ended incident, copied to it, so that retention of
//! telemetry does not eat history: soon after its end, and once more before
//! retention, with what has come late.

use mayday_core::ids::{IncidentId, UserId};
use mayday_core::sos::{TrailSample, trail_of_samples};
use mayday_core::telemetry::{Position, SampleKey};
use mayday_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::jobs::{self, NewJob};
use crate::sql::Sql;
use crate::telemetry::TRAIL_END_SAMPLES;
use crate::tx::Tx;

static STORE: Sql = Sql::new(
    "INSERT INTO incident_trails (incident_id, points, copied_at) VALUES ($1, $2, $3)
     ON CONFLICT (incident_id) DO UPDATE SET points = excluded.points,
        copied_at = excluded.copied_at",
);
static STORED: Sql = Sql::new("SELECT points FROM incident_trails WHERE incident_id = $1");

pub(crate) const STATEMENTS: &[&Sql] = &[&STORE, &STORED];

/// The job that copies an ended incident's telemetry to it. Payload:
/// `{"version": 1, "incident": <id>, "user": <id>}`.
pub const TRAIL_COPY_JOB: &str = "trail_copy";

/// A job that copies a trail.
pub(super) fn trail_copy(
    incident: IncidentId,
    user: UserId,
    key: &str,
    due_at: Timestamp,
) -> NewJob<'_> {
    NewJob {
        kind: TRAIL_COPY_JOB,
        key,
        priority: 100,
        due_at,
        payload: json!({"version": 1, "incident": incident, "user": user}),
    }
}

/// A sample as stored, in this order: a list of them is shorter so than with names.
#[derive(Serialize, Deserialize)]
struct StoredSample(
    /// When it was measured, in microseconds.
    i64,
    /// Latitude in degrees.
    f64,
    /// Longitude in degrees.
    f64,
    /// Altitude in metres.
    Option<f64>,
    /// The device and the client's event: with the time the sample's key, by which a
    /// resend is told.
    String,
    String,
    /// When it was received, in microseconds: of two copies the later one counts.
    i64,
);

impl StoredSample {
    fn of((key, position): TrailSample) -> Self {
        Self(
            position.time.as_micros(),
            position.latitude,
            position.longitude,
            position.altitude,
            key.device.into(),
            key.event_id.into(),
            position.received_at.as_micros(),
        )
    }

    fn into_sample(self, user: UserId) -> TrailSample {
        let Self(time, latitude, longitude, altitude, device, event_id, received_at) = self;
        let time = Timestamp::from_micros(time);
        let key = SampleKey {
            user,
            time,
            device: device.into(),
            event_id: event_id.into(),
        };
        let position = Position {
            time,
            received_at: Timestamp::from_micros(received_at),
            latitude,
            longitude,
            altitude,
            // Of no use to a trail.
            accuracy_meters: None,
        };
        (key, position)
    }
}

/// Keeps the trail of an ended incident, added to what was kept before: telemetry
/// may have been let go meanwhile.
#[derive(Clone, Debug)]
pub struct StoreTrail {
    /// Which incident.
    pub incident: IncidentId,
    /// Its owner.
    pub user: UserId,
    /// Its telemetry.
    pub samples: Vec<TrailSample>,
    /// When it is to be copied once more, with what comes late.
    pub again_at: Option<Timestamp>,
}

impl Command for StoreTrail {
    type Output = ();
    const NAME: &'static str = "sos.store_trail";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let kept = stored_trail(tx, self.incident, self.user).await?;
        let all = kept
            .into_iter()
            .flatten()
            .chain(self.samples.iter().cloned());
        let samples: Vec<StoredSample> = trail_of_samples(all, TRAIL_END_SAMPLES)
            .into_iter()
            .map(StoredSample::of)
            .collect();
        let text = serde_json::to_string(&samples)
            .map_err(|error| StoreError::column(1, error.to_string()))?;
        let now = tx.now();
        tx.execute_one(&STORE, args![self.incident, &text, now])
            .await?;
        if let Some(due_at) = self.again_at {
            let key = format!("{TRAIL_COPY_JOB}:{}:again", self.incident);
            let job = trail_copy(self.incident, self.user, &key, due_at);
            jobs::enqueue(tx, job).await?;
        }
        Ok(())
    }
}

/// The copied telemetry of an incident of `user`; `None`: not copied (yet).
pub async fn stored_trail(
    tx: &mut Tx<'_>,
    incident: IncidentId,
    user: UserId,
) -> Result<Option<Vec<TrailSample>>, StoreError> {
    let Some(row) = tx.fetch_optional(&STORED, args![incident]).await? else {
        return Ok(None);
    };
    let samples: Vec<StoredSample> = serde_json::from_str(&row.get::<String>(0)?)
        .map_err(|error| StoreError::column(0, error.to_string()))?;
    let samples = samples.into_iter().map(|sample| sample.into_sample(user));
    Ok(Some(samples.collect()))
}
