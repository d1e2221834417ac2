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
use crate::disk::DiskGuard;
use crate::stats::Counters;

/// How often it looks.
const EVERY: Duration = Duration::from_secs(1);
/// Looks without a commit after which the log is emptied.
const IDLE_LOOKS: u32 = 5;
/// Pages in the log from which it is emptied although there are commits: 64 MiB.
const LOG_PAGES: i64 = 16_384;

const PASSIVE: &str = "PRAGMA wal_checkpoint(PASSIVE)";
const TRUNCATE: &str = "PRAGMA wal_checkpoint(TRUNCATE)";

/// The upkeep task.
pub(super) struct Upkeep {
    path: PathBuf,
    connection: Option<SqliteConnection>,
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
        lock: Arc<File>,
    ) -> Self {
        Self {
            path,
            connection: None,
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
        if let Some(connection) = self.connection.take() {
            let _ = connection.close().await;
        }
    }

    pub(super) async fn look(&mut self) {
        let disk = self.disk.clone();
        let measured = tokio::task::spawn_blocking(move || {
            disk.measure();
            disk.ensure_ballast();
        });
        let _ = measured.await;
        if let Err(error) = self.checkpoint().await {
            tracing::warn!(%error, "a checkpoint failed; it is tried again");
            self.connection = None;
        }
    }

    async fn checkpoint(&mut self) -> Result<(), sqlx::Error> {
        let commits = self.counters.commits();
        if commits == self.seen_commits {
            self.idle_looks = self.idle_looks.saturating_add(1);
            if self.idle_looks >= IDLE_LOOKS && !self.emptied {
                // A reader may be in the way: then again at the next look.
                self.emptied = self.run_checkpoint(TRUNCATE).await? == 0;
            }
            return Ok(());
        }
        self.emptied = false;
        self.seen_commits = commits;
        self.idle_looks = 0;
        let pages = self.run_checkpoint(PASSIVE).await?;
        if pages > LOG_PAGES {
            self.run_checkpoint(TRUNCATE).await?;
        }
        Ok(())
    }

    /// Answers how many pages the log holds.
    async fn run_checkpoint(&mut self, statement: &'static str) -> Result<i64, sqlx::Error> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => connect::checkpointing(&self.path).await?,
        };
        let connection = self.connection.insert(connection);
        connection.fetch_one(statement).await?.try_get(1)
    }
}
