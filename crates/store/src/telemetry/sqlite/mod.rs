//! Telemetry in files of its own: one SQLite file per UTC day of the sample's
//! time, `late.db` for valid samples outside the retention window, and
//! `latest.db` with the newest position of each user.
//!
//! Samples are acknowledged once they are durable in `journal.db` ([`writer`],
//! [`journal`]); a moment later another thread, which owns every writing connection to
//! the day files, carries them there in large batches ([`filer`]). Until then they are
//! found in memory ([`backlog`]). A third thread checkpoints and flushes the newest
//! positions ([`upkeep`]); queries run on a few reading connections ([`read`]).
//! Retention unlinks files.

mod backlog;
mod carry;
mod day;
mod detours;
mod erase;
mod expire;
mod filer;
mod journal;
mod latest_table;
mod read;
mod record;
mod schema;
mod strays;
mod unusable;
mod upkeep;
mod writer;

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use mayday_core::clock::SharedClock;
use mayday_core::ids::{IncidentId, UserId};
use mayday_core::telemetry::{Position, Sample, SampleKey};
use mayday_core::time::Timestamp;

use super::TelemetryError;
use super::faults::Faults;
use super::latest::Latest;
use super::merge;
use super::open_incidents::OpenIncidents;
use super::page::Span;
use super::queue::{Entry, Queue, lock};
use super::spiller::Outlet;
use backlog::{Backlog, Batch, Row};
use day::FileKey;
use journal::{Journal, Left};
use latest_table::LatestTable;
use read::Readers;
use unusable::Unusable;
use upkeep::Upkeep;

/// Rest between two steps of pruning, so that whoever waits for the gate gets it.
const PRUNE_REST: Duration = Duration::from_millis(5);

/// The nice value of threads whose work nobody waits for: a third of another's share
/// when there are too few processors, all of it when there are enough.
const BEHIND: i32 = 5;

/// What the writer, the upkeep thread and the readers share.
struct Shared {
    directory: PathBuf,
    retention_days: u32,
    clock: SharedClock,
    queue: Arc<Queue>,
    latest: Arc<Latest>,
    open: Arc<OpenIncidents>,
    faults: Faults,
    outlet: Arc<Outlet>,
    /// The journal, held by whoever writes it, and by the upkeep thread while it has
    /// its log begun anew.
    journal: Mutex<Journal>,
    backlog: Backlog,
    /// Held by the filing thread during a transaction and by the upkeep thread while
    /// it truncates a log, so that neither waits in SQLite's unfair busy loop.
    /// Taken last: nobody who holds it waits for another lock that is held
    /// while a file is read or written.
    gate: Mutex<()>,
    /// Files written since the upkeep thread last looked,
    /// with the highest row id in each.
    touched: Mutex<HashMap<FileKey, i64>>,
    unusable: Arc<Unusable>,
    /// Raised when files were removed: the filing thread must not write on to one
    /// that it still holds open.
    removals: AtomicU64,
    stopping: AtomicBool,
}

/// The embedded telemetry store.
pub(super) struct SqliteFiles {
    shared: Arc<Shared>,
    readers: Arc<Readers>,
    table: Arc<LatestTable>,
    threads: Mutex<Option<Threads>>,
    upkeep: Arc<Upkeep>,
    /// Taken for one step at a time.
    walk: tokio::sync::Mutex<expire::Walk>,
}

/// In the order in which they end.
struct Threads {
    writer: JoinHandle<()>,
    filer: JoinHandle<()>,
    upkeep: JoinHandle<()>,
}

/// What the store needs to run.
pub(super) struct Parts {
    pub(super) directory: PathBuf,
    pub(super) retention_days: u32,
    pub(super) clock: SharedClock,
    pub(super) queue: Arc<Queue>,
    pub(super) latest: Arc<Latest>,
    pub(super) open: Arc<OpenIncidents>,
    pub(super) faults: Faults,
    pub(super) outlet: Arc<Outlet>,
}

