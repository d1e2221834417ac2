//! How much of a log its index notes as carried into the database file, and how that is
//! taken back.
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
//! it began with: therefore no two may run at once.
//!
//! A process that starts counts the log anew, so nothing is left to do there.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::IntoRawFd as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use crate::sqlite::connect;

/// Where in the index the number of frames stands that are in the database file.
const NOTE_AT: u64 = 96;
/// None of them: the same in either byte order.
const NONE: [u8; 4] = [0; 4];

/// What the index of one database's log notes.
#[derive(Debug)]
pub(crate) struct Backfill {
    index: PathBuf,
    file: Option<File>,
    is_doubtful: bool,
}

impl Backfill {
    pub(crate) fn of(database: &Path) -> Self {
        Self {
            index: connect::sibling(database, "-shm"),
            file: None,
            is_doubtful: false,
        }
    }

    /// Whether a checkpoint failed on the disk, or did not end.
    pub(crate) fn is_doubtful(&self) -> bool {
        self.is_doubtful
    }

    pub(crate) fn set_doubtful(&mut self, is_doubtful: bool) {
        self.is_doubtful = is_doubtful;
    }

    /// Takes back what is noted, where it is doubtful: the next checkpoint writes every
    /// page of the log again.
    pub(crate) fn take_back(&mut self) -> io::Result<()> {
        if !self.is_doubtful {
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
        tracing::warn!(
            index = %self.index.display(),
            "a checkpoint failed: the next one writes every page of the log again"
        );
        self.is_doubtful = false;
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

impl Drop for Backfill {
    /// The index stays open until the process ends, once it was opened: closing any
    /// descriptor of it would drop SQLite's locks, which are the process's.
    fn drop(&mut self) {
        if let Some(file) = self.file.take() {
            let _ = file.into_raw_fd();
        }
    }
}
