//! Telemetry that the telemetry writer could not take in time, kept in the
//! state store until a worker moves it on. Bounded; readers of telemetry read
//! it too.

use std::collections::BTreeMap;

use mayday_core::ids::{IncidentId, UserId};
use mayday_core::telemetry::{Position, Sample, SampleKey};
use serde::Serialize;

use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::row::Row;
use crate::sql::Sql;
use crate::telemetry::{Span, Strays};
use crate::tx::Tx;

/// Rows in the table at most.
pub const MAX_SPILLED_ROWS: i64 = 500_000;

static SPAN: Sql = Sql::new("SELECT COALESCE(MAX(id) - MIN(id) + 1, 0) FROM spill");
// One statement for many rows: a statement per row would hold up the lane. On
// PostgreSQL another server may have opened the incident that a sample joins, so
// the table is asked, and rows are locked in one order by all servers.
static UPSERT: Sql = Sql::per_dialect(
    "INSERT INTO spill AS old (user_id, measured_at, device, event_id, received_at, latitude, \
     longitude, altitude, accuracy_m, incident_id, raw) \
     SELECT unhex(value ->> 'user_id'), value ->> 'measured_at', value ->> 'device', \
       value ->> 'event_id', value ->> 'received_at', value ->> 'latitude', \
       value ->> 'longitude', value ->> 'altitude', value ->> 'accuracy_m', \
       unhex(value ->> 'incident_id'), value ->> 'raw' \
     FROM json_each($1) WHERE TRUE \
     ON CONFLICT (user_id, measured_at, device, event_id) DO UPDATE SET \
       received_at = excluded.received_at, latitude = excluded.latitude, \
       longitude = excluded.longitude, altitude = excluded.altitude, \
       accuracy_m = excluded.accuracy_m, raw = excluded.raw, \
       incident_id = COALESCE(old.incident_id, excluded.incident_id), \
       revision = old.revision + 1",
    "INSERT INTO spill AS old (user_id, measured_at, device, event_id, received_at, latitude, \
     longitude, altitude, accuracy_m, incident_id, raw) \
     SELECT given.user_id, given.measured_at, given.device, given.event_id, given.received_at, \
       given.latitude, given.longitude, given.altitude, given.accuracy_m, \
       COALESCE(given.incident_id, open.id), given.raw \
     FROM json_to_recordset($1::json) AS given (user_id uuid, measured_at bigint, device text, \
       event_id text, received_at bigint, latitude double precision, \
       longitude double precision, altitude double precision, accuracy_m double precision, \
       incident_id uuid, raw text) \
     LEFT JOIN incidents AS open ON open.user_id = given.user_id \
       AND open.state IN ('active', 'acknowledged') AND NOT open.drill AND NOT open.hidden \
     ORDER BY given.user_id, given.measured_at, given.device, given.event_id \
     ON CONFLICT (user_id, measured_at, device, event_id) DO UPDATE SET \
       received_at = excluded.received_at, latitude = excluded.latitude, \
       longitude = excluded.longitude, altitude = excluded.altitude, \
       accuracy_m = excluded.accuracy_m, raw = excluded.raw, \
       incident_id = COALESCE(old.incident_id, excluded.incident_id), \
       revision = old.revision + 1",
);
static OLDEST: Sql = Sql::new(
    "SELECT user_id, measured_at, device, event_id, received_at, latitude, longitude, altitude, \
     accuracy_m, incident_id, raw, id, revision FROM spill ORDER BY id LIMIT $1",
);
static DELETE_UNREVISED: Sql = Sql::per_dialect(
    "DELETE FROM spill WHERE id IN (SELECT value FROM json_each($1)) AND revision = 0",
    "DELETE FROM spill WHERE id = ANY ($1) AND revision = 0",
);
static DELETE_REVISED: Sql = Sql::new("DELETE FROM spill WHERE id = $1 AND revision = $2");
// The two texts collate byte for byte, as their columns say.
static RANGE: Sql = Sql::new(
    "SELECT user_id, measured_at, device, event_id, received_at, latitude, longitude, altitude, \
     accuracy_m, incident_id, raw FROM spill \
     WHERE user_id = $1 AND measured_at BETWEEN $2 AND $3 \
     AND (measured_at, device, event_id) >= ($2, $4, $5) \
     ORDER BY measured_at, device, event_id LIMIT $6",
);
static RANGE_AFTER: Sql = Sql::new(
    "SELECT user_id, measured_at, device, event_id, received_at, latitude, longitude, altitude, \
     accuracy_m, incident_id, raw FROM spill \
     WHERE user_id = $1 AND measured_at BETWEEN $2 AND $3 \
     AND (measured_at, device, event_id) > ($2, $4, $5) \
     ORDER BY measured_at, device, event_id LIMIT $6",
);
// The order of `Position::replaces`.
static NEWEST: Sql = Sql::per_dialect(
    "SELECT measured_at, received_at, latitude, longitude, altitude, accuracy_m FROM spill \
     WHERE user_id = $1 \
     ORDER BY MIN(measured_at, received_at) DESC, measured_at DESC, received_at DESC LIMIT 1",
    "SELECT measured_at, received_at, latitude, longitude, altitude, accuracy_m FROM spill \
     WHERE user_id = $1 \
     ORDER BY LEAST(measured_at, received_at) DESC, measured_at DESC, received_at DESC LIMIT 1",
);
static TRAIL_START: Sql = Sql::new(
    "SELECT measured_at, received_at, latitude, longitude, altitude, accuracy_m, user_id, device, \
     event_id FROM spill WHERE incident_id = $1 ORDER BY measured_at LIMIT $2",
);
static TRAIL_END: Sql = Sql::new(
    "SELECT measured_at, received_at, latitude, longitude, altitude, accuracy_m, user_id, device, \
     event_id FROM spill WHERE incident_id = $1 ORDER BY measured_at DESC LIMIT $2",
);

