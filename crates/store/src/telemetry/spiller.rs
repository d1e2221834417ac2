//! The second way to the disk: the spill table of the state store.
//!
//! Three send samples here: a connection whose SOS is already durable and
//! waits behind its telemetry, the telemetry writer when a commit fails, and
//! the watchdog when that writer has been stuck for a second.

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
    waiting: Mutex<VecDeque<Arc<Entry>>>,
    wake: Notify,
    queue: Arc<Queue>,
}

impl Outlet {
    pub(super) fn new(queue: Arc<Queue>) -> Self {
        Self {
            waiting: Mutex::new(VecDeque::new()),
            wake: Notify::new(),
            queue,
        }
    }

    /// Sends samples to the spill table unless they were sent before.
    pub(super) fn spill(&self, entries: impl IntoIterator<Item = Arc<Entry>>) {
        let mut waiting = lock(&self.waiting);
        for entry in entries {
            if !entry.is_answered() && entry.ask_spill() {
                waiting.push_back(entry);
            }
        }
        drop(waiting);
        self.wake.notify_one();
    }

    /// The telemetry writer could not store these.
    pub(super) fn writer_failed(&self, rows: &[&Arc<Entry>], error: &TelemetryError) {
        let next = rows
            .iter()
            .filter(|entry| entry.writer_failed(error.clone()) == Next::Spill);
        self.spill(next.map(|entry| Arc::clone(entry)));
    }

    /// What waits here for a user.
    pub(super) fn pending_of(&self, user: UserId) -> Vec<Arc<Entry>> {
        let waiting = lock(&self.waiting);
        let of_user = waiting.iter().filter(|entry| entry.sample.user == user);
        of_user.cloned().collect()
    }

    /// The next rows for one command.
    fn take(&self) -> Vec<Arc<Entry>> {
        let mut waiting = lock(&self.waiting);
        let (mut rows, mut bytes) = (Vec::new(), 0);
        while let Some(entry) = waiting.front() {
            if entry.is_answered() {
                waiting.pop_front();
                continue;
            }
            bytes += entry.sample.weight();
            if rows.len() >= SPILL_ROWS || (bytes > SPILL_BYTES && !rows.is_empty()) {
                break;
            }
            rows.extend(waiting.pop_front());
        }
        rows
    }
}

/// Writes what the outlet holds, for as long as the outlet lives.
pub(super) async fn run_spiller(
    outlet: Arc<Outlet>,
    store: Store,
    open: Arc<OpenIncidents>,
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
            sample.incident = sample.incident.or_else(|| open.of(sample.user));
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
        entry.spill_failed(error.clone(), hopeless);
    }
}

/// Carries what is stuck to the spill table.
pub(super) async fn run_watchdog(outlet: Arc<Outlet>) {
    let mut ticks = tokio::time::interval(WATCH_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut was_stalled = false;
    loop {
        ticks.tick().await;
        let stuck = outlet.queue.watch(STALL_LIMIT);
        let stalled = outlet.queue.is_stalled();
        if stalled != was_stalled {
            tracing::warn!(stalled, "the telemetry writer got stuck or goes on");
            was_stalled = stalled;
        }
        if !stuck.is_empty() {
            outlet.spill(stuck);
        }
    }
}
