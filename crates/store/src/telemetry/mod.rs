//! Telemetry: its own files (or tables), writer and commit, so that an SOS
//! never waits behind it.
//!
//! A sample is submitted, queued, written in a group and answered after the
//! commit. When the writer is stuck or fails, the sample goes to the spill
//! table of the state store instead, and a worker moves it later; readers see
//! both. One key is one sample, however often and wherever it was written.

pub(crate) mod config;
mod erase;
mod error;
mod expire;
mod faults;
mod latest;
mod merge;
mod open_incidents;
mod page;
mod pending;
mod postgres;
mod queue;
mod spiller;
mod sqlite;
mod strays;
mod trail;

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mayday_core::clock::SharedClock;
use mayday_core::ids::{IncidentId, UserId};
use mayday_core::telemetry::{Position, Sample};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

pub use config::{TelemetryConfig, TelemetryPlace};
pub use erase::Swept;
pub use error::TelemetryError;
pub use expire::Expired;
pub use faults::Faults;
pub(crate) use open_incidents::STATEMENTS;
pub use open_incidents::{OpenIncidents, open_incident};
pub use page::{Gaps, Span};
pub use pending::{Pending, StoredIn};
pub use strays::Strays;

use crate::spill;
use crate::{Hint, Lane, Store};
use latest::Latest;
use postgres::PostgresTables;
use queue::{Entry, Queue, lock};
use spiller::Outlet;
use sqlite::SqliteFiles;

/// A trail keeps at least this many samples of its beginning and of its end.
pub const TRAIL_END_SAMPLES: usize = 5_000;
/// How long a sample waits for room in the queue.
const ROOM_LIMIT: Duration = Duration::from_secs(5);
/// How long [`Telemetry::settled`] waits, and how often it looks.
const SETTLE_LIMIT: Duration = Duration::from_secs(5);
const SETTLE_EVERY: Duration = Duration::from_millis(5);
/// How long the writer, and after it the spiller, may take to end.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);
/// Rows moved out of the spill table in one step.
const MOVE_ROWS: u32 = 512;

/// The telemetry store. Cheap to clone.
#[derive(Clone)]
pub struct Telemetry(Arc<Inner>);

struct Inner {
    engine: Engine,
    queue: Arc<Queue>,
    outlet: Arc<Outlet>,
    latest: Arc<Latest>,
    open: Arc<OpenIncidents>,
    store: Store,
    retention_days: u32,
    clock: SharedClock,
    faults: Faults,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

enum Engine {
    Sqlite(SqliteFiles),
    Postgres(PostgresTables),
}

/// What one step of moving spilled rows did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Rows that now lie where they belong.
    pub rows: usize,
    /// More may be waiting.
    pub more: bool,
}

/// How the telemetry writer is doing, for health and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TelemetryHealth {
    /// Samples that wait for the writer.
    pub queued: usize,
    /// The writer has not committed for a second though work waits, or what it
    /// committed cannot be written to the day files.
    pub stalled: bool,
    /// Files that cannot be used until somebody mends them: their samples are missing
    /// from answers.
    pub unusable_files: usize,
    /// Samples committed since the start.
    pub committed_samples: u64,
    /// Commits since the start.
    pub commits: u64,
}

