//! Samples on their way to the disk, shared by those who submit, the writer,
//! the spiller and the watchdog.
//!
//! A sample is an [`Entry`]; whoever makes it durable first answers it, and a
//! second answer does nothing. The writer takes entries in [`Batch`]es and
//! leaves each batch visible in its slot until it is committed, so that the
//! watchdog can carry a stuck batch to the spill table.

use std::borrow::Borrow;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mayday_core::ids::UserId;
use mayday_core::telemetry::Sample;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::Instant;

use super::{StoredIn, TelemetryError};

/// Rows in one commit at most.
pub(super) const MAX_BATCH_ROWS: usize = 1024;
/// What one permit stands for, in bytes.
const PERMIT_BYTES: usize = 512;
/// Samples in memory at most, in bytes.
pub(super) const MAX_BYTES: usize = if cfg!(test) { 8 } else { 64 } * 1024 * 1024;
/// The same in permits.
const MAX_PERMITS: usize = MAX_BYTES / PERMIT_BYTES;

const WRITER_FAILED: u8 = 1;
const SPILL_FAILED: u8 = 2;
const SPILL_ASKED: u8 = 4;
/// In the queue or in a writer's hands.
const QUEUED: u8 = 8;

pub(super) type Answer = Result<StoredIn, TelemetryError>;
pub(super) type Batch = Vec<Arc<Entry>>;

/// A sample that somebody waits for.
pub(super) struct Entry {
    pub(super) sample: Sample,
    /// A row that comes *from* the spill table never goes there again.
    pub(super) may_spill: bool,
    answer: Mutex<Option<oneshot::Sender<Answer>>>,
    state: AtomicU8,
    /// Gives its room back when the last holder lets go.
    _room: Option<OwnedSemaphorePermit>,
}

/// What a failure on one of the two ways to the disk leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The other way was not tried yet.
    Spill,
    /// Nobody brings it to the writer any more: that is to be done.
    Queue,
    /// Nothing to do: answered, or the other way is still open.
    Nothing,
}

impl Entry {
    pub(super) fn new(
        sample: Sample,
        may_spill: bool,
        answer: oneshot::Sender<Answer>,
        room: Option<OwnedSemaphorePermit>,
    ) -> Self {
        Self {
            sample,
            may_spill,
            answer: Mutex::new(Some(answer)),
            state: AtomicU8::new(0),
            _room: room,
        }
    }

    /// A sample that an earlier process has answered.
    pub(super) fn answered(sample: Sample, room: Option<OwnedSemaphorePermit>) -> Self {
        Self {
            sample,
            may_spill: false,
            answer: Mutex::new(None),
            state: AtomicU8::new(0),
            _room: room,
        }
    }

    /// Answers whoever waits; only the first answer counts.
    pub(super) fn answer(&self, answer: Answer) {
        let sender = lock(&self.answer).take();
        if let Some(sender) = sender {
            // A caller that went away needs no answer.
            let _ = sender.send(answer);
        }
    }

    /// Whether it was answered.
    pub(super) fn is_answered(&self) -> bool {
        lock(&self.answer).is_none()
    }

    /// Whether this is the first to ask for the spill table.
    pub(super) fn ask_spill(&self) -> bool {
        self.may_spill && self.state.fetch_or(SPILL_ASKED, Ordering::AcqRel) & SPILL_ASKED == 0
    }

    /// The telemetry writer could not store it.
    pub(super) fn writer_failed(&self, error: TelemetryError) -> Next {
        let before = self.state.fetch_or(WRITER_FAILED, Ordering::AcqRel);
        if before & SPILL_FAILED != 0 || !self.may_spill {
            self.answer(Err(error));
            return Next::Nothing;
        }
        if before & SPILL_ASKED == 0 {
            Next::Spill
        } else {
            Next::Nothing
        }
    }

