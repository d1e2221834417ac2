//! The samples that are durable in the journal and not in their day files yet.
//!
//! The writer adds a batch once its commit has reached the disk and before anybody is
//! answered; the filing thread takes the oldest batches, which stay visible until the
//! files have them. Who reads looks here first and into the files afterwards, so that
//! a sample on its way is seen twice rather than not at all. The room that samples
//! take in the queue is theirs until they are filed: the backlog has the queue's limit.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mayday_core::ids::{IncidentId, UserId};
use mayday_core::telemetry::{Position, Sample, SampleKey};

use super::day::Window;
use crate::telemetry::queue::{Entry, MAX_BYTES, lock};
use crate::telemetry::strays::Strays;
use mayday_core::time::Timestamp;

/// Samples from which filing begins at once.
const FILE_ROWS: usize = 4 * 1024;
/// Samples that are filed in one go, about: the more, the more of them share a page.
const MAX_FILE_ROWS: usize = 16 * 1024;
/// How long a few samples wait for more.
const FILE_AFTER: Duration = Duration::from_millis(200);
/// How long filing rests after a failure.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// How long whoever needs the backlog filed waits for it.
const DRAIN_LIMIT: Duration = Duration::from_secs(5);
/// Samples that may wait for a filing that fails; those that come then go to the
/// spill table.
const MAX_FAILING_ROWS: usize = if cfg!(test) { 1_024 } else { 32 * 1024 };
/// The same in bytes: half of the room there is, so that the rest are not kept waiting
/// for it.
const MAX_FAILING_BYTES: usize = if cfg!(test) {
    MAX_BYTES / 8
} else {
    MAX_BYTES / 2
};

/// A sample with the incident that it joined.
pub(super) struct Row {
    pub(super) entry: Arc<Entry>,
    pub(super) incident: Option<IncidentId>,
}

impl Row {
    pub(super) fn sample(&self) -> &Sample {
        &self.entry.sample
    }
}

/// A batch of the journal.
pub(super) struct Batch {
    pub(super) id: i64,
    /// The days that had files when it was acknowledged: filing it later changes nothing.
    pub(super) window: Window,
    pub(super) rows: Vec<Row>,
    bytes: usize,
}

impl Batch {
    pub(super) fn new(id: i64, window: Window, rows: Vec<Row>) -> Self {
        let bytes = rows.iter().map(|row| row.sample().weight()).sum();
        Self {
            id,
            window,
            rows,
            bytes,
        }
    }
}

/// A batch in the writer's hands; dropped, it is in the backlog or failed.
pub(super) struct Writing<'b>(&'b Backlog);

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        let mut inner = self.0.lock();
        inner.ended += 1;
        let is_awaited = inner.draining > 0;
        drop(inner);
        if is_awaited {
            self.0.changed.notify_all();
        }
    }
}

/// The backlog.
#[derive(Default)]
pub(super) struct Backlog {
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Default)]
struct Inner {
    batches: VecDeque<Arc<Batch>>,
    rows: usize,
    bytes: usize,
    /// What an earlier process left could not be read yet.
    unread: bool,
    /// Batches that the writer began, and those of them that it ended one way or another.
    begun: u64,
    ended: u64,
    /// How many wait for the writer to end one.
    draining: u32,
    /// The last batch that was added, and the last that somebody waits for.
    last: i64,
    wanted: i64,
    /// Everything up to here is filed and forgotten.
    filed: i64,
    failing: bool,
    closed: bool,
}