impl Telemetry {
    /// Opens the telemetry store beside `store`, which holds its spill table
    /// and tells it of incidents.
    pub async fn open(
        config: TelemetryConfig,
        store: &Store,
        clock: SharedClock,
    ) -> Result<Self, TelemetryError> {
        let open = Arc::new(OpenIncidents::default());
        keep_open_incidents(store, &open).await?;
        let latest = Arc::new(Latest::new());
        let queue = Arc::new(Queue::new(postgres::WRITERS));
        let outlet = Arc::new(Outlet::new(Arc::clone(&queue)));
        let engine = match config.place {
            TelemetryPlace::Directory(directory) => {
                let parts = sqlite::Parts {
                    directory,
                    retention_days: config.retention_days,
                    clock: Arc::clone(&clock),
                    queue: Arc::clone(&queue),
                    latest: Arc::clone(&latest),
                    open: Arc::clone(&open),
                    faults: config.faults.clone(),
                    outlet: Arc::clone(&outlet),
                };
                let opened = tokio::task::spawn_blocking(move || SqliteFiles::open(parts)).await;
                Engine::Sqlite(opened.map_err(|error| TelemetryError::write(&error))??)
            }
            TelemetryPlace::Postgres(url) => {
                let parts = postgres::Parts {
                    url,
                    retention_days: config.retention_days,
                    clock: Arc::clone(&clock),
                    queue: Arc::clone(&queue),
                    faults: config.faults.clone(),
                    outlet: Arc::clone(&outlet),
                    entropy: store.entropy(),
                };
                Engine::Postgres(PostgresTables::open(parts).await?)
            }
        };
        let spiller = spiller::run_spiller(
            Arc::clone(&outlet),
            store.clone(),
            // PostgreSQL answers itself, for all servers.
            matches!(engine, Engine::Sqlite(_)).then(|| Arc::clone(&open)),
            Arc::clone(&latest),
        );
        let tasks = vec![
            tokio::spawn(spiller),
            tokio::spawn(spiller::run_watchdog(Arc::clone(&outlet))),
        ];
        Ok(Self(Arc::new(Inner {
            engine,
            queue,
            outlet,
            latest,
            open,
            store: store.clone(),
            retention_days: config.retention_days,
            clock,
            faults: config.faults,
            tasks: Mutex::new(tasks),
        })))
    }

    /// Starts storing a sample; does not block. It joins the incident that is
    /// open for its user now, unless it names one already.
    pub fn submit(&self, mut sample: Sample) -> Pending {
        let inner = &self.0;
        if matches!(inner.engine, Engine::Sqlite(_)) {
            // Memory knows what this server alone opens and ends; on PostgreSQL the
            // statement that stores the sample asks the table.
            sample.incident = sample.incident.or_else(|| inner.open.of(sample.user));
        }
        let (answer, receiver) = oneshot::channel();
        if matches!(inner.engine, Engine::Sqlite(_)) && inner.store.disk().is_low() {
            // What is left of the disk is for SOS (design: Disk).
            let _ = answer.send(Err(TelemetryError::DiskLow));
            return Pending::answered(receiver, Arc::clone(&inner.outlet));
        }
        let Some(room) = inner.queue.try_room(&sample) else {
            if self.is_failing() {
                // There will be no room before the day files can be written.
                let entry = Arc::new(Entry::new(sample, true, answer, None));
                let outlet = Arc::clone(&inner.outlet);
                let pending = Pending::queued(receiver, outlet, Arc::clone(&entry));
                inner.outlet.spill([entry]);
                return pending;
            }
            return Pending::crowded(receiver, Arc::clone(&inner.outlet), |hurry| {
                let (queue, outlet) = (Arc::clone(&inner.queue), Arc::clone(&inner.outlet));
                tokio::spawn(async move {
                    let room = tokio::select! {
                        room = timeout(ROOM_LIMIT, queue.room(&sample)) => room.ok().flatten(),
                        () = hurry.notified() => {
                            let entry = Entry::new(sample, true, answer, None);
                            return outlet.spill([Arc::new(entry)]);
                        }
                    };
                    let Some(room) = room else {
                        let _ = answer.send(Err(TelemetryError::Busy));
                        return;
                    };
                    let entry = Arc::new(Entry::new(sample, true, answer, Some(room)));
                    hand_over(&queue, &outlet, entry);
                });
            });
        };
        let entry = Arc::new(Entry::new(sample, true, answer, Some(room)));
        let pending = Pending::queued(receiver, Arc::clone(&inner.outlet), Arc::clone(&entry));
        hand_over(&inner.queue, &inner.outlet, entry);
        pending
    }

    /// Days that a sample is kept at least, unless its app keeps it for less time.
    pub fn retention_days(&self) -> u32 {
        self.0.retention_days
    }

    /// Whether an incident is open for a user; on PostgreSQL another server
    /// may know better.
    pub fn open_incident(&self, user: UserId) -> Option<IncidentId> {
        self.0.open.of(user)
    }

