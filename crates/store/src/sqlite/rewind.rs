//! One checkpoint at a time, of upkeep or of the writer; and after one that failed the
//! next writes every page again ([`crate::backfill`]).

use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::backfill::Backfill;
use crate::failure;

/// The right to checkpoint one database. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Checkpoints(Arc<Mutex<Backfill>>);

/// A checkpoint that may run; no other does meanwhile. One that is dropped before its
/// end counts as failed.
#[derive(Debug)]
pub(super) struct Checkpoint(OwnedMutexGuard<Backfill>);

impl Checkpoints {
    pub(super) fn of(database: &Path) -> Self {
        Self(Arc::new(Mutex::new(Backfill::of(database))))
    }

    /// Waits for the one that runs.
    pub(super) async fn begin(&self) -> io::Result<Checkpoint> {
        let held = Arc::clone(&self.0).lock_owned().await;
        if !held.is_doubtful() {
            return Checkpoint::begin(held);
        }
        // A disk that fails may also hang.
        let begun = tokio::task::spawn_blocking(move || Checkpoint::begin(held));
        begun
            .await
            .unwrap_or_else(|error| Err(io::Error::other(error)))
    }

    /// Waits for nobody: nothing while another one runs.
    pub(super) fn try_begin(&self) -> io::Result<Option<Checkpoint>> {
        Arc::clone(&self.0)
            .try_lock_owned()
            .ok()
            .map(Checkpoint::begin)
            .transpose()
    }

    /// Whether the last connection may checkpoint when it is closed.
    pub(super) fn settle(&self) -> bool {
        self.0
            .try_lock()
            .is_ok_and(|mut held| held.take_back().is_ok())
    }
}

impl Checkpoint {
    fn begin(mut held: OwnedMutexGuard<Backfill>) -> io::Result<Self> {
        held.take_back()?;
        held.set_doubtful(true);
        Ok(Self(held))
    }

    /// How it ended.
    pub(super) fn end<T>(mut self, answer: &Result<T, sqlx::Error>) {
        let failed = answer.as_ref().is_err_and(failure::is_of_disk);
        self.0.set_doubtful(failed);
    }
}

#[cfg(test)]
mod tests;