static STRAYS_START: Sql = Sql::new(
    "SELECT measured_at, received_at, latitude, longitude, altitude, accuracy_m, user_id, device, \
     event_id FROM spill WHERE user_id = $1 AND measured_at BETWEEN $2 AND $3 \
     AND (incident_id IS NULL OR incident_id <> $4) ORDER BY measured_at LIMIT $5",
);
static STRAYS_END: Sql = Sql::new(
    "SELECT measured_at, received_at, latitude, longitude, altitude, accuracy_m, user_id, device, \
     event_id FROM spill WHERE user_id = $1 AND measured_at BETWEEN $2 AND $3 \
     AND (incident_id IS NULL OR incident_id <> $4) ORDER BY measured_at DESC LIMIT $5",
);

pub(crate) const STATEMENTS: &[&Sql] = &[
    &SPAN,
    &UPSERT,
    &OLDEST,
    &DELETE_UNREVISED,
    &DELETE_REVISED,
    &RANGE,
    &RANGE_AFTER,
    &NEWEST,
    &TRAIL_START,
    &TRAIL_END,
    &STRAYS_START,
    &STRAYS_END,
];

/// How many samples the table holds at most: the span of its ids, which costs
/// no scan.
pub async fn count(tx: &mut Tx<'_>) -> Result<i64, StoreError> {
    tx.fetch_one(&SPAN, args![]).await?.get(0)
}

/// Stores samples in the spill table, each key once.
#[derive(Clone, Debug)]
pub struct SpillSamples {
    samples: BTreeMap<SampleKey, Sample>,
}

/// What became of the samples of a [`SpillSamples`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spilled {
    /// All are stored.
    Stored,
    /// None is stored: the table has reached [`MAX_SPILLED_ROWS`].
    Full,
}

impl SpillSamples {
    /// Takes the samples; of equal keys the last one counts.
    pub fn new(samples: impl IntoIterator<Item = Sample>) -> Self {
        let keyed = samples.into_iter().map(|sample| (sample.key(), sample));
        Self {
            samples: keyed.collect(),
        }
    }
}

/// A sample as the statement takes it.
#[derive(Serialize)]
struct Given<'a> {
    user_id: String,
    measured_at: i64,
    device: &'a str,
    event_id: &'a str,
    received_at: i64,
    latitude: f64,
    longitude: f64,
    altitude: Option<f64>,
    accuracy_m: Option<f64>,
    incident_id: Option<String>,
    raw: std::borrow::Cow<'a, str>,
}

impl Command for SpillSamples {
    type Output = Spilled;
    const NAME: &'static str = "spill.store";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Spilled, StoreError> {
        let rows = count(tx).await?;
        if rows >= MAX_SPILLED_ROWS {
            return Ok(Spilled::Full);
        }
        // SQLite's unhex takes no hyphens; PostgreSQL takes both.
        let given: Vec<Given<'_>> = self
            .samples
            .values()
            .map(|sample| Given {
                user_id: sample.user.uuid().simple().to_string(),
                measured_at: sample.time.as_micros(),
                device: &sample.device,
                event_id: &sample.event_id,
                received_at: sample.received_at.as_micros(),
                latitude: sample.latitude,
                longitude: sample.longitude,
                altitude: sample.altitude,
                accuracy_m: sample.accuracy_meters,
                incident_id: sample.incident.map(|id| id.uuid().simple().to_string()),
                raw: String::from_utf8_lossy(&sample.raw),
            })
            .collect();
        let json = serde_json::to_string(&given).map_err(|error| {
            StoreError::column(0, format!("cannot be written as JSON: {error}"))
        })?;
        tx.execute(&UPSERT, args![json.as_str()]).await?;
        Ok(Spilled::Stored)
    }
}