    /// The newest position of a user.
    pub async fn latest(&self, user: UserId) -> Result<Option<Position>, TelemetryError> {
        let inner = &self.0;
        if matches!(inner.engine, Engine::Sqlite(_))
            && let Some(known) = inner.latest.known(user)
        {
            return Ok(Some(known));
        }
        // The spill table first: a row on its way leaves it only after it has arrived.
        let mut tx = inner
            .store
            .read()
            .await
            .map_err(|e| TelemetryError::read(&e))?;
        let spilled = spill::newest(&mut tx, user).await;
        drop(tx);
        let spilled = spilled.map_err(|e| TelemetryError::read(&e))?;
        let stored = match &inner.engine {
            Engine::Sqlite(files) => files.newest(user).await?,
            Engine::Postgres(tables) => {
                return Ok(merge::newer(tables.newest(user).await?, spilled));
            }
        };
        Ok(inner.latest.complete(user, merge::newer(stored, spilled)))
    }

    /// The newest position of a user that was submitted and is not durable yet. Looks
    /// in memory alone.
    pub fn on_its_way(&self, user: UserId) -> Option<Position> {
        let waiting = self.0.queue.pending_of(user);
        let spilling = self.0.outlet.pending_of(user);
        let positions = waiting.iter().chain(&spilling);
        positions
            .map(|entry| Some(entry.sample.position()))
            .fold(None, merge::newer)
    }

    /// Waits until every sample of a user that was submitted before this call
    /// is durable; `false` when that took too long.
    pub async fn settled(&self, user: UserId) -> bool {
        let mut waiting = self.0.queue.pending_of(user);
        waiting.extend(self.0.outlet.pending_of(user));
        // What the spill table has refused meanwhile is back in the queue.
        waiting.extend(self.0.queue.pending_of(user));
        let limit = Instant::now() + SETTLE_LIMIT;
        while waiting.iter().any(|entry| !entry.is_answered()) {
            if Instant::now() >= limit {
                return false;
            }
            tokio::time::sleep(SETTLE_EVERY).await;
        }
        true
    }

    /// Removes what lies before the retention window; returns how many files
    /// or rows went.
    pub async fn prune(&self) -> Result<usize, TelemetryError> {
        match &self.0.engine {
            Engine::Sqlite(files) => files.prune().await,
            Engine::Postgres(tables) => tables.prune().await,
        }
    }

    /// Moves some spilled rows to where they belong. Nothing happens while the
    /// writer is stuck; a crash at any moment leaves each row in one of the two
    /// places or in both, which is the same sample.
    pub async fn move_spilled(&self) -> Result<Moved, TelemetryError> {
        let inner = &self.0;
        let none = Moved {
            rows: 0,
            more: false,
        };
        if inner.queue.is_stalled() || self.is_failing() {
            return Ok(none);
        }
        let mut tx = inner
            .store
            .read()
            .await
            .map_err(|e| TelemetryError::read(&e))?;
        let spilled = spill::oldest(&mut tx, MOVE_ROWS).await;
        drop(tx);
        let spilled = spilled.map_err(|e| TelemetryError::read(&e))?;
        if spilled.is_empty() {
            return Ok(none);
        }
        let found = spilled.len();
        let mut waiting = Vec::with_capacity(found);
        let (mut unrevised, mut revised) = (Vec::new(), Vec::new());
        let limit = Instant::now() + ROOM_LIMIT;
        for row in spilled {
            // They take part in the bound like any other.
            let room = timeout_at(limit, inner.queue.room(&row.sample)).await;
            let Ok(Some(room)) = room else { break };
            match row.revision {
                0 => unrevised.push(row.id),
                revision => revised.push((row.id, revision)),
            }
            let (answer, receiver) = oneshot::channel();
            let entry = Arc::new(Entry::new(row.sample, false, answer, Some(room)));
            inner.queue.push(entry);
            waiting.push(receiver);
        }
        let rows = waiting.len();
        if rows == 0 {
            return Err(TelemetryError::Busy);
        }
        for receiver in waiting {
            receiver.await.map_err(|_| TelemetryError::Closed)??;
        }
        let delete = spill::DeleteSpilled { unrevised, revised };
        let deleted = inner.store.write(Lane::Job, delete).await;
        deleted.map_err(|e| TelemetryError::write(&e))?;
        let is_page = found >= usize::try_from(MOVE_ROWS).unwrap_or(usize::MAX);
        let more = is_page || rows < found;
        Ok(Moved { rows, more })
    }

    /// How the writer is doing.
    pub fn health(&self) -> TelemetryHealth {
        let queue = &self.0.queue;
        let (committed_samples, commits) = queue.counts();
        TelemetryHealth {
            queued: queue.depth(),
            stalled: queue.is_stalled() || self.is_failing(),
            unusable_files: self.unusable_files(),
            committed_samples,
            commits,
        }
    }

