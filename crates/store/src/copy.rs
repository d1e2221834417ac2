//! A second copy of the embedded state store, seconds behind it, in a directory
//! that another machine or disk serves (`store.copy_dir`).
//!
//! Two parties share [`Shared`]. [`crate::sqlite`]'s upkeep reads from the write-ahead log
//! what was committed ([`wal`]) and queues it *before* it checkpoints and lets the log
//! begin anew; so does the writer, who checkpoints, too, on a full disk. The thread in [`shipper`] appends
//! the queue to the log beside the copy and flushes it. The copy is therefore a
//! database with a log, whole at every moment: what is half-written does not count.
//!
//! Whatever the directory does, nobody waits for it but the thread: when it stalls,
//! the queue fills to its limit, is dropped, and the copy is *lost*: the next one
//! begins with the database file, into a directory of its own, while the old copy
//! stays as it is until the new one is whole. So does every start of a server.
//!
//! A commit that failed may have left in the log what looks like a transaction: the copy
//! is lost, and none begins before the log was emptied ([`Copier::doubt`]).

mod place;
mod shipper;
mod wal;

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mayday_core::clock::SharedClock;
use mayday_core::time::Timestamp;

pub(crate) use place::current as current_in;
use wal::{HEADER_BYTES, Tail};

use crate::faults::StateFaults;

/// How long the end waits for what is queued to be copied.
const CLOSE_LIMIT: Duration = Duration::from_secs(3);

/// Where the copy lies, and how much may wait for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopySettings {
    /// The directory. It must not be the data directory, nor another server's.
    pub directory: PathBuf,
    /// Bytes of memory that may wait for the directory; beyond, the copy begins
    /// anew.
    pub queue_bytes: usize,
    /// Bytes by which the log may grow while the database file is copied; beyond, the
    /// copy waits for a quieter moment.
    pub log_bytes: u64,
    /// From how far behind readiness warns of it.
    pub warn_after: Duration,
}

impl CopySettings {
    /// A copy in this directory, with limits that suit a server.
    pub fn to(directory: PathBuf) -> Self {
        Self {
            directory,
            queue_bytes: 64 << 20,
            log_bytes: 256 << 20,
            warn_after: Duration::from_secs(30),
        }
    }
}

/// How the copy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CopyStats {
    /// Everything committed before this is in the copy, or: when this server
    /// started, while it has no whole copy yet.
    pub as_of: Timestamp,
    /// Whether it follows commit by commit; else the database file is to be copied,
    /// or being copied.
    pub following: bool,
    /// From how far behind readiness warns of it.
    pub warn_after: Duration,
}

/// The copying of one store. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Copier(Arc<Shared>);

struct Shared {
    settings: CopySettings,
    database: PathBuf,
    log: PathBuf,
    /// The database file. It stays open as long as the store: closing any
    /// descriptor of it would drop SQLite's locks, which are the process's.
    raw: Arc<File>,
    clock: SharedClock,
    faults: StateFaults,
    state: Mutex<State>,
    changed: Condvar,
    tail: Mutex<Tail>,
    as_of: AtomicI64,
}

#[derive(Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is said by another party, in any combination"
)]
struct State {
    phase: Phase,
    queue: VecDeque<Piece>,
    queued_bytes: usize,
    /// The thread is ready to copy the database file.
    wants_base: bool,
    /// The length of the log when the copying of the database file began.
    log_bytes: u64,
    /// The writer checkpoints: the copying of the database file cannot begin.
    barred: bool,
    /// The log may hold what looks like a transaction and is none.
    doubtful: bool,
    closing: bool,
    ended: bool,
}

/// How the copy and the log stand to each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// The copy does not continue in the log.
    #[default]
    Lost,
    /// The database file is being copied: no checkpoint may change it.
    Basing,
    /// Copy, queue and log make one chain.
    Following,
}

/// What is queued.
enum Piece {
    /// The log began anew, with this header.
    Restart([u8; HEADER_BYTES]),
    /// Frames of whole transactions.
    Frames(Vec<u8>),
    /// Everything committed before this was queued.
    Mark(Timestamp),
}

/// What upkeep may do with the log in this turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Checkpoint as if there were no copy.
    Free,
    /// Leave it alone.
    Pause,
    /// Queue what is in it, then checkpoint.
    Follow,
}

impl Copier {
    /// Starts the thread. The copy itself begins when upkeep lets it.
    pub(crate) fn start(
        settings: CopySettings,
        database: &Path,
        clock: SharedClock,
        faults: StateFaults,
    ) -> io::Result<Self> {
        let mut log = database.as_os_str().to_owned();
        log.push("-wal");
        let shared = Arc::new(Shared {
            raw: Arc::new(File::open(database)?),
            database: database.to_owned(),
            log: log.into(),
            as_of: AtomicI64::new(clock.now().as_micros()),
            settings,
            clock,
            faults,
            state: Mutex::default(),
            changed: Condvar::new(),
            tail: Mutex::default(),
        });
        let of_thread = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("state-copy".to_owned())
            .spawn(move || shipper::run(&of_thread))?;
        Ok(Self(shared))
    }

    /// The open database file, to be kept until the store's last connection is
    /// closed.
    pub(crate) fn raw(&self) -> Arc<File> {
        Arc::clone(&self.0.raw)
    }

    pub(crate) fn stats(&self) -> CopyStats {
        CopyStats {
            as_of: Timestamp::from_micros(self.0.as_of.load(Ordering::Relaxed)),
            following: self.0.lock().phase == Phase::Following,
            warn_after: self.0.settings.warn_after,
        }
    }

