//! The writer on a full disk: how an SOS comes by room.
//!
//! A commit adds to the write-ahead log, and a checkpoint carries the log over into
//! the database file, which grows by much less. On a disk that is exhausted the writer
//! therefore checkpoints after each of its turns, and before it gives up anything: the
//! next commit begins the log anew, in the room that the log has already. Only when
//! that is not enough does it give up a piece of the ballast, which then goes to the
//! file rather than to the log.

use std::time::Duration;

use tokio::time::Instant;

use crate::copy::Copier;
use crate::error::StoreError;
use crate::failure;

use super::direct;
use super::writer::Writer;

/// Waits for nobody: what a reader still needs stays in the log.
const CHECKPOINT: &str = "PRAGMA wal_checkpoint(PASSIVE)";
/// For how long a checkpoint that failed is not tried again, unless there is more room:
/// on a disk without any it fails after most of its work.
const STUCK_FOR: Duration = Duration::from_secs(1);

/// What was tried to make room.
#[derive(Debug, Default)]
pub(super) struct Room {
    /// Whether the file system failed since the last commit, and did not say that it is
    /// full.
    failing: Failing,
    /// The log was carried over since the last commit, and it did not help.
    carried: bool,
    /// When a checkpoint failed, if none succeeded since.
    stuck_at: Option<Instant>,
}

/// A file system that is full says so in many ways. One that fails twice running, on a
/// new connection too, may be one whose quota is used up: a piece of the ballast is worth
/// less than an SOS. All of it is not, on a disk that lacks no room: each command that
/// fails costs one piece at most.
#[derive(Clone, Copy, Debug, Default)]
enum Failing {
    #[default]
    No,
    /// The next failure gets a piece of the ballast.
    Once,
    /// It got one, and that did not help.
    InVain,
}

impl Room {
    /// There was room for a commit.
    pub(super) const fn commit(&mut self) {
        self.failing = Failing::No;
        self.carried = false;
    }
}

impl Writer {
    /// Makes room where that is what is missing; answers whether there is some now.
    pub(super) fn make_room(&mut self, error: &sqlx::Error) -> bool {
        let of_disk = failure::is_of_disk(error);
        if failure::is_disk_full(error) || (of_disk && self.disk.is_used_up()) {
            self.disk.exhaust();
            return self.take_room();
        }
        if !of_disk {
            return false;
        }
        let (next, gives) = match self.room.failing {
            Failing::No | Failing::InVain => (Failing::Once, false),
            Failing::Once => (Failing::InVain, true),
        };
        self.room.failing = next;
        gives && self.disk.release_piece()
    }

    fn take_room(&mut self) -> bool {
        if !std::mem::replace(&mut self.room.carried, true) && self.carry_over() {
            return true;
        }
        if !self.disk.release_piece() {
            return false;
        }
        self.room.stuck_at = None;
        // Whatever comes of it, there is a piece more than there was.
        self.carry_over();
        true
    }

    /// Carries the log over into the file; answers whether all of it was, so that the
    /// next commit begins the log anew.
    pub(super) fn carry_over(&mut self) -> bool {
        let stuck = self.room.stuck_at;
        if stuck.is_some_and(|since| since.elapsed() < STUCK_FOR) {
            return false;
        }
        let _barred = self.copier.clone().map(Copier::bar);
        let carried = self.checkpoint();
        self.room.stuck_at = carried.is_err().then(Instant::now);
        match carried {
            Ok(all) => all,
            Err(error) => {
                tracing::debug!(%error, "the log cannot be carried over");
                self.drop_connection();
                false
            }
        }
    }

    fn checkpoint(&mut self) -> Result<bool, StoreError> {
        let told = |error| StoreError::of_statement(CHECKPOINT, error);
        self.connect()?;
        let connection = self.connection.as_mut().ok_or(StoreError::Closed)?;
        let begun = self.checkpoints.try_begin();
        let Some(checkpoint) = begun.map_err(|error| told(error.into()))? else {
            // One of upkeep runs, and nobody waits for it here.
            return Ok(false);
        };
        let answer = connection.fetch_all(CHECKPOINT, direct::NONE);
        checkpoint.end(&answer);
        let rows = answer.map_err(told)?;
        let row = rows.first().map_or(&[][..], Vec::as_slice);
        let figure = |index: usize| {
            direct::read::<i64>(row, index).map_err(|reason| StoreError::column(index, reason))
        };
        let (busy, log, done) = (figure(0)?, figure(1)?, figure(2)?);
        Ok(busy == 0 && log == done)
    }
}