/// A spilled sample on its way to where it belongs.
#[derive(Clone, Debug)]
pub struct SpilledSample {
    /// Its place in the table.
    pub id: i64,
    /// How often it was resent while it lay there.
    pub revision: i64,
    /// The sample.
    pub sample: Sample,
}

/// The samples that have lain here for longest.
pub async fn oldest(tx: &mut Tx<'_>, limit: u32) -> Result<Vec<SpilledSample>, StoreError> {
    let rows = tx.fetch_all(&OLDEST, args![limit]).await?;
    rows.iter()
        .map(|row| {
            Ok(SpilledSample {
                id: row.get(11)?,
                revision: row.get(12)?,
                sample: sample_of(row)?,
            })
        })
        .collect()
}

/// Deletes samples that were moved, unless they were resent meanwhile.
#[derive(Clone, Debug)]
pub struct DeleteSpilled {
    /// The moved rows that had never been resent, each by its id: on PostgreSQL a
    /// row with a lower id may have been committed after they were read.
    pub unrevised: Vec<i64>,
    /// Moved rows that had been resent: their id and revision.
    pub revised: Vec<(i64, i64)>,
}

impl Command for DeleteSpilled {
    type Output = u64;
    const NAME: &'static str = "spill.delete";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64, StoreError> {
        let mut deleted = tx
            .execute(&DELETE_UNREVISED, args![self.unrevised.as_slice()])
            .await?;
        for (id, revision) in &self.revised {
            deleted += tx.execute(&DELETE_REVISED, args![*id, *revision]).await?;
        }
        Ok(deleted)
    }
}

/// A user's spilled samples of a span, oldest first.
pub async fn range(
    tx: &mut Tx<'_>,
    user: UserId,
    span: &Span,
    limit: usize,
) -> Result<Vec<Sample>, StoreError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let statement = if span.after.is_some() {
        &RANGE_AFTER
    } else {
        &RANGE
    };
    let (device, event) = span.lower();
    let values = args![user, span.from, span.to, device, event, limit];
    let rows = tx.fetch_all(statement, values).await?;
    rows.iter().map(sample_of).collect()
}

/// The newest spilled position of a user.
pub async fn newest(tx: &mut Tx<'_>, user: UserId) -> Result<Option<Position>, StoreError> {
    let row = tx.fetch_optional(&NEWEST, args![user]).await?;
    row.as_ref().map(position_of).transpose()
}

/// The first and the last spilled positions of an incident.
pub async fn trail(
    tx: &mut Tx<'_>,
    incident: IncidentId,
    each_end: usize,
) -> Result<Vec<(SampleKey, Position)>, StoreError> {
    let limit = i64::try_from(each_end).unwrap_or(i64::MAX);
    let mut found = Vec::new();
    for statement in [&TRAIL_START, &TRAIL_END] {
        for row in &tx.fetch_all(statement, args![incident, limit]).await? {
            found.push(point_of(row)?);
        }
    }
    Ok(found)
}

/// The first and the last spilled positions of an incident's time that did not
/// join it.
pub async fn strays(
    tx: &mut Tx<'_>,
    wanted: &Strays,
    each_end: usize,
) -> Result<Vec<(SampleKey, Position)>, StoreError> {
    let limit = i64::try_from(each_end).unwrap_or(i64::MAX);
    let (from, to) = (*wanted.span.start(), *wanted.span.end());
    let mut found = Vec::new();
    for statement in [&STRAYS_START, &STRAYS_END] {
        let values = args![wanted.user, from, to, wanted.incident, limit];
        for row in &tx.fetch_all(statement, values).await? {
            found.push(point_of(row)?);
        }
    }
    Ok(found)
}

fn point_of(row: &Row) -> Result<(SampleKey, Position), StoreError> {
    let position = position_of(row)?;
    let key = SampleKey {
        user: row.get(6)?,
        time: position.time,
        device: row.get::<String>(7)?.into(),
        event_id: row.get::<String>(8)?.into(),
    };
    Ok((key, position))
}

fn sample_of(row: &Row) -> Result<Sample, StoreError> {
    Ok(Sample {
        user: row.get(0)?,
        time: row.get(1)?,
        device: row.get::<String>(2)?.into(),
        event_id: row.get::<String>(3)?.into(),
        received_at: row.get(4)?,
        latitude: row.get(5)?,
        longitude: row.get(6)?,
        altitude: row.get(7)?,
        accuracy_meters: row.get(8)?,
        incident: row.get(9)?,
        raw: row.get::<String>(10)?.into_bytes().into(),
    })
}

fn position_of(row: &Row) -> Result<Position, StoreError> {
    Ok(Position {
        time: row.get(0)?,
        received_at: row.get(1)?,
        latitude: row.get(2)?,
        longitude: row.get(3)?,
        altitude: row.get(4)?,
        accuracy_meters: row.get(5)?,
    })
}
