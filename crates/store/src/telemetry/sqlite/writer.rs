//! The thread that owns every writing connection to the telemetry files.
//!
//! It takes what waits, writes one transaction per touched file, and answers
//! each row only after its file's commit reached the disk.

use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use mayday_core::ids::{IncidentId, UserId};
use mayday_core::telemetry::{Position, Sample};
use mayday_core::time::Timestamp;
use rusqlite::Connection;

use super::Shared;
use super::day::{FileKey, bucket_of};
use super::schema;
use crate::telemetry::queue::{Entry, lock};
use crate::telemetry::spiller::Outlet;
use crate::telemetry::{StoredIn, TelemetryError};

/// Files that stay open for writing: today, its neighbours, and what phones
/// that were off line bring.
const MAX_OPEN_FILES: usize = 6;

/// The thread's state.
pub(super) struct Writer {
    shared: Arc<Shared>,
    open: HashMap<FileKey, OpenFile>,
    turn: u64,
    removals_seen: u64,
}

struct OpenFile {
    connection: Connection,
    last_turn: u64,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            open: HashMap::new(),
            turn: 0,
            removals_seen: 0,
        }
    }

    /// Opens today's file, making it if needed.
    pub(super) fn open_today(&mut self) -> Result<(), TelemetryError> {
        let today = self.shared.window().file_of(self.shared.clock.now());
        self.file(today).map(|_| ())
    }

    /// Works until the queue is closed and empty.
    pub(super) fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        while let Some(taken) = shared.queue.take_blocking(0) {
            let written = catch_unwind(AssertUnwindSafe(|| self.write(&taken.rows)));
            if written.is_err() {
                // A transaction may be open: the connections cannot be trusted.
                self.open.clear();
                let rows: Vec<&Arc<Entry>> = taken.rows.iter().collect();
                self.fail(&rows, &TelemetryError::Write("the writer panicked".into()));
            }
        }
    }

    fn write(&mut self, rows: &[Arc<Entry>]) {
        let shared = Arc::clone(&self.shared);
        if shared.faults.acknowledges_early() {
            for entry in rows {
                entry.answer(Ok(StoredIn::Telemetry));
            }
        }
        shared.faults.before_commit();
        let _gate = lock(&shared.gate);
        let removals = shared.removals.load(Ordering::Acquire);
        if removals != self.removals_seen {
            self.open.clear();
            self.removals_seen = removals;
        }
        let window = shared.window();
        let mut files: BTreeMap<FileKey, Vec<&Arc<Entry>>> = BTreeMap::new();
        for entry in rows {
            let file = window.file_of(entry.sample.time);
            files.entry(file).or_default().push(entry);
        }
        self.turn += 1;
        for (key, mut rows) in files {
            // In the order of the index: neighbours share its pages. Copies of one
            // sample stay in the order in which they came.
            rows.sort_by_key(|entry| place_in_index(&entry.sample));
            match self.write_file(key, &rows) {
                Ok(last_row) => {
                    shared.latest.observe(newest(&rows));
                    lock(&shared.touched).insert(key, last_row);
                    shared.queue.committed(&rows);
                }
                Err(error) => {
                    // What failed once on this connection is tried on a new one.
                    self.open.remove(&key);
                    self.fail(&rows, &error);
                }
            }
        }
    }

    /// Writes rows to their file in one transaction
    /// and returns the highest row id.
    fn write_file(&mut self, key: FileKey, rows: &[&Arc<Entry>]) -> Result<i64, TelemetryError> {
        let shared = Arc::clone(&self.shared);
        let incidents: Vec<Option<IncidentId>> = rows
            .iter()
            .map(|entry| {
                let sample = &entry.sample;
                // An SOS may have been stored since the sample was submitted.
                let open = || entry.may_spill.then(|| shared.open.of(sample.user))?;
                sample.incident.or_else(open)
            })
            .collect();
        let connection = self.file(key)?;
        let transaction = connection
            .unchecked_transaction()
            .map_err(|e| TelemetryError::write(&e))?;
        let samples = rows.iter().map(|entry| &entry.sample).zip(incidents);
        schema::upsert_all(&transaction, samples).map_err(|e| TelemetryError::write(&e))?;
        if shared.faults.commit_fails() {
            return Err(TelemetryError::Write("a commit was made to fail".into()));
        }
        let last_row = schema::last_row(&transaction).map_err(|e| TelemetryError::write(&e))?;
        transaction
            .commit()
            .map_err(|e| TelemetryError::write(&e))?;
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
            let connection = schema::open_to_write(&self.shared.directory, key)?;
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

    fn fail(&self, rows: &[&Arc<Entry>], error: &TelemetryError) {
        tracing::warn!(error = %error, rows = rows.len(), "telemetry was not written");
        let outlet: &Outlet = &self.shared.outlet;
        outlet.writer_failed(rows, error);
    }
}

/// Where the index of a day file has a sample; `late.db` is in no hurry.
fn place_in_index(sample: &Sample) -> (i64, UserId, Timestamp) {
    (bucket_of(sample.time), sample.user, sample.time)
}

/// The newest position of each user of a batch, which is sorted by bucket and
/// user: a user's samples mostly follow each other.
fn newest<'r>(rows: &'r [&Arc<Entry>]) -> impl Iterator<Item = (UserId, Position)> + 'r {
    rows.chunk_by(|one, next| one.sample.user == next.sample.user)
        .filter_map(|of_one| {
            let positions = of_one.iter().map(|entry| entry.sample.position());
            let newest = positions.reduce(|newest, position| {
                if position.replaces(&newest) {
                    position
                } else {
                    newest
                }
            })?;
            Some((of_one.first()?.sample.user, newest))
        })
}