impl SqliteFiles {
    /// Opens the directory, making it if needed, and starts the threads.
    /// Reads only the rows of the journal, so that it takes the same time however many
    /// there are. Damage, a newer version's files and missing permissions are told; what
    /// a full disk keeps from being opened is opened later, and telemetry refused until
    /// then: an SOS needs none of it.
    pub(super) fn open(parts: Parts) -> Result<Self, TelemetryError> {
        make_directory(&parts.directory)?;
        let table = LatestTable::open(&parts.directory, parts.faults.clone())?;
        let table = Arc::new(table);
        let journal = Journal::new(&parts.directory, parts.faults.clone());
        let shared = Arc::new(Shared {
            directory: parts.directory,
            retention_days: parts.retention_days,
            clock: parts.clock,
            queue: parts.queue,
            latest: parts.latest,
            open: parts.open,
            faults: parts.faults,
            outlet: parts.outlet,
            journal: Mutex::new(journal),
            backlog: Backlog::default(),
            gate: Mutex::new(()),
            touched: Mutex::new(HashMap::new()),
            unusable: Arc::default(),
            removals: AtomicU64::new(0),
            stopping: AtomicBool::new(false),
        });
        // A file that is damaged is found now, not by the first sample.
        let mut filer = filer::Filer::new(Arc::clone(&shared));
        for opened in [filer.open_today(), shared.read_journal()] {
            match opened {
                Err(error) if !error.is_lasting() => {
                    tracing::error!(%error, "telemetry is not ready; SOS is served without it");
                }
                result => result?,
            }
        }
        let writer = writer::Writer::new(Arc::clone(&shared));
        let upkeep = Arc::new(Upkeep::new(Arc::clone(&shared), Arc::clone(&table)));
        let keeper = Arc::clone(&upkeep);
        let threads = Threads {
            writer: spawn("telemetry-write", move || writer.run())?,
            filer: spawn("telemetry-file", move || {
                step_back();
                filer.run();
            })?,
            upkeep: spawn("telemetry-keep", move || {
                step_back();
                keeper.run();
            })?,
        };
        Ok(Self {
            readers: Arc::new(Readers::new(
                shared.directory.clone(),
                Arc::clone(&shared.unusable),
            )),
            shared,
            table,
            threads: Mutex::new(Some(threads)),
            upkeep,
            walk: tokio::sync::Mutex::default(),
        })
    }

    /// The samples of a span: at least its first `limit`, in no order, and some twice
    /// that are being filed.
    pub(super) async fn range(
        &self,
        user: UserId,
        span: Span,
        limit: usize,
    ) -> Result<Vec<Sample>, TelemetryError> {
        let readers = Arc::clone(&self.readers);
        let mut found = self.shared.backlog.of(user, span.from, span.to);
        found.retain(|sample| span.admits(sample));
        let filed = self
            .readers
            .run(move || readers.range(user, &span, limit))
            .await?;
        found.extend(filed);
        Ok(found)
    }

    /// An incident's samples: at least its first and its last `each_end`.
    pub(super) async fn trail(
        &self,
        incident: IncidentId,
        span: RangeInclusive<Timestamp>,
        each_end: usize,
    ) -> Result<Vec<(SampleKey, Position)>, TelemetryError> {
        let readers = Arc::clone(&self.readers);
        let mut found = self.shared.backlog.trail(incident);
        let filed = self
            .readers
            .run(move || readers.trail(incident, &span, each_end))
            .await?;
        found.extend(filed);
        Ok(found)
    }

    /// The newest stored position of a user: the small table's, and, after an
    /// unclean end, whatever newer one the files hold.
    pub(super) async fn newest(&self, user: UserId) -> Result<Option<Position>, TelemetryError> {
        let (readers, table) = (Arc::clone(&self.readers), Arc::clone(&self.table));
        let shared = Arc::clone(&self.shared);
        self.readers
            .run(move || {
                let known = match table.get(user) {
                    Ok(known) if table.is_complete() => return Ok(known),
                    Ok(known) => known,
                    Err(error) => {
                        tracing::debug!(%error, "a newest position is searched for in the files");
                        None
                    }
                };
                let known = merge::newer(known, shared.backlog.newest(user));
                let since = known.map(|position| position.moment());
                let found = readers.newest_since(user, since, shared.window())?;
                Ok(merge::newer(known, found))
            })
            .await
    }

    /// Unlinks the day files that lie before the retention window and deletes
    /// old rows of `late.db`; returns how many files went.
    pub(super) async fn prune(&self) -> Result<usize, TelemetryError> {
        let gone = self.prune_files().await?;
        loop {
            let upkeep = Arc::clone(&self.upkeep);
            if self.readers.run(move || upkeep.prune_late()).await? == 0 {
                return Ok(gone);
            }
            tokio::time::sleep(PRUNE_REST).await;
        }
    }

    async fn prune_files(&self) -> Result<usize, TelemetryError> {
        let (shared, readers) = (Arc::clone(&self.shared), Arc::clone(&self.readers));
        let upkeep = Arc::clone(&self.upkeep);
        self.readers
            .run(move || {
                // What belongs to a file that goes should not come after it; where filing
                // fails, space may be what is missing, and what comes after goes next time.
                shared.backlog.drain();
                let window = shared.window();
                let mut gone = 0;
                for key in day::list(&shared.directory)? {
                    if matches!(key, FileKey::Day(day) if day < window.first) {
                        // Nobody writes a file before the window any more.
                        remove_file(&shared, &readers, &upkeep, key, |_| Ok(true))?;
                        gone += 1;
                    }
                }
                Ok(gone)
            })
            .await
    }

    /// Whether the upkeep thread has seen every write.
    #[cfg(test)]
    pub(super) fn has_upkeep_looked(&self) -> bool {
        lock(&self.shared.touched).is_empty()
    }

