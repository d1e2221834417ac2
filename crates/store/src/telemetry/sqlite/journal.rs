//! `journal.db`: what was acknowledged and does not lie in its day file yet.
//!
//! A batch is one row of bytes, written one after the other and flushed by its
//! commit: that is all an acknowledgement waits for. The filing thread carries the
//! batches into the day files, many at a time, and has the journal forget them once
//! they are durable there. After a crash the batches that are left are filed then; a
//! sample that was filed already is the same sample.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, params};

use mayday_core::telemetry::Sample;

use super::day::sync_directory;
use super::{record, schema};
use crate::telemetry::error::Obstacle;
use crate::telemetry::{Faults, TelemetryError};

/// The file's name in the telemetry directory.
pub(super) const FILE: &str = "journal.db";
/// Bytes of a page: a batch has some ten to some hundred kilobytes.
const PAGE_BYTES: i64 = 8 * 1024;
/// Page cache, in KiB: the batches that are forgotten at once are in it.
const CACHE_KIB: i64 = 16 * 1024;
/// Version of the table; a file of a newer one is refused.
const SCHEMA_VERSION: i64 = 1;

const CREATE: &str = "CREATE TABLE batches (id INTEGER PRIMARY KEY, samples BLOB NOT NULL) STRICT;";
const APPEND: &str = "INSERT INTO batches (id, samples) VALUES (?1, ?2)";
const FORGET: &str = "DELETE FROM batches WHERE id <= ?1";
const ALL: &str = "SELECT id, samples FROM batches ORDER BY id";

/// The journal; whoever holds it is the only one who writes it.
pub(super) struct Journal {
    path: PathBuf,
    faults: Faults,
    /// None after a failure: it is opened anew.
    connection: Option<Connection>,
    /// What an earlier process left was read: before that no id may be given out.
    is_read: bool,
    last_id: i64,
    written_bytes: u64,
}

/// A batch that an earlier process left.
pub(super) struct Left {
    pub(super) id: i64,
    pub(super) samples: Vec<Sample>,
}

impl Journal {
    /// The journal of a directory, of which nothing is read yet.
    pub(super) fn new(directory: &Path, faults: Faults) -> Self {
        Self {
            path: directory.join(FILE),
            faults,
            connection: None,
            is_read: false,
            last_id: 0,
            written_bytes: 0,
        }
    }

    /// Opens the journal, making it if needed, and reads what an earlier process left in
    /// it. Nothing happens once that was done.
    pub(super) fn read_left(&mut self) -> Result<Vec<Left>, TelemetryError> {
        if self.is_read {
            return Ok(Vec::new());
        }
        TelemetryError::require_writable(&self.path)?;
        self.faults.before_opening(&self.path)?;
        let made = !self.path.exists();
        let connection = connect(&self.path)?;
        if made && let Some(directory) = self.path.parent() {
            sync_directory(directory)?;
        }
        let left = left(&connection).map_err(|e| TelemetryError::open(&self.path, &e))?;
        self.last_id = left.last().map_or(0, |batch| batch.id);
        self.connection = Some(connection);
        self.is_read = true;
        Ok(left)
    }

    /// Whether [`Journal::read_left`] has succeeded.
    pub(super) fn is_read(&self) -> bool {
        self.is_read
    }

    /// Stores a batch durably and returns its id; ids only grow.
    pub(super) fn append(&mut self, samples: &[u8]) -> Result<i64, TelemetryError> {
        if !self.is_read {
            return Err(TelemetryError::Write(
                "the journal could not be opened yet".into(),
            ));
        }
        // A commit that failed may have stored its batch all the same: its id is
        // never given to another.
        self.last_id += 1;
        let id = self.last_id;
        self.run(|connection| {
            let mut append = connection.prepare_cached(APPEND)?;
            append.execute(params![id, samples]).map(drop)
        })?;
        self.written_bytes += u64::try_from(samples.len()).unwrap_or(0);
        Ok(id)
    }

    /// Deletes the batches up to an id, which are durable elsewhere. After a crash before
    /// it they are filed again, which changes nothing.
    pub(super) fn forget(&mut self, id: i64) -> Result<(), TelemetryError> {
        // Flushed as an append is: frames that only the page cache holds would be a hole
        // in the log before the next batch, if their flush failed later.
        self.run(|connection| {
            let mut forget = connection.prepare_cached(FORGET)?;
            forget.execute([id]).map(drop)
        })
    }

    /// Bytes of the batches that were appended since it was opened.
    pub(super) fn written_bytes(&self) -> u64 {
        self.written_bytes
    }

    /// Runs one statement, which is a transaction of its own. What failed once on a
    /// connection is tried on a new one.
    fn run(
        &mut self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<()>,
    ) -> Result<(), TelemetryError> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => connect(&self.path)?,
        };
        work(&connection).map_err(|e| TelemetryError::write(&e))?;
        self.connection = Some(connection);
        Ok(())
    }
}