impl Backlog {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        lock(&self.inner)
    }

    /// The writer begins with a batch. Whoever waits for what was acknowledged waits
    /// until it lets go of what this returns.
    pub(super) fn begin(&self) -> Writing<'_> {
        self.lock().begun += 1;
        Writing(self)
    }

    /// Whether what an earlier process left could not be read yet.
    pub(super) fn set_unread(&self, unread: bool) {
        self.lock().unread = unread;
        self.changed.notify_all();
    }

    /// Adds a batch that is durable in the journal.
    pub(super) fn push(&self, batch: Batch) {
        let mut inner = self.lock();
        inner.rows += batch.rows.len();
        inner.bytes += batch.bytes;
        inner.last = batch.id;
        let begins = inner.batches.is_empty() || inner.rows >= FILE_ROWS;
        inner.batches.push_back(Arc::new(batch));
        drop(inner);
        if begins {
            self.changed.notify_all();
        }
    }

    /// The oldest batches, once there are enough or they have waited; nothing when
    /// the backlog is closed and empty. Blocks.
    pub(super) fn next(&self) -> Option<Vec<Arc<Batch>>> {
        let mut inner = self.lock();
        while inner.batches.is_empty() {
            if inner.closed {
                return None;
            }
            inner = self.wait(inner);
        }
        let (inner, _) = self
            .changed
            .wait_timeout_while(inner, FILE_AFTER, |inner| !inner.is_urgent())
            .unwrap_or_else(PoisonError::into_inner);
        let mut rows = 0;
        let batches: Vec<Arc<Batch>> = inner
            .batches
            .iter()
            .take_while(|batch| {
                let takes = rows < MAX_FILE_ROWS;
                rows += batch.rows.len();
                takes
            })
            .cloned()
            .collect();
        Some(batches)
    }

    /// The batches up to an id are filed and forgotten.
    pub(super) fn filed(&self, id: i64) {
        let mut gone = Vec::new();
        let mut inner = self.lock();
        while inner.batches.front().is_some_and(|batch| batch.id <= id) {
            gone.extend(inner.batches.pop_front());
        }
        inner.rows -= gone.iter().map(|batch| batch.rows.len()).sum::<usize>();
        inner.bytes -= gone.iter().map(|batch| batch.bytes).sum::<usize>();
        inner.filed = id;
        inner.failing = false;
        drop(inner);
        self.changed.notify_all();
        // Many samples are freed here, and nobody waits for the lock meanwhile.
        drop(gone);
    }

    /// Filing failed: rests, unless the store closes; answers whether to try again.
    pub(super) fn failed(&self) -> bool {
        let mut inner = self.lock();
        inner.failing = true;
        let (inner, _) = self
            .changed
            .wait_timeout_while(inner, RETRY_AFTER, |inner| !inner.closed)
            .unwrap_or_else(PoisonError::into_inner);
        !inner.closed
    }

    /// Whether filing failed the last time, or cannot begin.
    pub(super) fn is_failing(&self) -> bool {
        let inner = self.lock();
        inner.failing || inner.unread
    }

    /// Whether filing fails and enough waits for it.
    pub(super) fn is_refusing(&self) -> bool {
        let inner = self.lock();
        inner.failing && (inner.rows >= MAX_FAILING_ROWS || inner.bytes >= MAX_FAILING_BYTES)
    }

    /// Waits until what is here now, or in the writer's hands, lies in its files and in
    /// the journal no more; `false` when that took too long, or what an earlier process
    /// left is not known. Blocks.
    pub(super) fn drain(&self) -> bool {
        let mut inner = self.lock();
        let begun = inner.begun;
        inner.draining += 1;
        let (mut inner, _) = self
            .changed
            .wait_timeout_while(inner, DRAIN_LIMIT, |inner| {
                inner.ended < begun && !inner.unread
            })
            .unwrap_or_else(PoisonError::into_inner);
        inner.draining -= 1;
        if inner.ended < begun || inner.unread {
            return false;
        }
        let last = inner.last;
        inner.wanted = last;
        self.changed.notify_all();
        let (inner, _) = self
            .changed
            .wait_timeout_while(inner, DRAIN_LIMIT, |inner| inner.filed < last)
            .unwrap_or_else(PoisonError::into_inner);
        inner.filed >= last
    }

    /// Nothing more comes: the filing thread ends when it has filed the rest.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// The samples of a user.
    pub(super) fn of(&self, user: UserId, from: Timestamp, to: Timestamp) -> Vec<Sample> {
        let span = from..=to;
        self.found(
            |row| row.sample().user == user && span.contains(&row.sample().time),
            |row| Sample {
                incident: row.incident,
                ..row.sample().clone()
            },
        )
    }

    /// The newest position of a user.
    pub(super) fn newest(&self, user: UserId) -> Option<Position> {
        let positions = self.found(
            |row| row.sample().user == user,
            |row| row.sample().position(),
        );
        positions
            .into_iter()
            .reduce(|newest, next| if next.replaces(&newest) { next } else { newest })
    }

    /// The samples that joined an incident.
    pub(super) fn trail(&self, incident: IncidentId) -> Vec<(SampleKey, Position)> {
        self.found(|row| row.incident == Some(incident), point)
    }

    /// An incident's strays.
    pub(super) fn strays(&self, wanted: &Strays) -> Vec<(SampleKey, Position)> {
        let is_stray = |row: &Row| {
            row.sample().user == wanted.user
                && wanted.span.contains(&row.sample().time)
                && row.incident != Some(wanted.incident)
        };
        self.found(is_stray, point)
    }

    fn found<T>(&self, is: impl Fn(&Row) -> bool, read: impl Fn(&Row) -> T) -> Vec<T> {
        // Looked through without the lock, which the writer wants.
        let batches: Vec<Arc<Batch>> = self.lock().batches.iter().cloned().collect();
        let rows = batches.iter().flat_map(|batch| &batch.rows);
        rows.filter(|row| is(row)).map(read).collect()
    }

    fn wait<'g>(&self, inner: MutexGuard<'g, Inner>) -> MutexGuard<'g, Inner> {
        self.changed
            .wait(inner)
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn is_urgent(&self) -> bool {
        self.rows >= FILE_ROWS || self.wanted > self.filed || self.closed
    }
}

fn point(row: &Row) -> (SampleKey, Position) {
    (row.sample().key(), row.sample().position())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(id: i64) -> Batch {
        let window = Window { first: 0, last: 1 };
        Batch::new(id, window, Vec::new())
    }

    #[test]
    fn draining_waits_for_what_the_writer_has_begun() {
        let backlog = Backlog::default();
        let writing = backlog.begin();
        std::thread::scope(|threads| {
            let drained = threads.spawn(|| backlog.drain());
            while backlog.lock().draining == 0 {
                std::thread::yield_now();
            }
            backlog.push(batch(1));
            drop(writing);
            while backlog.lock().wanted == 0 {
                std::thread::yield_now();
            }
            backlog.filed(1);
            assert!(drained.join().unwrap());
        });
    }

    #[test]
    fn nothing_is_drained_while_the_journal_is_not_read() {
        let backlog = Backlog::default();
        backlog.set_unread(true);
        assert!(!backlog.drain() && backlog.is_failing());
        backlog.set_unread(false);
        assert!(backlog.drain() && !backlog.is_failing());
    }
}
