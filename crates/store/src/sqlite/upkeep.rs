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
use crate::failure;
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

/// On a disk that is exhausted a log keeps its length, in which the next commits find
/// room, up to what the disk takes everything again from while there are commits, and up
/// to this part of it without: 8 and 2 MiB, less on a small disk.
const KEPT_WITHOUT_COMMITS: u64 = 4;

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
            Turn::Follow if self.disk.is_exhausted() && self.log_gives_enough() => {
                self.give_log_back(Some(copier)).await;
                Ok(())
            }
            Turn::Follow => self.checkpoint_behind(copier).await,
        }
    }

    /// Checkpoints no more than the copy was given.
    async fn checkpoint_behind(&mut self, copier: Copier) -> Result<(), sqlx::Error> {
        self.emptied = false;
        let mut before = 0;
        for _ in 0..ROUNDS {
            // On an exhausted disk the writer carries the log over.
            let behind = if self.disk.is_exhausted() {
                Behind::Nothing
            } else {
                Behind::Checkpoint
            };
            let passed = self.follow(copier.clone(), behind).await?;
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

    /// Queues for the copy beside whoever writes, and does then what follows behind it.
    async fn follow(&mut self, copier: Copier, behind: Behind) -> Result<Passed, sqlx::Error> {
        self.begin(BEGIN_READ).await?;
        // Everything that the reader sees is queued now, and more may be.
        let follows = gather(copier.clone()).await;
        let passed = match behind {
            Behind::Checkpoint if follows => self.run_checkpoint(PASSIVE).await?,
            Behind::Checkpoint | Behind::Nothing => Passed::default(),
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
            // The writer carries the log over, after each of its turns.
            if self.log_gives_enough() {
                self.give_log_back(None).await;
            }
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

    /// Whether emptying the log ends the shortage on an exhausted disk.
    fn log_gives_enough(&mut self) -> bool {
        let commits = self.counters.commits();
        let is_idle = std::mem::replace(&mut self.seen_commits, commits) == commits;
        let log = connect::sibling(&self.path, "-wal");
        let length = log.metadata().map_or(0, |file| file.len());
        gives_enough(length, is_idle, &self.disk)
    }

    /// Takes from a log what a burst left of it on a disk that is exhausted, which may be
    /// most of what there was. That is done only where it ends the shortage: the ballast
    /// takes its share of the room at once, and whatever else fills the disk gets nothing
    /// that an SOS would have had.
    async fn give_log_back(&mut self, copier: Option<Copier>) {
        match self.empty_log(copier).await {
            Ok(false) => {}
            Ok(true) => {
                let disk = self.disk.clone();
                let looked = tokio::task::spawn_blocking(move || disk.look());
                let _ = looked.await;
            }
            Err(error) => {
                tracing::debug!(%error, "the log cannot be emptied; it is tried again");
                self.connection = None;
                self.pin = None;
            }
        }
    }

    /// Empties the log where so little is left to carry over that writers can wait for it;
    /// whether it did. No copy that follows the log survives that.
    async fn empty_log(&mut self, copier: Option<Copier>) -> Result<bool, sqlx::Error> {
        let passed = self.carry_over(copier.as_ref()).await?;
        if passed.log == 0 || passed.log - passed.done >= LAST_PAGES {
            return Ok(false);
        }
        if let Some(copier) = copier {
            copier.let_go();
        }
        let passed = self.run_checkpoint(TRUNCATE).await?;
        self.emptied = passed.log == 0;
        Ok(self.emptied)
    }

    /// Carries the log over into the file, which grows by less than the log gives. What it
    /// lacks for that is lent from the ballast, of which enough is left for an SOS.
    async fn carry_over(&mut self, copier: Option<&Copier>) -> Result<Passed, sqlx::Error> {
        loop {
            let carried = match copier {
                Some(copier) => self.follow(copier.clone(), Behind::Checkpoint).await,
                None => self.run_checkpoint(PASSIVE).await,
            };
            match carried {
                Err(error) if failure::is_disk_full(&error) && self.lend_piece().await => {
                    self.connection = None;
                    self.pin = None;
                }
                carried => return carried,
            }
        }
    }

    async fn lend_piece(&self) -> bool {
        let disk = self.disk.clone();
        let lent = tokio::task::spawn_blocking(move || {
            disk.ballast_bytes() > disk.room_bytes() && disk.release_piece()
        });
        lent.await.unwrap_or(false)
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

/// Whether a log of so many bytes is worth emptying on a disk that is exhausted, and
/// ends that.
fn gives_enough(length: u64, is_idle: bool, disk: &DiskGuard) -> bool {
    let room = disk.room_bytes();
    let kept = if is_idle {
        room / KEPT_WITHOUT_COMMITS
    } else {
        room
    };
    length > kept && disk.free_bytes().saturating_add(length) >= room
}

/// What follows when the copy was given what was committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Behind {
    /// A checkpoint of no more than that.
    Checkpoint,
    /// Nothing: others checkpoint.
    Nothing,
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
    fn a_log_is_emptied_where_that_ends_the_shortage() {
        const MIB: u64 = 1 << 20;
        let directory = tempfile::tempdir().unwrap();
        // Of a gibibyte and more: it takes everything again from 8 MiB on.
        let disk = DiskGuard::new(directory.path(), crate::disk::DiskLimits::default());
        disk.pretend(MIB);
        assert_eq!(disk.room_bytes(), 8 * MIB);
        assert!(!gives_enough(4 * MIB, true, &disk), "others would get it");
        assert!(gives_enough(7 * MIB, true, &disk));
        assert!(!gives_enough(7 * MIB, false, &disk), "commits reuse it");
        assert!(gives_enough(9 * MIB, false, &disk));
        disk.pretend(20 * MIB);
        assert!(!gives_enough(2 * MIB, true, &disk), "it is kept");
    }

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