/// A connection that carries the log over.
pub(super) fn open_beside(directory: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(directory.join(FILE), flags)
}

fn connect(path: &Path) -> Result<Connection, TelemetryError> {
    let told = |error: &dyn Obstacle| TelemetryError::open(path, error);
    let connection = Connection::open(path).map_err(|e| told(&e))?;
    connection
        .pragma_update(None, "page_size", PAGE_BYTES)
        .map_err(|e| told(&e))?;
    schema::set_up(&connection).map_err(|e| told(&e))?;
    let version: i64 = connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(|e| told(&e))?;
    if version > SCHEMA_VERSION {
        return Err(TelemetryError::Newer { path: path.into() });
    }
    let prepare = || -> rusqlite::Result<()> {
        connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        // An erased person's samples must not stay in a free page.
        connection.pragma_update(None, "secure_delete", true)?;
        if version == 0 {
            connection.execute_batch(&format!(
                "BEGIN IMMEDIATE; {CREATE} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
            ))?;
        }
        Ok(())
    };
    prepare().map_err(|e| told(&e))?;
    Ok(connection)
}

fn left(connection: &Connection) -> Result<Vec<Left>, SetUpError> {
    let mut all = connection.prepare(ALL)?;
    let mut rows = all.query([])?;
    let mut left = Vec::new();
    while let Some(row) = rows.next()? {
        let samples = record::decode(row.get_ref(1)?.as_blob()?)?;
        left.push(Left {
            id: row.get(0)?,
            samples,
        });
    }
    Ok(left)
}

/// Why what is left cannot be read.
#[derive(Debug, thiserror::Error)]
enum SetUpError {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error(transparent)]
    Type(#[from] rusqlite::types::FromSqlError),
    #[error(transparent)]
    Unreadable(#[from] record::Unreadable),
}

impl Obstacle for SetUpError {
    fn is_lasting(&self) -> bool {
        match self {
            Self::Sqlite(error) => error.is_lasting(),
            Self::Type(_) | Self::Unreadable(_) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(directory: &Path) -> (Journal, Vec<i64>) {
        let mut journal = Journal::new(directory, Faults::default());
        let left = journal.read_left().unwrap();
        (journal, left.iter().map(|batch| batch.id).collect())
    }

    #[test]
    fn what_is_not_forgotten_is_there_after_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let empty = record::encode(std::iter::empty());
        let (mut journal, left) = opened(directory.path());
        assert!(left.is_empty());
        for id in 1..=3 {
            assert_eq!(journal.append(&empty).unwrap(), id);
        }
        journal.forget(1).unwrap();
        drop(journal);
        assert_eq!(opened(directory.path()).1, [2, 3]);
        let (mut journal, _) = opened(directory.path());
        journal.forget(2).unwrap();
        assert_eq!(journal.append(&empty).unwrap(), 4);
        drop(journal);
        assert_eq!(opened(directory.path()).1, [3, 4]);
    }

    #[test]
    fn every_append_waits_for_the_disk_after_a_forgetting_too() {
        let directory = tempfile::tempdir().unwrap();
        let (mut journal, _) = opened(directory.path());
        journal.forget(0).unwrap();
        let connection = journal.connection.as_ref().unwrap();
        let synchronous: i64 = connection
            .pragma_query_value(None, "synchronous", |row| row.get(0))
            .unwrap();
        assert_eq!(synchronous, 2);
    }

    #[test]
    fn a_failed_statement_costs_the_connection_and_not_the_journal() {
        let directory = tempfile::tempdir().unwrap();
        let empty = record::encode(std::iter::empty());
        let (mut journal, _) = opened(directory.path());
        let failed = journal.run(|connection| connection.execute_batch("SELECT nothing"));
        assert!(failed.is_err());
        assert_eq!(journal.append(&empty).unwrap(), 1);
    }

    #[test]
    fn damage_is_told_and_not_skipped() {
        let directory = tempfile::tempdir().unwrap();
        let (mut journal, _) = opened(directory.path());
        journal.append(b"\x01no row").unwrap();
        drop(journal);
        let mut journal = Journal::new(directory.path(), Faults::default());
        let error = journal.read_left().err().unwrap();
        assert!(error.is_lasting());
        assert!(error.to_string().contains(FILE), "{error}");
    }

    #[test]
    fn nothing_is_appended_before_what_is_left_was_read() {
        let directory = tempfile::tempdir().unwrap();
        let empty = record::encode(std::iter::empty());
        opened(directory.path()).0.append(&empty).unwrap();
        let mut journal = Journal::new(directory.path(), Faults::default());
        assert!(journal.append(&empty).is_err());
        assert_eq!(journal.read_left().unwrap().len(), 1);
        assert_eq!(journal.append(&empty).unwrap(), 2);
        assert!(journal.read_left().unwrap().is_empty());
    }
}