    /// Ends the threads once the queue is written; the queue must be closed.
    pub(super) fn join(&self) {
        self.shared.faults.release();
        let Some(threads) = lock(&self.threads).take() else {
            return;
        };
        let joined = |thread: JoinHandle<()>| {
            if thread.join().is_err() {
                tracing::error!("a telemetry thread panicked");
            }
        };
        // Each passes on what it has: rows to the files, positions to the small table.
        joined(threads.writer);
        self.shared.backlog.close();
        joined(threads.filer);
        self.stop_upkeep();
        joined(threads.upkeep);
    }

    /// Whether what is durable in the journal cannot be written to the day files.
    pub(super) fn is_failing(&self) -> bool {
        self.shared.backlog.is_failing()
    }

    /// How many files cannot be used.
    pub(super) fn unusable_files(&self) -> usize {
        self.shared.unusable.count(&self.shared.directory)
    }

    /// Waits until what is acknowledged now lies in its day file and, durably, in the
    /// journal no more.
    pub(super) async fn drain(&self) -> Result<(), TelemetryError> {
        let shared = Arc::clone(&self.shared);
        self.readers.run(move || shared.drain()).await
    }

    fn stop_upkeep(&self) {
        self.shared.stopping.store(true, Ordering::Release);
        self.upkeep.wake();
    }
}

impl Drop for SqliteFiles {
    /// Lets the threads end; whoever wants to wait for them joins them.
    fn drop(&mut self) {
        self.stop_upkeep();
    }
}

impl Shared {
    /// The days that have a file of their own now.
    fn window(&self) -> day::Window {
        day::Window::around(self.clock.now(), self.retention_days)
    }

    /// See [`SqliteFiles::drain`]. Blocks.
    fn drain(&self) -> Result<(), TelemetryError> {
        if self.backlog.drain() {
            Ok(())
        } else {
            Err(TelemetryError::Busy)
        }
    }

    /// Reads what an earlier process left in the journal, once that is possible. Until
    /// then no batch is taken.
    fn read_journal(&self) -> Result<(), TelemetryError> {
        let mut journal = lock(&self.journal);
        if journal.is_read() {
            return Ok(());
        }
        self.backlog.set_unread(true);
        let left = journal.read_left()?;
        // While the journal is held: no new batch comes before them.
        self.take_back(left);
        self.backlog.set_unread(false);
        Ok(())
    }

    /// Samples that an earlier process acknowledged and did not file are filed by this
    /// one, to the files that the other may have filed them to already.
    fn take_back(&self, left: Vec<Left>) {
        for Left { id, samples } in left {
            let positions = samples
                .iter()
                .map(|sample| (sample.user, sample.position()));
            self.latest.observe(positions);
            let received = samples.iter().map(|sample| sample.received_at).max();
            let now = received.unwrap_or_else(|| self.clock.now());
            let window = day::Window::around(now, self.retention_days);
            let rows = samples.into_iter().map(|sample| {
                // The other process had about as much room.
                let room = self.queue.try_room(&sample);
                Row {
                    incident: sample.incident,
                    entry: Arc::new(Entry::answered(sample, room)),
                }
            });
            self.backlog.push(Batch::new(id, window, rows.collect()));
        }
    }
}

/// Removes a file if `is_wanted` says so while nobody writes it, so that nobody goes on
/// with what was removed when there is a new one of its name.
fn remove_file(
    shared: &Shared,
    readers: &Readers,
    upkeep: &Upkeep,
    key: FileKey,
    is_wanted: impl FnOnce(&Shared) -> Result<bool, TelemetryError>,
) -> Result<(), TelemetryError> {
    let forget = || {
        // Not under the gate: the upkeep thread takes it while it holds what it watches.
        upkeep.forget(key);
        readers.forget(key);
    };
    forget();
    let writing = lock(&shared.gate);
    if !is_wanted(shared)? {
        return Ok(());
    }
    shared.removals.fetch_add(1, Ordering::AcqRel);
    day::unlink(&shared.directory, key)?;
    readers.forget(key);
    drop(writing);
    forget();
    Ok(())
}

fn spawn(
    name: &str,
    work: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, TelemetryError> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .map_err(|error| TelemetryError::write(&error))
}

/// Lets every other thread go first: nobody waits for this one.
fn step_back() {
    // Linux has a priority for each thread.
    if let Err(error) = rustix::process::setpriority_process(None, BEHIND) {
        tracing::debug!(%error, "a telemetry thread keeps its priority");
    }
}

fn make_directory(directory: &Path) -> Result<(), TelemetryError> {
    let made = !directory.exists();
    std::fs::create_dir_all(directory).map_err(|e| TelemetryError::open(directory, &e))?;
    TelemetryError::require_writable(directory)?;
    if made && let Some(parent) = directory.parent() {
        day::sync_directory(parent)?;
    }
    Ok(())
}