    /// The spill table could not store it; `hopeless` when the writer is stuck.
    pub(super) fn spill_failed(&self, error: TelemetryError, hopeless: bool) -> Next {
        let before = self.state.fetch_or(SPILL_FAILED, Ordering::AcqRel);
        if before & WRITER_FAILED != 0 || hopeless {
            self.answer(Err(error));
            return Next::Nothing;
        }
        // The watchdog may ask again when the writer gets stuck as well.
        let before = self.state.fetch_and(!SPILL_ASKED, Ordering::AcqRel);
        if before & QUEUED == 0 {
            Next::Queue
        } else {
            Next::Nothing
        }
    }

    fn set_queued(&self, queued: bool) {
        if queued {
            self.state.fetch_or(QUEUED, Ordering::AcqRel);
        } else {
            self.state.fetch_and(!QUEUED, Ordering::AcqRel);
        }
    }
}

/// What stands between the callers and a writer.
pub(super) struct Queue {
    inner: Mutex<Inner>,
    filled: Condvar,
    wake: Notify,
    room: Arc<Semaphore>,
    stalled: AtomicBool,
    committed_rows: AtomicU64,
    commits: AtomicU64,
}

struct Inner {
    entries: VecDeque<Arc<Entry>>,
    /// Since when entries wait that no writer has taken.
    waiting_since: Option<Instant>,
    /// Per writer: what it is committing and since when.
    slots: Vec<Option<(Instant, Arc<Batch>)>>,
    closed: bool,
}

/// A batch in a writer's hands; the slot is cleared when it is dropped.
pub(super) struct Taken<'q> {
    pub(super) rows: Arc<Batch>,
    queue: &'q Queue,
    slot: usize,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if let Some(slot) = self.queue.lock().slots.get_mut(self.slot) {
            *slot = None;
        }
    }
}

