//! One checkpoint at a time; and after one that failed the next writes every page again.
//!
//! A checkpoint that must leave something behind, for a reader, writes pages into the
//! database file without flushing them, and notes in the log's index how many frames are
//! in the file. When the kernel cannot bring such a page to the disk it says so once, at
//! the next flush, and takes the page for written from then on. The checkpoint that hears
//! of it fails. The one after would go on from the note, flush in peace, and let the log
//! begin anew: over the only copy of that page.
//!
//! So the note is taken back first: `nBackfill` in the index, the file `-shm`
//! (<https://www.sqlite.org/walformat.html>). Less than is true is always safe: readers
//! find in the log what they would find in the file, and the log begins anew only when all
//! of it is noted. Only a checkpoint that runs at that moment would set it again, from what
//! it began with: therefore those of upkeep and of the writer exclude each other.
//!
//! A process that starts counts the log anew, so nothing is left to do there.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};

use super::connect;
use crate::failure;

/// Where in the index the number of frames stands that are in the database file.
const NOTE_AT: u64 = 96;
/// None of them: the same in either byte order.
const NONE: [u8; 4] = [0; 4];

/// The right to checkpoint one database. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Checkpoints(Arc<Mutex<Note>>);

#[derive(Debug)]
struct Note {
    index: PathBuf,
    /// The index. Once open it stays so until the store's last connection is closed:
    /// closing any descriptor of it would drop SQLite's locks, which are the process's.
    file: Option<File>,
    /// A checkpoint failed on the disk, or did not end.
    doubtful: bool,
}

/// A checkpoint that may run; no other does meanwhile. One that is dropped before its
/// end counts as failed.
#[derive(Debug)]
pub(super) struct Checkpoint(OwnedMutexGuard<Note>);

impl Checkpoints {
    pub(super) fn of(database: &Path) -> Self {
        Self(Arc::new(Mutex::new(Note {
            index: connect::sibling(database, "-shm"),
            file: None,
            doubtful: false,
        })))
    }

    /// Waits for the one that runs.
    pub(super) async fn begin(&self) -> io::Result<Checkpoint> {
        let held = Arc::clone(&self.0).lock_owned().await;
        if !held.doubtful {
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
    fn begin(mut held: OwnedMutexGuard<Note>) -> io::Result<Self> {
        held.take_back()?;
        held.doubtful = true;
        Ok(Self(held))
    }

    /// How it ended.
    pub(super) fn end<T>(mut self, answer: &Result<T, sqlx::Error>) {
        self.0.doubtful = answer.as_ref().is_err_and(failure::is_of_disk);
    }
}

impl Note {
    /// Takes back what is noted, after a checkpoint that failed.
    fn take_back(&mut self) -> io::Result<()> {
        if !self.doubtful {
            return Ok(());
        }
        if let Err(error) = self.write() {
            tracing::error!(
                %error,
                index = %self.index.display(),
                "a checkpoint failed, and nothing is checkpointed before the log's index can be written"
            );
            return Err(error);
        }
        tracing::warn!("a checkpoint failed: the next one writes every page of the log again");
        self.doubtful = false;
        Ok(())
    }

    fn write(&mut self) -> io::Result<()> {
        let file = match self.file.take() {
            Some(file) => file,
            None => OpenOptions::new().write(true).open(&self.index)?,
        };
        // On Linux what is written is at once in the memory that SQLite maps.
        self.file.insert(file).write_all_at(&NONE, NOTE_AT)
    }
}

#[cfg(test)]
mod tests;
