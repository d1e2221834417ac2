//! `latest.db`: the newest position of each user, so that it survives a
//! restart and the retention of its sample.
//!
//! It runs a second behind the day files and says how far it got: per file,
//! the highest row id whose positions it holds. After a crash the rows beyond
//! that are read once, and no others.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use mayday_core::ids::UserId;
use mayday_core::telemetry::Position;
use mayday_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::day::{FileKey, sync_directory};
use super::schema;
use crate::telemetry::queue::lock;
use crate::telemetry::{Faults, TelemetryError};

const CREATE: &str = "CREATE TABLE IF NOT EXISTS positions (
  user_id BLOB PRIMARY KEY,
  time_us INTEGER NOT NULL,
  received_us INTEGER NOT NULL,
  latitude REAL NOT NULL,
  longitude REAL NOT NULL,
  altitude REAL,
  accuracy_m REAL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS covered (
  file TEXT PRIMARY KEY,
  last_row INTEGER NOT NULL
) STRICT, WITHOUT ROWID;";
const GET: &str = "SELECT time_us, received_us, latitude, longitude, altitude, accuracy_m
FROM positions WHERE user_id = ?1";
/// As [`Position::replaces`] has it.
const PUT: &str = "INSERT INTO positions AS old
  (user_id, time_us, received_us, latitude, longitude, altitude, accuracy_m)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
ON CONFLICT (user_id) DO UPDATE SET
  time_us = excluded.time_us, received_us = excluded.received_us,
  latitude = excluded.latitude, longitude = excluded.longitude,
  altitude = excluded.altitude, accuracy_m = excluded.accuracy_m
WHERE (min(excluded.time_us, excluded.received_us), excluded.time_us, excluded.received_us)
  >= (min(old.time_us, old.received_us), old.time_us, old.received_us)";
const REMOVE: &str = "DELETE FROM positions WHERE user_id = ?1";
const COVER: &str = "INSERT INTO covered (file, last_row) VALUES (?1, ?2)
ON CONFLICT (file) DO UPDATE SET last_row = max(last_row, excluded.last_row)";
const COVERED: &str = "SELECT last_row FROM covered WHERE file = ?1";
const UNCOVER: &str = "DELETE FROM covered WHERE file = ?1";

/// The small table.
pub(super) struct LatestTable {
    path: PathBuf,
    faults: Faults,
    /// None until it could be opened.
    connection: Mutex<Option<Connection>>,
    /// It holds every position that the files hold, but for the last second's,
    /// which are in memory.
    complete: AtomicBool,
}

impl LatestTable {
    /// Opens `latest.db`, making it if needed. Where that fails for a reason that may
    /// pass, whoever needs it tries again, and is served from the files until then.
    pub(super) fn open(directory: &Path, faults: Faults) -> Result<Self, TelemetryError> {
        let table = Self {
            path: directory.join("latest.db"),
            faults,
            connection: Mutex::new(None),
            complete: AtomicBool::new(false),
        };
        match table.run(|_| Ok(())) {
            Err(error) if !error.is_lasting() => {
                tracing::warn!(%error, "the newest positions are searched for in the files");
            }
            result => result?,
        }
        Ok(table)
    }

    fn connect(&self) -> Result<Connection, TelemetryError> {
        let path = &self.path;
        TelemetryError::require_writable(path)?;
        self.faults.before_opening(path)?;
        let made = !path.exists();
        let opened = || -> Result<Connection, schema::SetUpError> {
            let connection = Connection::open(path)?;
            schema::set_up(&connection)?;
            // It can be caught up from the files: no need to wait for the disk.
            connection.pragma_update(None, "synchronous", "NORMAL")?;
            connection.pragma_update(None, "wal_autocheckpoint", 4000)?;
            connection.execute_batch(CREATE)?;
            Ok(connection)
        };
        let connection = opened().map_err(|e| TelemetryError::open(path, &e))?;
        if made && let Some(directory) = path.parent() {
            sync_directory(directory)?;
        }
        Ok(connection)
    }

    fn run<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, TelemetryError> {
        let mut held = lock(&self.connection);
        let connection = match held.take() {
            Some(connection) => connection,
            None => self.connect()?,
        };
        let connection = held.insert(connection);
        work(connection).map_err(|e| TelemetryError::write_of(&self.path, &e))
    }

    /// Whether a look-up needs no search of the files.
    pub(super) fn is_complete(&self) -> bool {
        self.complete.load(Ordering::Acquire)
    }

    /// Says whether it holds every position.
    pub(super) fn set_complete(&self, complete: bool) {
        self.complete.store(complete, Ordering::Release);
    }

    /// The newest position of a user.
    pub(super) fn get(&self, user: UserId) -> Result<Option<Position>, TelemetryError> {
        self.run(|connection| {
            let mut statement = connection.prepare_cached(GET)?;
            statement
                .query_row([user.uuid().as_bytes()], |row| read_position(row, 0))
                .optional()
        })
    }

    /// Deletes the newest position of a user.
    pub(super) fn remove(&self, user: UserId) -> Result<(), TelemetryError> {
        self.run(|connection| {
            connection
                .execute(REMOVE, [user.uuid().as_bytes()])
                .map(drop)
        })
    }

    /// Stores positions and how far the files are covered by them.
    pub(super) fn put<'p>(
        &self,
        positions: impl Iterator<Item = (UserId, &'p Position)>,
        covered: &HashMap<FileKey, i64>,
    ) -> Result<(), TelemetryError> {
        self.run(|connection| {
            let transaction = connection.unchecked_transaction()?;
            {
                let mut put = transaction.prepare_cached(PUT)?;
                for (user, position) in positions {
                    put.execute(params![
                        user.uuid().as_bytes(),
                        position.time.as_micros(),
                        position.received_at.as_micros(),
                        position.latitude,
                        position.longitude,
                        position.altitude,
                        position.accuracy_meters,
                    ])?;
                }
                let mut cover = transaction.prepare_cached(COVER)?;
                for (key, last_row) in covered {
                    cover.execute(params![key.name(), last_row])?;
                }
            }
            transaction.commit()
        })
    }

    /// Up to which row of a file the positions are in here.
    pub(super) fn covered(&self, key: FileKey) -> Result<i64, TelemetryError> {
        self.run(|connection| {
            let mut statement = connection.prepare_cached(COVERED)?;
            let covered = statement.query_row([key.name()], |row| row.get(0));
            Ok(covered.optional()?.unwrap_or(0))
        })
    }

    /// A file is gone.
    pub(super) fn uncover(&self, key: FileKey) -> Result<(), TelemetryError> {
        self.run(|connection| connection.execute(UNCOVER, [key.name()]).map(drop))
    }
}

/// A position from six columns beginning at `first`.
pub(super) fn read_position(row: &Row<'_>, first: usize) -> rusqlite::Result<Position> {
    Ok(Position {
        time: Timestamp::from_micros(row.get(first)?),
        received_at: Timestamp::from_micros(row.get(first + 1)?),
        latitude: row.get(first + 2)?,
        longitude: row.get(first + 3)?,
        altitude: row.get(first + 4)?,
        accuracy_meters: row.get(first + 5)?,
    })
}