impl Queue {
    /// A queue that `writers` writers take from.
    pub(super) fn new(writers: usize) -> Self {
        Self {
            inner: Mutex::new(Inner {
                entries: VecDeque::new(),
                waiting_since: None,
                slots: vec![None; writers],
                closed: false,
            }),
            filled: Condvar::new(),
            wake: Notify::new(),
            room: Arc::new(Semaphore::new(MAX_PERMITS)),
            stalled: AtomicBool::new(false),
            committed_rows: AtomicU64::new(0),
            commits: AtomicU64::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        lock(&self.inner)
    }

    /// Room for a sample, if there is some now.
    pub(super) fn try_room(&self, sample: &Sample) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.room)
            .try_acquire_many_owned(permits(sample))
            .ok()
    }

    /// Room for a sample, waiting for it.
    pub(super) async fn room(&self, sample: &Sample) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.room)
            .acquire_many_owned(permits(sample))
            .await
            .ok()
    }

    /// Puts an entry at the end; gives it back when the queue is closed.
    pub(super) fn push(&self, entry: Arc<Entry>) {
        let mut inner = self.lock();
        if inner.closed {
            drop(inner);
            entry.answer(Err(TelemetryError::Closed));
            return;
        }
        let first = inner.entries.is_empty();
        if first {
            inner.waiting_since = Some(Instant::now());
        }
        entry.set_queued(true);
        inner.entries.push_back(entry);
        drop(inner);
        if first {
            self.filled.notify_one();
            self.wake.notify_one();
        }
    }

    /// Takes the next batch for the writer of `slot`, blocking this thread;
    /// nothing once the queue is closed and empty.
    pub(super) fn take_blocking(&self, slot: usize) -> Option<Taken<'_>> {
        let mut inner = self.lock();
        loop {
            if let Some(rows) = inner.take(slot) {
                return Some(self.taken(rows, slot));
            }
            if inner.closed {
                return None;
            }
            inner = self
                .filled
                .wait(inner)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Takes the next batch for the writer of `slot`; nothing once the queue
    /// is closed and empty.
    pub(super) async fn take(&self, slot: usize) -> Option<Taken<'_>> {
        loop {
            {
                let mut inner = self.lock();
                if let Some(rows) = inner.take(slot) {
                    if !inner.entries.is_empty() {
                        self.wake.notify_one();
                    }
                    return Some(self.taken(rows, slot));
                }
                if inner.closed {
                    // Another writer may be waiting for the same news.
                    self.wake.notify_one();
                    return None;
                }
            }
            self.wake.notified().await;
        }
    }

    fn taken(&self, rows: Arc<Batch>, slot: usize) -> Taken<'_> {
        Taken {
            rows,
            queue: self,
            slot,
        }
    }

    /// Counts a commit and answers its rows.
    pub(super) fn committed(&self, rows: &[impl Borrow<Arc<Entry>>]) {
        let count = u64::try_from(rows.len()).unwrap_or(0);
        self.committed_rows.fetch_add(count, Ordering::Relaxed);
        self.commits.fetch_add(1, Ordering::Relaxed);
        for entry in rows {
            entry.borrow().answer(Ok(StoredIn::Telemetry));
        }
    }

    /// Rows and commits since the start.
    pub(super) fn counts(&self) -> (u64, u64) {
        (
            self.committed_rows.load(Ordering::Relaxed),
            self.commits.load(Ordering::Relaxed),
        )
    }

    /// Entries that no writer has taken yet.
    pub(super) fn depth(&self) -> usize {
        self.lock().entries.len()
    }

    /// Whether the writer is stuck, as the watchdog saw it last.
    pub(super) fn is_stalled(&self) -> bool {
        self.stalled.load(Ordering::Acquire)
    }

    /// Looks whether a writer has been stuck for `limit` and remembers it.
    /// When it is, what waits comes back for the spill table.
    pub(super) fn watch(&self, limit: Duration) -> Vec<Arc<Entry>> {
        let mut inner = self.lock();
        let stuck = |since: &Instant| since.elapsed() >= limit;
        let mut entries: Vec<Arc<Entry>> = inner
            .slots
            .iter()
            .flatten()
            .filter(|(since, _)| stuck(since))
            .flat_map(|(_, batch)| batch.iter().cloned())
            .collect();
        let waiting = inner.waiting_since.as_ref().is_some_and(stuck);
        let stalled = waiting || !entries.is_empty();
        if stalled {
            // A row from the spill table keeps its place: it cannot go back.
            let (moving, rest): (VecDeque<_>, VecDeque<_>) =
                inner.entries.drain(..).partition(|entry| !entry.may_spill);
            inner.entries = moving;
            if inner.entries.is_empty() {
                inner.waiting_since = None;
            }
            for entry in &rest {
                entry.set_queued(false);
            }
            entries.extend(rest);
        }
        self.stalled.store(stalled, Ordering::Release);
        entries
    }

    /// What is on its way for a user.
    pub(super) fn pending_of(&self, user: UserId) -> Vec<Arc<Entry>> {
        let inner = self.lock();
        let taken = inner.slots.iter().flatten();
        taken
            .flat_map(|(_, batch)| batch.iter())
            .chain(inner.entries.iter())
            .filter(|entry| entry.sample.user == user && !entry.is_answered())
            .cloned()
            .collect()
    }

    /// Takes nothing more; the writers end when they have written the rest.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_all();
        self.wake.notify_one();
    }
}

impl Inner {
    fn take(&mut self, slot: usize) -> Option<Arc<Batch>> {
        if self.entries.is_empty() {
            return None;
        }
        let count = self.entries.len().min(MAX_BATCH_ROWS);
        let rows: Arc<Batch> = Arc::new(self.entries.drain(..count).collect());
        let now = Instant::now();
        self.waiting_since = (!self.entries.is_empty()).then_some(now);
        if let Some(place) = self.slots.get_mut(slot) {
            *place = Some((now, Arc::clone(&rows)));
        }
        Some(rows)
    }
}

fn permits(sample: &Sample) -> u32 {
    let count = sample.weight().div_ceil(PERMIT_BYTES).min(MAX_PERMITS);
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Locks past a panic of another holder: every state in here is valid between
/// two statements.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
