//! The tables of a telemetry file and how a connection to it is set up.

use std::path::Path;
use std::time::Duration;

use mayday_core::ids::{IncidentId, UserId};
use mayday_core::telemetry::Sample;
use mayday_core::time::Timestamp;
use rusqlite::{Connection, OpenFlags, Row, params};
use uuid::Uuid;

use super::day::{FileKey, bucket_of, remove_sides, sync_directory};
use crate::telemetry::TelemetryError;
use crate::telemetry::error::Obstacle;

/// How long a connection waits for another one's lock.
const BUSY_LIMIT: Duration = Duration::from_secs(5);
/// Page cache of a writing connection, in KiB: the pages that a batch changes
/// must fit, or they are written twice.
const WRITE_CACHE_KIB: i64 = 32 * 1024;
/// Version of the tables; a file of a newer one is refused.
const SCHEMA_VERSION: i64 = 1;

/// The bucket comes first in a day file, so that inserts touch few pages; the
/// user comes first in `late.db`, where the times are scattered anyway.
const CREATE_DAY: &str =
    "CREATE UNIQUE INDEX samples_key ON samples (bucket, user_id, time_us, device, event_id);";
const CREATE_LATE: &str =
    "CREATE UNIQUE INDEX samples_key ON samples (user_id, bucket, time_us, device, event_id);
CREATE INDEX samples_received ON samples (received_us);";
const CREATE: &str = "CREATE TABLE samples (
  bucket INTEGER NOT NULL,
  user_id BLOB NOT NULL,
  time_us INTEGER NOT NULL,
  device TEXT NOT NULL,
  event_id TEXT NOT NULL,
  received_us INTEGER NOT NULL,
  latitude REAL NOT NULL,
  longitude REAL NOT NULL,
  altitude REAL,
  accuracy_m REAL,
  incident_id BLOB,
  raw BLOB NOT NULL
) STRICT;
CREATE INDEX samples_incident ON samples (incident_id, time_us) WHERE incident_id IS NOT NULL;";

/// A resend overwrites itself, an older copy that comes later (from the spill
/// table) overwrites nothing, and a sample never leaves a trail it has joined.
pub(super) const UPSERT: &str =
    "INSERT INTO samples AS old (bucket, user_id, time_us, device, event_id,
  received_us, latitude, longitude, altitude, accuracy_m, incident_id, raw)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
ON CONFLICT (bucket, user_id, time_us, device, event_id) DO UPDATE SET
  latitude = iif(excluded.received_us >= old.received_us, excluded.latitude, old.latitude),
  longitude = iif(excluded.received_us >= old.received_us, excluded.longitude, old.longitude),
  altitude = iif(excluded.received_us >= old.received_us, excluded.altitude, old.altitude),
  accuracy_m = iif(excluded.received_us >= old.received_us, excluded.accuracy_m, old.accuracy_m),
  raw = iif(excluded.received_us >= old.received_us, excluded.raw, old.raw),
  received_us = max(excluded.received_us, old.received_us),
  incident_id = coalesce(old.incident_id, excluded.incident_id)";

/// The columns that [`read_sample`] reads, in order.
pub(super) const COLUMNS: &str = "user_id, time_us, device, event_id, received_us, latitude, longitude, altitude, accuracy_m, incident_id, raw";

/// Opens a file for writing, making it if needed.
pub(super) fn open_to_write(directory: &Path, key: FileKey) -> Result<Connection, TelemetryError> {
    let path = key.path(directory);
    TelemetryError::require_writable(&path)?;
    if !path.exists() {
        make(&path, key)?;
        sync_directory(directory)?;
    }
    let connection = Connection::open(&path).map_err(|e| TelemetryError::open(&path, &e))?;
    set_up(&connection).map_err(|e| TelemetryError::open(&path, &e))?;
    connection
        .pragma_update(None, "cache_size", -WRITE_CACHE_KIB)
        .map_err(|e| TelemetryError::open(&path, &e))?;
    if version_of(&connection, &path)? == 0 {
        create(&connection, key).map_err(|e| TelemetryError::open(&path, &e))?;
    }
    Ok(connection)
}

/// Which version wrote a file; a newer one than this is refused.
fn version_of(connection: &Connection, path: &Path) -> Result<i64, TelemetryError> {
    let version: i64 = connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(|e| TelemetryError::open(path, &e))?;
    if version > SCHEMA_VERSION {
        return Err(TelemetryError::Newer { path: path.into() });
    }
    Ok(version)
}

/// Makes a file under another name and gives it its own when it has its tables: readers
/// and backups open whatever has the name of a day.
fn make(path: &Path, key: FileKey) -> Result<(), TelemetryError> {
    let draft = path.with_extension("new");
    remove_sides(&draft)?;
    match std::fs::remove_file(&draft) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(TelemetryError::open(&draft, &error));
        }
        _ => {}
    }
    let connection = Connection::open(&draft).map_err(|e| TelemetryError::open(path, &e))?;
    set_up(&connection).map_err(|e| TelemetryError::open(path, &e))?;
    create(&connection, key).map_err(|e| TelemetryError::open(path, &e))?;
    // Only the file itself is renamed: its log goes into it first, flushed. Closing
    // would do the same and not tell when it could not.
    let left = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
        row.get::<_, i64>(0)
    });
    if left.map_err(|e| TelemetryError::open(path, &e))? != 0 {
        return Err(TelemetryError::open(path, &SetUpError::LogLeft));
    }
    connection
        .close()
        .map_err(|(_, error)| TelemetryError::open(path, &error))?;
    // A crash may have left the log of a file of this name that was removed: it would be
    // read as the new one's.
    remove_sides(path)?;
    std::fs::rename(&draft, path).map_err(|e| TelemetryError::open(path, &e))
}