    /// Says what upkeep may do now. While the disk is `exhausted` the copying of the
    /// database file does not begin: the writer could not wait for it.
    pub(crate) fn begin_turn(&self, exhausted: bool) -> Turn {
        let log_bytes = self.0.log.metadata().map_or(0, |log| log.len());
        let grown = self.0.settings.log_bytes;
        let mut state = self.0.lock();
        let held_up = state.barred || state.doubtful || exhausted;
        if state.phase == Phase::Lost && state.wants_base && !held_up {
            state.phase = Phase::Basing;
            state.wants_base = false;
            state.log_bytes = log_bytes;
            self.0.changed.notify_all();
        }
        match state.phase {
            Phase::Lost => Turn::Free,
            Phase::Following => Turn::Follow,
            Phase::Basing if log_bytes.saturating_sub(state.log_bytes) <= grown => Turn::Pause,
            Phase::Basing => {
                drop(state);
                self.0
                    .lose("the log grew too long while the database file was copied");
                Turn::Free
            }
        }
    }

    /// Readies for a checkpoint of the writer, between two of its transactions: queues
    /// what was committed, or gives up a database file that is half copied. Until the
    /// answer is dropped none begins to be copied.
    pub(crate) fn bar(self) -> Barred {
        let phase = {
            let mut state = self.0.lock();
            state.barred = true;
            state.phase
        };
        match phase {
            Phase::Lost => {}
            Phase::Basing => self.0.lose("the disk is full, and its log cannot wait"),
            Phase::Following => {
                self.gather();
            }
        }
        Barred(self)
    }

    /// Lets go of the log, which is emptied to end the shortage on a full disk: the copy
    /// begins anew when there is room.
    pub(crate) fn let_go(&self) {
        self.0.lose("the disk is full, and its log is emptied");
    }

    /// A commit failed. When the flush of its frames did, they lie in the log with sound
    /// checksums and a mark that commits them, until the next commit overwrites them. Who
    /// took them for a transaction would wait for their continuation for ever.
    pub(crate) fn doubt(&self) {
        self.0.lock().doubtful = true;
        self.0
            .lose("a commit failed, and what it left in the log must go first");
    }

    /// Whether the log must be emptied before another copy begins.
    pub(crate) fn is_doubtful(&self) -> bool {
        self.0.lock().doubtful
    }

    /// The log is about to be emptied; whether that was waited for. If nothing comes of it,
    /// doubt again.
    pub(crate) fn forget_doubt(&self) -> bool {
        std::mem::take(&mut self.0.lock().doubtful)
    }

    /// Queues what was committed. Call it while no checkpoint runs, and while a
    /// reader keeps the log from beginning anew. Answers whether the copy still
    /// follows. Blocks for as long as reading the log takes.
    pub(crate) fn gather(&self) -> bool {
        let now = self.0.clock.now();
        let mut tail = self.0.tail.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match tail.scan(&self.0.log) {
                Ok(fresh) => {
                    let restart = fresh.restarted.map(Piece::Restart);
                    let frames = (!fresh.frames.is_empty()).then_some(Piece::Frames(fresh.frames));
                    let mark = (!fresh.more).then_some(Piece::Mark(now));
                    let pieces = restart.into_iter().chain(frames).chain(mark);
                    if !self.0.queue(pieces) {
                        return false;
                    }
                    if !fresh.more {
                        return true;
                    }
                }
                Err(error) => {
                    self.0.lose(&format!("the log cannot be read: {error}"));
                    return false;
                }
            }
        }
    }

    /// Lets the thread end once it has copied what is queued.
    pub(crate) fn end(&self) {
        self.0.lock().closing = true;
        self.0.faults.release();
        self.0.changed.notify_all();
    }

    /// Queues what is left and waits until it is copied, for a few seconds at most.
    /// Call it when nobody writes or checkpoints any more. Blocks.
    pub(crate) fn finish(&self) {
        let follows = self.0.lock().phase == Phase::Following;
        if follows {
            self.gather();
        }
        self.end();
        let state = self.0.lock();
        let waited = self
            .0
            .changed
            .wait_timeout_while(state, CLOSE_LIMIT, |state| !state.ended);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if !state.ended {
            tracing::warn!("the copy of the state store did not end in time and is left behind");
        }
    }
}

/// The right of the writer to checkpoint.
pub(crate) struct Barred(Copier);

impl Drop for Barred {
    fn drop(&mut self) {
        self.0.0.lock().barred = false;
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues pieces; answers whether the copy still follows.
    fn queue(&self, pieces: impl Iterator<Item = Piece>) -> bool {
        let mut state = self.lock();
        if state.phase != Phase::Following {
            return false;
        }
        for piece in pieces {
            if let Piece::Frames(frames) = &piece {
                state.queued_bytes = state.queued_bytes.saturating_add(frames.len());
            }
            // Nothing but newer marks between two pieces of data: the newest counts.
            if matches!(piece, Piece::Mark(_)) && matches!(state.queue.back(), Some(Piece::Mark(_)))
            {
                state.queue.pop_back();
            }
            state.queue.push_back(piece);
        }
        if state.queued_bytes > self.settings.queue_bytes {
            drop(state);
            self.lose("its directory does not keep up");
            return false;
        }
        self.changed.notify_all();
        true
    }

    /// The copy does not go on from where it is: it begins anew.
    fn lose(&self, why: &str) {
        let mut state = self.lock();
        if state.phase != Phase::Lost {
            tracing::warn!(
                copy.directory = %self.settings.directory.display(),
                "the copy of the state store begins anew, the old one stays until then: {why}"
            );
        }
        state.phase = Phase::Lost;
        state.wants_base = false;
        state.queue.clear();
        state.queued_bytes = 0;
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests;