    /// Whether durable samples cannot be written to the files in which they belong.
    fn is_failing(&self) -> bool {
        match &self.0.engine {
            Engine::Sqlite(files) => files.is_failing(),
            Engine::Postgres(_) => false,
        }
    }

    fn unusable_files(&self) -> usize {
        match &self.0.engine {
            Engine::Sqlite(files) => files.unusable_files(),
            Engine::Postgres(_) => 0,
        }
    }

    /// Waits until every acknowledged sample lies in the file in which it belongs.
    #[cfg(test)]
    pub(crate) async fn filed(&self) {
        if let Engine::Sqlite(files) = &self.0.engine {
            files.drain().await.unwrap();
        }
    }

    /// The connections for queries, for tests of the tables.
    #[cfg(test)]
    fn postgres_pool(&self) -> &sqlx::PgPool {
        match &self.0.engine {
            Engine::Postgres(tables) => tables.pool(),
            Engine::Sqlite(_) => panic!("telemetry lies in files"),
        }
    }

    /// The faults of this store's writer, for tests.
    #[cfg(any(test, feature = "fault-points"))]
    pub fn faults(&self) -> &Faults {
        &self.0.faults
    }

    /// Writes what is queued, here or, what cannot be, to the spill table; then
    /// closes files and connections. Each step has a limit.
    pub async fn close(&self) {
        let inner = Arc::clone(&self.0);
        inner.queue.close();
        let engine = async {
            match &inner.engine {
                Engine::Postgres(tables) => tables.close().await,
                Engine::Sqlite(_) => close_files(&inner).await,
            }
        };
        if timeout(CLOSE_LIMIT, engine).await.is_err() {
            tracing::error!("the telemetry writer did not end in time and is left");
        }
        let emptied = async {
            while !inner.outlet.is_empty() {
                tokio::time::sleep(SETTLE_EVERY).await;
            }
        };
        if timeout(CLOSE_LIMIT, emptied).await.is_err() {
            tracing::error!("telemetry could not be spilled in time; it was not acknowledged");
        }
        for task in lock(&inner.tasks).drain(..) {
            task.abort();
        }
    }
}

/// Waits for the threads in one of its own: a stuck disk must not hold the
/// runtime, which waits for its blocking tasks.
async fn close_files(inner: &Arc<Inner>) {
    let (ended, end) = oneshot::channel();
    let blocking = Arc::clone(inner);
    let spawned = std::thread::Builder::new()
        .name("telemetry-close".to_owned())
        .spawn(move || {
            if let Engine::Sqlite(files) = &blocking.engine {
                files.join();
            }
            drop(blocking);
            let _ = ended.send(());
        });
    if spawned.is_err() || end.await.is_err() {
        tracing::error!("the telemetry files were not closed in order");
    }
}

/// To the writer, or straight to the spill table while the writer is stuck.
fn hand_over(queue: &Queue, outlet: &Outlet, entry: Arc<Entry>) {
    if queue.is_stalled() {
        outlet.spill([entry]);
    } else {
        queue.push(entry);
    }
}

/// Learns which incidents are open and stays up to date.
async fn keep_open_incidents(
    store: &Store,
    open: &Arc<OpenIncidents>,
) -> Result<(), TelemetryError> {
    let kept = Arc::clone(open);
    store.observe(move |hints| {
        for hint in hints {
            match hint {
                Hint::IncidentOpened { user, incident } => kept.opened(*user, *incident),
                Hint::IncidentEnded { user, incident } => kept.ended(*user, *incident),
                _ => {}
            }
        }
    });
    let mut tx = store.read().await.map_err(|e| TelemetryError::read(&e))?;
    let incidents = open_incidents::load(&mut tx).await;
    drop(tx);
    for (user, incident) in incidents.map_err(|e| TelemetryError::read(&e))? {
        open.opened(user, incident);
    }
    Ok(())
}

impl Drop for Inner {
    /// Lets threads and tasks end; whoever wants the queue written calls
    /// [`Telemetry::close`].
    fn drop(&mut self) {
        self.faults.release();
        self.queue.close();
        for task in lock(&self.tasks).drain(..) {
            task.abort();
        }
    }
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telemetry").finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) mod tests;
