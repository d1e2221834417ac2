//! What runs beside the writer: checkpoints from another connection, so that
//! none ever falls into a commit, and an eye on the disk.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection as _, Executor as _, Row as _};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use super::connect;
use crate::copy::{Copier, Turn};
use crate::disk::DiskGuard;
use crate::stats::Counters;

/// How often it looks.
const EVERY: Duration = Duration::from_secs(1);
/// Looks without a commit after which the log is emptied.
const IDLE_LOOKS: u32 = 5;
/// Pages in the log from which it is emptied although there are commits: 64 MiB.
const LOG_PAGES: i64 = 16_384;
/// Pages of the log that a checkpoint leaves behind because of a long reader, such as
/// a backup. Emptying the log would keep the writer waiting for that reader in vain.
const LONG_READER_PAGES: i64 = 4_096;
/// Pages that may be left to carry over while nobody can write: 1 MiB, which even a
/// slow disk takes well before the writer gives a commit up.
const LAST_PAGES: i64 = 256;
/// Pages in the log from which more may be left, [`LONG_READER_PAGES`]: commits that
/// never pause would let it grow for ever. 512 MiB.
const FULL_LOG_PAGES: i64 = 8 * LOG_PAGES;
/// Checkpoints in one look to get there. Each has as much to do as was committed
/// during the one before.
const ROUNDS: u32 = 4;

const PASSIVE: &str = "PRAGMA wal_checkpoint(PASSIVE)";
const TRUNCATE: &str = "PRAGMA wal_checkpoint(TRUNCATE)";
const BEGIN_READ: &str = "BEGIN";
/// The first read takes the snapshot.
const FIRST_READ: &str = "SELECT COUNT(*) FROM sqlite_schema";
const BEGIN_WRITE: &str = "BEGIN IMMEDIATE";
const END: &str = "ROLLBACK";

/// The upkeep task.
pub(super) struct Upkeep {
    path: PathBuf,
    connection: Option<SqliteConnection>,
    /// Keeps the log from beginning anew while the copy takes what is in it.
    pin: Option<SqliteConnection>,
    copier: Option<Copier>,
    counters: Arc<Counters>,
    disk: DiskGuard,
    seen_commits: u64,
    idle_looks: u32,
    /// The log was emptied since the last commit.
    emptied: bool,
    /// Held so that no other process takes the directory before this task ended.
    _lock: Arc<File>,
}

impl Upkeep {
    pub(super) fn new(
        path: PathBuf,
        counters: Arc<Counters>,
        disk: DiskGuard,
        copier: Option<Copier>,
        lock: Arc<File>,
    ) -> Self {
        Self {
            path,
            connection: None,
            pin: None,
            copier,
            counters,
            disk,
            seen_commits: 0,
            idle_looks: 0,
            emptied: false,
            _lock: lock,
        }
    }