fn create(connection: &Connection, key: FileKey) -> rusqlite::Result<()> {
    let index = if key == FileKey::Late {
        CREATE_LATE
    } else {
        CREATE_DAY
    };
    connection.execute_batch(&format!(
        "BEGIN IMMEDIATE; {CREATE} {index} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
    ))
}

/// The durability that "stored" promises, set and read back.
pub(super) fn set_up(connection: &Connection) -> Result<(), SetUpError> {
    connection.busy_timeout(BUSY_LIMIT)?;
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    let synchronous: i64 = connection.pragma_query_value(None, "synchronous", |row| row.get(0))?;
    if mode != "wal" || synchronous != 2 {
        return Err(SetUpError::NotDurable);
    }
    Ok(())
}

/// Why a connection cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum SetUpError {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error("SQLite would not take journal_mode=wal and synchronous=FULL")]
    NotDurable,
    #[error("the log of a new file could not be carried into it")]
    LogLeft,
}

impl Obstacle for SetUpError {
    fn is_lasting(&self) -> bool {
        match self {
            Self::Sqlite(error) => error.is_lasting(),
            Self::NotDurable => true,
            Self::LogLeft => false,
        }
    }
}

/// Opens an existing file for reading; nothing if there is none.
pub(super) fn open_to_read(
    directory: &Path,
    key: FileKey,
) -> Result<Option<Connection>, TelemetryError> {
    let path = key.path(directory);
    if !path.exists() {
        return Ok(None);
    }
    // Read-write, because a reader of a log must be able to make its index.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection =
        Connection::open_with_flags(&path, flags).map_err(|e| TelemetryError::open(&path, &e))?;
    let set = connection
        .busy_timeout(BUSY_LIMIT)
        .and_then(|()| connection.pragma_update(None, "query_only", true));
    set.map_err(|e| TelemetryError::open(&path, &e))?;
    version_of(&connection, &path)?;
    Ok(Some(connection))
}

/// Writes samples within the open transaction, each with the incident that it
/// belongs to.
pub(super) fn upsert_all<'s>(
    connection: &Connection,
    samples: impl Iterator<Item = (&'s Sample, Option<IncidentId>)>,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(UPSERT)?;
    for (sample, incident) in samples {
        statement.execute(params![
            bucket_of(sample.time),
            sample.user.uuid().as_bytes(),
            sample.time.as_micros(),
            sample.device,
            sample.event_id,
            sample.received_at.as_micros(),
            sample.latitude,
            sample.longitude,
            sample.altitude,
            sample.accuracy_meters,
            incident.map(|id| id.uuid().into_bytes()),
            &sample.raw[..],
        ])?;
    }
    Ok(())
}

/// The highest row id, which only ever grows.
pub(super) fn last_row(connection: &Connection) -> rusqlite::Result<i64> {
    let mut statement = connection.prepare_cached("SELECT max(rowid) FROM samples")?;
    let last: Option<i64> = statement.query_row([], |row| row.get(0))?;
    Ok(last.unwrap_or(0))
}

/// A sample from a row of [`COLUMNS`].
pub(super) fn read_sample(row: &Row<'_>) -> rusqlite::Result<Sample> {
    let incident: Option<[u8; 16]> = row.get(9)?;
    Ok(Sample {
        user: UserId(Uuid::from_bytes(row.get(0)?)),
        time: Timestamp::from_micros(row.get(1)?),
        device: row.get::<_, String>(2)?.into(),
        event_id: row.get::<_, String>(3)?.into(),
        received_at: Timestamp::from_micros(row.get(4)?),
        latitude: row.get(5)?,
        longitude: row.get(6)?,
        altitude: row.get(7)?,
        accuracy_meters: row.get(8)?,
        incident: incident.map(|bytes| IncidentId(Uuid::from_bytes(bytes))),
        raw: row.get::<_, Vec<u8>>(10)?.into(),
    })
}

/// How SQLite would run a statement on an empty file.
#[cfg(test)]
pub(super) fn plan_of(key: FileKey, sql: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let file = open_to_write(directory.path(), key).unwrap();
    let mut statement = file.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let nothing: Vec<Option<i64>> = vec![None; statement.parameter_count()];
    let steps = statement.query_map(rusqlite::params_from_iter(nothing), |row| {
        row.get::<_, String>(3)
    });
    let steps: Vec<String> = steps.unwrap().map(Result::unwrap).collect();
    steps.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::tests::{sample, user};

    #[test]
    fn a_new_file_takes_nothing_from_the_log_of_an_old_one() {
        let directory = tempfile::tempdir().unwrap();
        let key = FileKey::Day(20_000);
        let path = key.path(directory.path());
        let log = path.with_extension("db-wal");
        let old = open_to_write(directory.path(), key).unwrap();
        upsert_all(&old, [(&sample(user(0), 1), None)].into_iter()).unwrap();
        let left = std::fs::read(&log).unwrap();
        assert!(!left.is_empty());
        drop(old);
        // As a crash in the middle of removing the file leaves it.
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&log, left).unwrap();
        let new = open_to_write(directory.path(), key).unwrap();
        assert_eq!(last_row(&new).unwrap(), 0);
    }

    #[test]
    fn a_new_file_has_its_tables_without_its_log() {
        let directory = tempfile::tempdir().unwrap();
        let path = FileKey::Late.path(directory.path());
        make(&path, FileKey::Late).unwrap();
        let names: Vec<_> = std::fs::read_dir(directory.path()).unwrap().collect();
        assert_eq!(names.len(), 1, "{names:?}");
        assert_eq!(last_row(&Connection::open(&path).unwrap()).unwrap(), 0);
    }
}
