//! Carries a file's log into the file, so that its writer never has to.

use std::io;
use std::path::Path;

use rusqlite::{Connection, ErrorCode};

use crate::backfill::Backfill;

/// Pages in a log from which on the writer is let begin it anew: 16 MiB of a day file.
const REUSE_LOG_PAGES: i64 = 4 * 1024;
/// Pages that may be left for the moment in which the writer waits: 1 MiB.
const GATED_PAGES: i64 = 256;
/// How often a checkpoint follows the writer before that moment.
const MAX_PASSES: u32 = 8;
/// Pages in a log at which its readers are waited for.
const MAX_LOG_PAGES: i64 = 64 * 1024;

/// The log of a file, as the only one knows it who carries it over: on closing its last
/// connection SQLite does so too, and nobody else closes that before this one.
pub(super) struct Log {
    /// None once it is let go.
    connection: Option<Connection>,
    backfill: Backfill,
}

impl Log {
    /// The log of the database at `path`, carried over by `connection`.
    pub(super) fn of(path: &Path, connection: Connection) -> Self {
        Self {
            connection: Some(connection),
            backfill: Backfill::of(path),
        }
    }

    /// Whether a checkpoint failed and none has mended that yet.
    pub(super) fn is_doubtful(&self) -> bool {
        self.backfill.is_doubtful()
    }

    /// Carries over what is in the log while the writer goes on. The log is begun anew
    /// once it is large, in place, and cut off if `truncate`. `gate` keeps the writer
    /// waiting for as long as what it answers lives. After a checkpoint that failed on
    /// the disk every page of the log is written again.
    pub(super) fn carry<G>(
        &mut self,
        truncate: bool,
        gate: impl FnOnce() -> G,
    ) -> Result<(), CarryError> {
        let Some(connection) = &self.connection else {
            return Ok(());
        };
        self.backfill.take_back()?;
        // Also where it does not return.
        self.backfill.set_doubtful(true);
        let carried = carry(connection, truncate, gate);
        let failed = carried.as_ref().is_err_and(is_of_disk);
        self.backfill.set_doubtful(failed);
        Ok(carried?)
    }
}

impl Drop for Log {
    /// Where it is doubtful what is in the file, whoever closes it last finds that
    /// nothing is; or the connection stays open, so that nobody is the last.
    fn drop(&mut self) {
        if self.backfill.take_back().is_err() {
            std::mem::forget(self.connection.take());
        }
    }
}

/// Why a log was not carried over.
#[derive(Debug, thiserror::Error)]
pub(super) enum CarryError {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error("the log's index cannot be written: {0}")]
    Index(#[from] io::Error),
}

/// Whether the file system failed, rather than that a lock was not to be had.
fn is_of_disk(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen)
    )
}

fn carry<G>(
    connection: &Connection,
    truncate: bool,
    gate: impl FnOnce() -> G,
) -> rusqlite::Result<()> {
    let run = |mode: &str| -> rusqlite::Result<(i64, i64)> {
        connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
            Ok((row.get(1)?, row.get(2)?))
        })
    };
    let (mut pages, mut carried) = run("PASSIVE")?;
    if truncate {
        let _gate = gate();
        return run("TRUNCATE").map(drop);
    }
    if pages < REUSE_LOG_PAGES {
        return Ok(());
    }
    // The writer goes on meanwhile; what it adds is less each time.
    for _ in 0..MAX_PASSES {
        if pages - carried <= GATED_PAGES {
            break;
        }
        (pages, carried) = run("PASSIVE")?;
    }
    // With the last pages carried over while nobody writes, the next write
    // begins the log anew: in place, which flushes faster than growing, and
    // without cutting it off, which would be waited for.
    let _gate = gate();
    (pages, carried) = run("PASSIVE")?;
    if pages >= MAX_LOG_PAGES && carried < pages {
        // A reader holds the log: it must not grow without end.
        run("TRUNCATE")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
