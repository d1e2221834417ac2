//! The telemetry of an ended incident, copied to it, so that retention of
//! telemetry does not eat history: soon after its end, and once more before
//! retention, with what has come late.

use mayday_core::ids::{IncidentId, UserId};
use mayday_core::sos::{TrailPoint, ends_of_trail, trail_in_order};
use mayday_core::time::Timestamp;
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

/// A point as stored: microseconds, latitude, longitude, altitude.
type StoredPoint = (i64, f64, f64, Option<f64>);

/// Keeps the trail of an ended incident, added to what was kept before: telemetry
/// may have been let go meanwhile.
#[derive(Clone, Debug)]
pub struct StoreTrail {
    /// Which incident.
    pub incident: IncidentId,
    /// Its owner.
    pub user: UserId,
    /// Its telemetry.
    pub points: Vec<TrailPoint>,
    /// When it is to be copied once more, with what comes late.
    pub again_at: Option<Timestamp>,
}

impl Command for StoreTrail {
    type Output = ();
    const NAME: &'static str = "sos.store_trail";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let kept = stored_trail(tx, self.incident).await?.unwrap_or_default();
        let all = trail_in_order(kept.into_iter().chain(self.points.iter().copied()));
        let points: Vec<StoredPoint> = ends_of_trail(all, TRAIL_END_SAMPLES)
            .iter()
            .map(|point| {
                let micros = point.occurred_at.as_micros();
                (micros, point.latitude, point.longitude, point.altitude)
            })
            .collect();
        let text = serde_json::to_string(&points)
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

/// The copied telemetry of an incident; `None`: not copied (yet).
pub async fn stored_trail(
    tx: &mut Tx<'_>,
    incident: IncidentId,
) -> Result<Option<Vec<TrailPoint>>, StoreError> {
    let Some(row) = tx.fetch_optional(&STORED, args![incident]).await? else {
        return Ok(None);
    };
    let points: Vec<StoredPoint> = serde_json::from_str(&row.get::<String>(0)?)
        .map_err(|error| StoreError::column(0, error.to_string()))?;
    let point = |(micros, latitude, longitude, altitude): StoredPoint| TrailPoint {
        occurred_at: Timestamp::from_micros(micros),
        latitude,
        longitude,
        altitude,
    };
    Ok(Some(points.into_iter().map(point).collect()))
}
