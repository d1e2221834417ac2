//! Figures of the store for health and metrics.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use mayday_core::time::Timestamp;

use crate::command::Lane;

/// What the store has done and how it is.
#[derive(Clone, Debug, PartialEq)]
pub struct StoreStats {
    /// Commands waiting, by lane.
    pub queued: [(Lane, usize); 4],
    /// Commits since the start.
    pub commits: u64,
    /// Commands committed since the start.
    pub commands: u64,
    /// Time spent from BEGIN to the end of COMMIT, summed over all commits.
    pub commit_time: Duration,
    /// When the last commit ended.
    pub last_commit: Option<Timestamp>,
    /// Whether the last attempt to commit failed.
    pub failing: bool,
    /// Whether commands are taken: not after [`crate::Store::close`].
    pub open: bool,
}

/// Counters behind [`StoreStats`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    commits: AtomicU64,
    commands: AtomicU64,
    commit_micros: AtomicU64,
    last_commit: AtomicI64,
    failing: AtomicBool,
}

impl Counters {
    pub(crate) fn committed(&self, commands: usize, took: Duration, now: Timestamp) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let commands = u64::try_from(commands).unwrap_or(u64::MAX);
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.commands.fetch_add(commands, Ordering::Relaxed);
        self.commit_micros.fetch_add(micros, Ordering::Relaxed);
        self.last_commit.store(now.as_micros(), Ordering::Relaxed);
        self.failing.store(false, Ordering::Relaxed);
    }

    pub(crate) fn failed(&self) {
        self.failing.store(true, Ordering::Relaxed);
    }

    pub(crate) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    pub(crate) fn read(&self, queued: [(Lane, usize); 4], open: bool) -> StoreStats {
        let last = self.last_commit.load(Ordering::Relaxed);
        StoreStats {
            queued,
            commits: self.commits.load(Ordering::Relaxed),
            commands: self.commands.load(Ordering::Relaxed),
            commit_time: Duration::from_micros(self.commit_micros.load(Ordering::Relaxed)),
            last_commit: (last != 0).then_some(Timestamp::from_micros(last)),
            failing: self.failing.load(Ordering::Relaxed),
            open,
        }
    }
}
