//! The second way to the disk: the spill table of the state store.
//!
//! Three send samples here: a connection whose SOS is already durable and
//! waits behind its telemetry, the telemetry writer when a commit fails, and
//! the watchdog when that writer has been stuck for a second.

use std::borrow::Borrow;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mayday_core::ids::UserId;
use tokio::sync::Notify;

use super::open_incidents::OpenIncidents;
use super::queue::{Entry, Next, Queue, lock};
use super::{StoredIn, TelemetryError, latest::Latest};
use crate::spill::{self, SpillSamples};
use crate::{Lane, Store};

/// A writer that has not committed for this long is stuck.
const STALL_LIMIT: Duration = Duration::from_secs(1);
/// How often the watchdog looks.
const WATCH_EVERY: Duration = Duration::from_millis(100);
/// Rows in one command at most: it shares the state store with every SOS.
const SPILL_ROWS: usize = 128;
/// Bytes in one command at most, but for a single larger row.
const SPILL_BYTES: usize = 512 * 1024;

/// Where samples wait for the spill table.
pub(super) struct Outlet {
    held: Mutex<Held>,
    wake: Notify,
    queue: Arc<Queue>,
}

/// What the outlet answers for.
#[derive(Default)]
struct Held {
    waiting: VecDeque<Arc<Entry>>,
    /// In the spiller's hands.
    taken: Vec<Arc<Entry>>,
}

impl Outlet {
    pub(super) fn new(queue: Arc<Queue>) -> Self {
        Self {
            held: Mutex::new(Held::default()),
            wake: Notify::new(),
            queue,
        }
    }

    /// Sends samples to the spill table unless they were sent before.
    pub(super) fn spill(&self, entries: impl IntoIterator<Item = Arc<Entry>>) {
        lock(&self.held).ask(entries);
        self.wake.notify_one();
    }

    /// Takes over what a writer has been stuck with for `limit`. Nothing is in
    /// neither place meanwhile.
    fn watch(&self, limit: Duration) {
        let mut held = lock(&self.held);
        let stuck = self.queue.watch(limit);
        if !stuck.is_empty() {
            held.ask(stuck);
            self.wake.notify_one();
        }
    }

    /// The telemetry writer could not store these.
    pub(super) fn writer_failed(&self, rows: &[impl Borrow<Arc<Entry>>], error: &TelemetryError) {
        let next = rows
            .iter()
            .map(Borrow::borrow)
            .filter(|entry| entry.writer_failed(error.clone()) == Next::Spill);
        self.spill(next.cloned());
    }

    /// What waits here, or is being written, for a user.
    pub(super) fn pending_of(&self, user: UserId) -> Vec<Arc<Entry>> {
        let held = lock(&self.held);
        let all = held.waiting.iter().chain(&held.taken);
        all.filter(|entry| entry.sample.user == user)
            .cloned()
            .collect()
    }

    /// Whether nothing waits here and nothing is being written.
    pub(super) fn is_empty(&self) -> bool {
        let held = lock(&self.held);
        held.waiting.is_empty() && held.taken.is_empty()
    }

    /// The next rows for one command, which ends the one before.
    fn take(&self) -> Vec<Arc<Entry>> {
        let mut held = lock(&self.held);
        let (mut rows, mut bytes) = (Vec::new(), 0);
        while let Some(entry) = held.waiting.front() {
            if entry.is_answered() {
                held.waiting.pop_front();
                continue;
            }
            bytes += entry.sample.weight();
            if rows.len() >= SPILL_ROWS || (bytes > SPILL_BYTES && !rows.is_empty()) {
                break;
            }
            rows.extend(held.waiting.pop_front());
        }
        held.taken.clone_from(&rows);
        rows
    }
}

impl Held {
    fn ask(&mut self, entries: impl IntoIterator<Item = Arc<Entry>>) {
        for entry in entries {
            if !entry.is_answered() && entry.ask_spill() {
                self.waiting.push_back(entry);
            }
        }
    }
}