    /// Looks every second until the store closes.
    pub(super) async fn run(mut self, mut closing: watch::Receiver<bool>) {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                _ = closing.changed() => break,
                _ = ticks.tick() => self.look().await,
            }
        }
        let connections = [self.connection.take(), self.pin.take()];
        for connection in connections.into_iter().flatten() {
            let _ = connection.close().await;
        }
    }

    pub(super) async fn look(&mut self) {
        let disk = self.disk.clone();
        let measured = tokio::task::spawn_blocking(move || {
            disk.look();
        });
        let _ = measured.await;
        if let Err(error) = self.checkpoint().await {
            tracing::warn!(%error, "a checkpoint failed; it is tried again");
            self.connection = None;
            self.pin = None;
        }
    }

    async fn checkpoint(&mut self) -> Result<(), sqlx::Error> {
        let Some(copier) = self.copier.clone() else {
            return self.checkpoint_freely().await;
        };
        match copier.begin_turn(self.disk.is_exhausted()) {
            Turn::Free => self.checkpoint_freely().await,
            Turn::Pause => Ok(()),
            Turn::Follow => self.checkpoint_behind(copier).await,
        }
    }

    /// Checkpoints no more than the copy was given.
    async fn checkpoint_behind(&mut self, copier: Copier) -> Result<(), sqlx::Error> {
        self.emptied = false;
        let mut before = 0;
        for _ in 0..ROUNDS {
            let passed = self.follow(copier.clone()).await?;
            if passed.log < LOG_PAGES {
                return Ok(());
            }
            if passed.is_nearly_done(before) {
                return self.empty_behind(copier).await;
            }
            before = passed.done;
        }
        // Too much is committed, or a long reader such as a backup is in the way: the
        // next look goes on.
        Ok(())
    }

    /// Queues and checkpoints beside whoever writes.
    async fn follow(&mut self, copier: Copier) -> Result<Passed, sqlx::Error> {
        self.begin(BEGIN_READ).await?;
        // Everything that the reader sees is queued now, and more may be.
        let follows = gather(copier.clone()).await;
        let passed = if follows && !self.disk.is_exhausted() {
            self.run_checkpoint(PASSIVE).await?
        } else {
            Passed::default()
        };
        self.end().await?;
        Ok(passed)
    }

    /// Nobody writes while the last few frames are queued and checkpointed; then the
    /// next commit begins the log anew.
    async fn empty_behind(&mut self, copier: Copier) -> Result<(), sqlx::Error> {
        self.begin(BEGIN_WRITE).await?;
        if gather(copier).await {
            self.run_checkpoint(PASSIVE).await?;
        }
        self.end().await
    }

    /// Begins a transaction that is there for its locks alone.
    async fn begin(&mut self, statement: &'static str) -> Result<(), sqlx::Error> {
        let connection = match self.pin.take() {
            Some(connection) => connection,
            None => connect::checkpointing(&self.path).await?,
        };
        let pin = self.pin.insert(connection);
        pin.execute(statement).await?;
        pin.fetch_one(FIRST_READ).await?;
        Ok(())
    }

    async fn end(&mut self) -> Result<(), sqlx::Error> {
        if let Some(pin) = &mut self.pin {
            pin.execute(END).await?;
        }
        Ok(())
    }

    async fn checkpoint_freely(&mut self) -> Result<(), sqlx::Error> {
        if self.disk.is_exhausted() {
            // The writer does, after each of its turns. And an emptied log would leave
            // its room to whatever fills the disk.
            return Ok(());
        }
        let commits = self.counters.commits();
        if commits == self.seen_commits {
            self.idle_looks = self.idle_looks.saturating_add(1);
            if self.idle_looks >= IDLE_LOOKS && !self.emptied {
                // A reader may be in the way: then again at the next look.
                self.emptied = self.run_checkpoint(TRUNCATE).await?.log == 0;
            }
            return Ok(());
        }
        self.emptied = false;
        self.seen_commits = commits;
        self.idle_looks = 0;
        let passed = self.run_checkpoint(PASSIVE).await?;
        if passed.log > LOG_PAGES && passed.log - passed.done < LONG_READER_PAGES {
            self.run_checkpoint(TRUNCATE).await?;
        }
        Ok(())
    }

    async fn run_checkpoint(&mut self, statement: &'static str) -> Result<Passed, sqlx::Error> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => connect::checkpointing(&self.path).await?,
        };
        let connection = self.connection.insert(connection);
        let row = connection.fetch_one(statement).await?;
        Ok(Passed {
            log: row.try_get(1)?,
            done: row.try_get(2)?,
        })
    }
}

/// What a checkpoint left, in pages.
#[derive(Clone, Copy, Debug, Default)]
struct Passed {
    /// In the log.
    log: i64,
    /// Of those, carried into the file.
    done: i64,
}

impl Passed {
    /// Whether so little is left, and came during a checkpoint that was itself so
    /// short, that writers can wait for the rest. `before` is what the checkpoint
    /// before this one had done.
    fn is_nearly_done(self, before: i64) -> bool {
        let little = if self.log < FULL_LOG_PAGES {
            LAST_PAGES
        } else {
            LONG_READER_PAGES
        };
        self.log - self.done < little && self.done - before < little
    }
}

/// Queues for the copy what was committed; answers whether it still follows.
async fn gather(copier: Copier) -> bool {
    tokio::task::spawn_blocking(move || copier.gather())
        .await
        .unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writers_wait_only_while_little_is_left() {
        let passed = |log, done| Passed { log, done };
        assert!(passed(20_000, 19_900).is_nearly_done(19_800));
        // The checkpoint before was long, so that as much may have come during it.
        assert!(!passed(20_000, 19_900).is_nearly_done(0));
        // A long reader is in the way.
        assert!(!passed(20_000, 5_000).is_nearly_done(5_000));
        assert!(!passed(200_000, 5_000).is_nearly_done(5_000));
        // The log must not grow for ever.
        assert!(passed(200_000, 197_000).is_nearly_done(194_000));
    }
}
