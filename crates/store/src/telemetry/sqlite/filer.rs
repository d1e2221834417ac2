//! The thread that owns every writing connection to the day files.
//!
//! It carries batches from the journal into the files that their samples belong to:
//! many at a time and in the order of the index, so that neighbours share its pages.
//! Nobody waits for it but room in memory. The journal forgets a batch once every file
//! of it was flushed. What belongs to a file that is damaged, or cannot be written for
//! long, is filed in `late.db`, where every reader looks.

use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use mayday_core::ids::UserId;
use mayday_core::telemetry::Sample;
use mayday_core::time::Timestamp;
use rusqlite::Connection;

use super::Shared;
use super::backlog::{Batch, Row};
use super::day::{FileKey, bucket_of};
use super::detours::Detours;
use super::schema;
use crate::telemetry::TelemetryError;
use crate::telemetry::queue::lock;

/// Files that stay open for writing: today, its neighbours, and what phones
/// that were off line bring.
const MAX_OPEN_FILES: usize = 6;

/// The thread's state.
pub(super) struct Filer {
    shared: Arc<Shared>,
    open: HashMap<FileKey, OpenFile>,
    detours: Detours,
    turn: u64,
    removals_seen: u64,
}

struct OpenFile {
    connection: Connection,
    last_turn: u64,
}

impl Filer {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            open: HashMap::new(),
            detours: Detours::default(),
            turn: 0,
            removals_seen: 0,
        }
    }

    /// Opens today's file, making it if needed.
    pub(super) fn open_today(&mut self) -> Result<(), TelemetryError> {
        let today = self.shared.window().file_of(self.shared.clock.now());
        self.file(today).map(|_| ())
    }

    /// Works until the backlog is closed and empty. What cannot be filed then stays in
    /// the journal for the next start.
    pub(super) fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        while let Some(load) = shared.backlog.next() {
            shared.faults.before_filing();
            let filed = catch_unwind(AssertUnwindSafe(|| self.file_all(&load)));
            let filed =
                filed.unwrap_or_else(|_| Err(TelemetryError::Write("filing panicked".into())));
            match filed {
                Ok(last) => shared.backlog.filed(last),
                Err(error) => {
                    tracing::warn!(error = %error, "telemetry was not filed; it is kept and filed again");
                    // A transaction may be open: what failed once on a connection is
                    // tried on a new one.
                    self.open.clear();
                    if !shared.backlog.failed() {
                        return;
                    }
                }
            }
        }
    }

    /// Files batches, has the journal forget them, and returns the id of the last.
    fn file_all(&mut self, load: &[Arc<Batch>]) -> Result<i64, TelemetryError> {
        let shared = Arc::clone(&self.shared);
        let mut files: BTreeMap<FileKey, Vec<&Row>> = BTreeMap::new();
        for batch in load {
            for row in &batch.rows {
                let file = batch.window.file_of(row.sample().time);
                files.entry(file).or_default().push(row);
            }
        }
        self.turn += 1;
        let mut late = files.remove(&FileKey::Late).unwrap_or_default();
        // A file that fails keeps none of the others waiting.
        let mut failure = None;
        let now = shared.clock.now();
        for (key, mut rows) in files {
            if self.detours.is_on(key, now) {
                late.append(&mut rows);
                continue;
            }
            match self.file_rows(key, &mut rows) {
                Ok(()) => self.detours.end(key),
                Err(error) if error.is_lasting() => {
                    shared.unusable.note(key, &error);
                    late.append(&mut rows);
                }
                Err(error) if self.detours.begin(key, &error, now) => late.append(&mut rows),
                Err(error) => failure = Some(error),
            }
        }
        if !late.is_empty() {
            self.file_rows(FileKey::Late, &mut late)?;
        }
        if let Some(error) = failure {
            return Err(error);
        }
        let last = load.last().map_or(0, |batch| batch.id);
        lock(&shared.journal).forget(last)?;
        Ok(last)
    }

    /// Files rows while nobody removes the file. After a failure its connection is not
    /// used again.
    fn file_rows(&mut self, key: FileKey, rows: &mut [&Row]) -> Result<(), TelemetryError> {
        // Copies of one sample stay in the order in which they came.
        rows.sort_by_key(|row| place_in_index(row.sample()));
        let shared = Arc::clone(&self.shared);
        let _gate = lock(&shared.gate);
        let removals = shared.removals.load(Ordering::Acquire);
        if removals != self.removals_seen {
            self.open.clear();
            self.removals_seen = removals;
        }
        let written = self.write_file(key, rows);
        if written.is_err() {
            self.open.remove(&key);
        }
        lock(&shared.touched).insert(key, written?);
        Ok(())
    }

    /// Writes rows to their file in one transaction
    /// and returns the highest row id.
    fn write_file(&mut self, key: FileKey, rows: &[&Row]) -> Result<i64, TelemetryError> {
        let path = key.path(&self.shared.directory);
        let told = |error: rusqlite::Error| TelemetryError::write_of(&path, &error);
        let failing = self.shared.faults.filing_fails(&path);
        let connection = self.file(key)?;
        let transaction = connection.unchecked_transaction().map_err(told)?;
        let samples = rows.iter().map(|row| (row.sample(), row.incident));
        schema::upsert_all(&transaction, samples).map_err(told)?;
        if failing {
            return Err(TelemetryError::Write("filing was made to fail".into()));
        }
        let last_row = schema::last_row(&transaction).map_err(told)?;
        transaction.commit().map_err(told)?;
        Ok(last_row)
    }

    /// The connection to a file; the one unused for longest makes room.
    fn file(&mut self, key: FileKey) -> Result<&Connection, TelemetryError> {
        if !self.open.contains_key(&key) {
            if self.open.len() >= MAX_OPEN_FILES {
                let oldest = self.open.iter().min_by_key(|(_, file)| file.last_turn);
                if let Some(oldest) = oldest.map(|(key, _)| *key) {
                    self.open.remove(&oldest);
                }
            }
            let directory = &self.shared.directory;
            self.shared.faults.before_opening(&key.path(directory))?;
            let connection = schema::open_to_write(directory, key)?;
            let last_turn = self.turn;
            self.open.insert(
                key,
                OpenFile {
                    connection,
                    last_turn,
                },
            );
        }
        let turn = self.turn;
        let file = self.open.get_mut(&key).ok_or(TelemetryError::Closed)?;
        file.last_turn = turn;
        Ok(&file.connection)
    }
}

/// Where the index of a day file has a sample; `late.db` is in no hurry.
fn place_in_index(sample: &Sample) -> (i64, UserId, Timestamp) {
    (bucket_of(sample.time), sample.user, sample.time)
}