/// Writes what the outlet holds, for as long as the outlet lives. `open` says
/// which incident a sample joins; without it the statement asks the table.
pub(super) async fn run_spiller(
    outlet: Arc<Outlet>,
    store: Store,
    open: Option<Arc<OpenIncidents>>,
    latest: Arc<Latest>,
) {
    loop {
        let rows = outlet.take();
        if rows.is_empty() {
            outlet.wake.notified().await;
            continue;
        }
        let command = SpillSamples::new(rows.iter().map(|entry| {
            let mut sample = entry.sample.clone();
            let open = open.as_ref();
            sample.incident = sample.incident.or_else(|| open?.of(sample.user));
            sample
        }));
        match store.write(Lane::Rest, command).await {
            Ok(spill::Spilled::Stored) => {
                latest.observe(rows.iter().map(|e| (e.sample.user, e.sample.position())));
                for entry in &rows {
                    entry.answer(Ok(StoredIn::Spill));
                }
            }
            Ok(spill::Spilled::Full) => fail(&outlet, &rows, &TelemetryError::SpillFull),
            Err(error) => fail(&outlet, &rows, &TelemetryError::write(&error)),
        }
    }
}

fn fail(outlet: &Outlet, rows: &[Arc<Entry>], error: &TelemetryError) {
    let hopeless = outlet.queue.is_stalled();
    tracing::warn!(error = %error, rows = rows.len(), hopeless, "telemetry was not spilled");
    for entry in rows {
        if entry.spill_failed(error.clone(), hopeless) == Next::Queue {
            // The writer goes on and nobody else will bring it this one.
            outlet.queue.push(Arc::clone(entry));
        }
    }
}

/// Carries what is stuck to the spill table.
pub(super) async fn run_watchdog(outlet: Arc<Outlet>) {
    let mut ticks = tokio::time::interval(WATCH_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut was_stalled = false;
    loop {
        ticks.tick().await;
        outlet.watch(STALL_LIMIT);
        let stalled = outlet.queue.is_stalled();
        if stalled != was_stalled {
            tracing::warn!(stalled, "the telemetry writer got stuck or goes on");
            was_stalled = stalled;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;
    use crate::telemetry::queue::Answer;
    use crate::telemetry::tests::{sample, user};

    fn entry(secs: i64) -> (Arc<Entry>, oneshot::Receiver<Answer>) {
        let (answer, receiver) = oneshot::channel();
        let entry = Entry::new(sample(user(0), secs), true, answer, None);
        (Arc::new(entry), receiver)
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_spill_table_refuses_goes_back_to_a_writer_that_goes_on() {
        let queue = Arc::new(Queue::new(1));
        let outlet = Outlet::new(Arc::clone(&queue));
        let (stuck, mut answer) = entry(1);
        queue.push(stuck);
        tokio::time::advance(STALL_LIMIT).await;
        outlet.watch(STALL_LIMIT);
        assert!(queue.is_stalled());
        let rows = outlet.take();
        assert_eq!((rows.len(), queue.depth()), (1, 0));
        assert_eq!(outlet.pending_of(user(0)).len(), 1);
        // The writer goes on before the store answers.
        outlet.watch(STALL_LIMIT);
        assert!(!queue.is_stalled());
        fail(&outlet, &rows, &TelemetryError::SpillFull);
        assert_eq!(queue.pending_of(user(0)).len(), 1);
        assert!(answer.try_recv().is_err());
        assert!(outlet.take().is_empty());
        assert!(outlet.pending_of(user(0)).is_empty());
        // Both ways failed: told, and not sent round again.
        let taken = queue.take(0).await.unwrap();
        let rows: Vec<&Arc<Entry>> = taken.rows.iter().collect();
        outlet.writer_failed(&rows, &TelemetryError::Busy);
        assert!(matches!(answer.await, Ok(Err(TelemetryError::Busy))));
        assert!(outlet.take().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn what_still_waits_for_the_writer_is_not_sent_to_it_twice() {
        let queue = Arc::new(Queue::new(1));
        let outlet = Outlet::new(Arc::clone(&queue));
        let (waiting, _answer) = entry(1);
        queue.push(Arc::clone(&waiting));
        outlet.spill([waiting]);
        let rows = outlet.take();
        fail(&outlet, &rows, &TelemetryError::SpillFull);
        assert_eq!(queue.depth(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn with_a_stuck_writer_a_refused_sample_is_told() {
        let queue = Arc::new(Queue::new(1));
        let outlet = Outlet::new(Arc::clone(&queue));
        let (stuck, answer) = entry(1);
        queue.push(stuck);
        tokio::time::advance(STALL_LIMIT).await;
        outlet.watch(STALL_LIMIT);
        fail(&outlet, &outlet.take(), &TelemetryError::SpillFull);
        assert!(matches!(answer.await, Ok(Err(TelemetryError::SpillFull))));
    }
}
