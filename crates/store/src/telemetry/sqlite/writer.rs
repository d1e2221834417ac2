//! The thread that makes samples durable.
//!
//! It takes what waits, appends it to the journal as one batch, and answers each row
//! only after the commit has reached the disk. The day files get the rows a little
//! later ([`super::filer`]).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use mayday_core::ids::UserId;
use mayday_core::telemetry::Position;

use super::Shared;
use super::backlog::{Batch, Row};
use super::record;
use crate::telemetry::queue::{Entry, lock};
use crate::telemetry::spiller::Outlet;
use crate::telemetry::{StoredIn, TelemetryError};

/// The thread's state.
pub(super) struct Writer {
    shared: Arc<Shared>,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Works until the queue is closed and empty.
    pub(super) fn run(self) {
        let shared = Arc::clone(&self.shared);
        while let Some(taken) = shared.queue.take_blocking(0) {
            let written = catch_unwind(AssertUnwindSafe(|| self.write(&taken.rows)));
            let failed = match written {
                Ok(Ok(())) => continue,
                Ok(Err(error)) => error,
                Err(_) => TelemetryError::Write("the writer panicked".into()),
            };
            self.fail(&taken.rows, &failed);
        }
        shared.backlog.close();
    }

    fn write(&self, entries: &[Arc<Entry>]) -> Result<(), TelemetryError> {
        let shared = &self.shared;
        if shared.faults.acknowledges_early() {
            for entry in entries {
                entry.answer(Ok(StoredIn::Telemetry));
            }
        }
        shared.faults.before_commit();
        if shared.backlog.is_refusing() {
            return Err(TelemetryError::Write(
                "the day files cannot be written".into(),
            ));
        }
        if shared.faults.commit_fails() {
            return Err(TelemetryError::Write("a commit was made to fail".into()));
        }
        let writing = shared.backlog.begin();
        // What was answered from the spill table meanwhile comes from there; it may have
        // been erased there by now.
        let answers_early = shared.faults.acknowledges_early();
        let rows: Vec<Row> = entries
            .iter()
            .filter(|entry| answers_early || !entry.is_answered())
            .map(|entry| self.row(entry))
            .collect();
        if rows.is_empty() {
            return Ok(());
        }
        let samples = rows.iter().map(|row| (row.sample(), row.incident));
        let bytes = record::encode(samples);
        let id = lock(&shared.journal).append(&bytes)?;
        shared.latest.observe(newest(&rows));
        // Before the answers: whoever has one finds the sample.
        let window = shared.window();
        shared.backlog.push(Batch::new(id, window, rows));
        drop(writing);
        shared.queue.committed(entries);
        Ok(())
    }

    fn row(&self, entry: &Arc<Entry>) -> Row {
        let sample = &entry.sample;
        // An SOS may have been stored since the sample was submitted.
        let open = || entry.may_spill.then(|| self.shared.open.of(sample.user))?;
        Row {
            entry: Arc::clone(entry),
            incident: sample.incident.or_else(open),
        }
    }

    fn fail(&self, rows: &[Arc<Entry>], error: &TelemetryError) {
        tracing::warn!(error = %error, rows = rows.len(), "telemetry was not written");
        let outlet: &Outlet = &self.shared.outlet;
        outlet.writer_failed(rows, error);
    }
}

/// The newest position of each user of a batch.
fn newest(rows: &[Row]) -> impl Iterator<Item = (UserId, Position)> {
    let mut positions: Vec<(UserId, Position)> = rows
        .iter()
        .map(|row| (row.sample().user, row.sample().position()))
        .collect();
    positions.sort_by_key(|(user, _)| *user);
    positions.dedup_by(|(user, next), (of, newest)| {
        let same = user == of;
        if same && next.replaces(newest) {
            *newest = *next;
        }
        same
    });
    positions.into_iter()
}
