//! What runs beside the writer: checkpoints from another connection, so that none falls
//! into a commit while there is room (on a full disk [`super::room`] has the writer do
//! them, too), and an eye on the disk.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection as _, Executor as _, Row as _};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use super::connect;
use super::rewind::Checkpoints;
use crate::copy::{Copier, Turn};
use crate::disk::DiskGuard;
use crate::failure;
use crate::stats::Counters;

/// How often it looks.
const EVERY: Duration = Duration::from_secs(1);
/// Quiet looks after which the log is emptied.
const IDLE_LOOKS: u32 = 5;
/// Most commits since the look before in a quiet one: a server's heartbeat is one every
/// other look.
const QUIET_COMMITS: u64 = 1;
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
    checkpoints: Checkpoints,
    counters: Arc<Counters>,
    disk: DiskGuard,
    seen_commits: u64,
    idle_looks: u32,
    /// The log was emptied, and what came since was quiet.
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
        checkpoints: Checkpoints,
        lock: Arc<File>,
    ) -> Self {
        Self {
            path,
            connection: None,
            pin: None,
            copier,
            checkpoints,
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
        let is_doubtful = self.copier.as_ref().is_some_and(Copier::is_doubtful);
        let commits = self.counters.commits();
        let fresh = commits.saturating_sub(std::mem::replace(&mut self.seen_commits, commits));
        if fresh > QUIET_COMMITS {
            self.emptied = false;
            self.idle_looks = 0;
        } else {
            self.idle_looks = self.idle_looks.saturating_add(1);
        }
        if self.idle_looks >= IDLE_LOOKS && !self.emptied {
            // A reader may be in the way: then again at the next look.
            self.emptied = self.empty().await?;
            return Ok(());
        }
        if fresh == 0 && !is_doubtful {
            return Ok(());
        }
        let passed = self.run_checkpoint(PASSIVE).await?;
        let is_wanted = is_doubtful || passed.log > LOG_PAGES;
        if is_wanted && passed.log - passed.done < LONG_READER_PAGES {
            self.empty().await?;
        }
        Ok(())
    }

    /// Empties the log, if no reader is in the way; whether it did.
    async fn empty(&mut self) -> Result<bool, sqlx::Error> {
        // Before, so that a commit which fails meanwhile is not forgotten.
        let doubted = self.copier.clone().filter(Copier::forget_doubt);
        let passed = self.run_checkpoint(TRUNCATE).await;
        let is_empty = passed.as_ref().is_ok_and(|passed| passed.is_emptied());
        if let Some(copier) = doubted.filter(|_| !is_empty) {
            copier.doubt();
        }
        passed.map(|_| is_empty)
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
        if !passed.leaves_little() {
            return Ok(false);
        }
        if let Some(copier) = copier {
            copier.let_go();
        }
        self.emptied = self.empty().await?;
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
        let checkpoint = self.checkpoints.begin().await?;
        let answer = connection.fetch_one(statement).await;
        checkpoint.end(&answer);
        let row = answer?;
        Ok(Passed {
            is_held_up: row.try_get::<i64, _>(0)? != 0,
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

/// What a checkpoint left, in pages; -1 of a checkpoint that met another one.
#[derive(Clone, Copy, Debug, Default)]
struct Passed {
    /// Somebody was in the way.
    is_held_up: bool,
    /// In the log.
    log: i64,
    /// Of those, carried into the file.
    done: i64,
}

impl Passed {
    /// Whether the log was emptied, by a checkpoint that empties it.
    const fn is_emptied(self) -> bool {
        !self.is_held_up && self.log == 0
    }

    /// Whether there is something in the log, and writers can wait for what is left of it.
    const fn leaves_little(self) -> bool {
        self.log > 0 && self.log - self.done < LAST_PAGES
    }

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
    use crate::disk::DiskLimits;
    use crate::sqlite::direct;
    use crate::testing::START;

    #[tokio::test]
    async fn an_idle_log_is_emptied_beside_a_heartbeat() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.db");
        File::create(&path).unwrap();
        let mut writer = connect::writing(&path).unwrap();
        writer.execute("CREATE TABLE t (a)", direct::NONE).unwrap();
        let log = connect::sibling(&path, "-wal");
        let limits = DiskLimits {
            ballast_bytes: 0,
            ..DiskLimits::default()
        };
        let counters = Arc::new(Counters::default());
        counters.committed(9, Duration::ZERO, START);
        counters.committed(9, Duration::ZERO, START);
        let disk = DiskGuard::new(directory.path(), limits);
        let lock = Arc::new(File::open(&path).unwrap());
        let checkpoints = Checkpoints::of(&path);
        let mut upkeep = Upkeep::new(path, Arc::clone(&counters), disk, None, checkpoints, lock);
        let mut lengths = Vec::new();
        for look in 0..20 {
            if look % 2 == 1 {
                writer
                    .execute("INSERT INTO t VALUES (1)", direct::NONE)
                    .unwrap();
                counters.committed(1, Duration::ZERO, START);
            }
            upkeep.look().await;
            lengths.push(log.metadata().unwrap().len());
        }
        let emptied = lengths.iter().filter(|length| **length == 0).count();
        assert!((1..=2).contains(&emptied), "once: {lengths:?}");
    }

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
        let passed = |log, done| Passed {
            is_held_up: false,
            log,
            done,
        };
        assert!(passed(20_000, 19_900).is_nearly_done(19_800));
        // The checkpoint before was long, so that as much may have come during it.
        assert!(!passed(20_000, 19_900).is_nearly_done(0));
        // A long reader is in the way.
        assert!(!passed(20_000, 5_000).is_nearly_done(5_000));
        assert!(!passed(200_000, 5_000).is_nearly_done(5_000));
        // The log must not grow for ever.
        assert!(passed(200_000, 197_000).is_nearly_done(194_000));
    }

    #[test]
    fn a_checkpoint_that_met_another_one_left_nobody_knows_what() {
        let met = Passed {
            is_held_up: true,
            log: -1,
            done: -1,
        };
        assert!(!met.leaves_little());
        assert!(!met.is_emptied());
        let held_up = |log, done| Passed {
            is_held_up: true,
            log,
            done,
        };
        assert!(held_up(300, 200).leaves_little());
        assert!(!held_up(300, 0).leaves_little());
        assert!(!held_up(0, 0).leaves_little(), "nothing to empty");
        assert!(!held_up(0, 0).is_emptied(), "the writer was in the way");
    }
}
