//! The telemetry of an ended incident, copied to it, so that retention of
//! telemetry does not eat history.

use mayday_core::ids::IncidentId;
use mayday_core::sos::TrailPoint;
use mayday_core::time::Timestamp;

use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::sql::Sql;
use crate::tx::Tx;

static STORE: Sql = Sql::new(
    "INSERT INTO incident_trails (incident_id, points, copied_at) VALUES ($1, $2, $3)
     ON CONFLICT (incident_id) DO NOTHING",
);
static STORED: Sql = Sql::new("SELECT points FROM incident_trails WHERE incident_id = $1");

pub(crate) const STATEMENTS: &[&Sql] = &[&STORE, &STORED];

/// A point as stored: microseconds, latitude, longitude, altitude.
type StoredPoint = (i64, f64, f64, Option<f64>);

/// Keeps the trail of an ended incident, once. Output: whether it was kept now.
#[derive(Clone, Debug)]
pub struct StoreTrail {
    /// Which incident.
    pub incident: IncidentId,
    /// Its telemetry, oldest first.
    pub points: Vec<TrailPoint>,
}

impl Command for StoreTrail {
    type Output = bool;
    const NAME: &'static str = "sos.store_trail";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        let points: Vec<StoredPoint> = self
            .points
            .iter()
            .map(|point| {
                let micros = point.occurred_at.as_micros();
                (micros, point.latitude, point.longitude, point.altitude)
            })
            .collect();
        let text = serde_json::to_string(&points)
            .map_err(|error| StoreError::column(1, error.to_string()))?;
        let now = tx.now();
        Ok(tx.execute(&STORE, args![self.incident, &text, now]).await? == 1)
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
