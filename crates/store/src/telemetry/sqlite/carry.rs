//! Carries a file's log into the file, so that its writer never has to.

use rusqlite::Connection;

/// Pages in a log from which on the writer is let begin it anew: 16 MiB of a day file.
const REUSE_LOG_PAGES: i64 = 4 * 1024;
/// Pages that may be left for the moment in which the writer waits: 1 MiB.
const GATED_PAGES: i64 = 256;
/// How often a checkpoint follows the writer before that moment.
const MAX_PASSES: u32 = 8;
/// Pages in a log at which its readers are waited for.
const MAX_LOG_PAGES: i64 = 64 * 1024;

/// Carries over what is in the log while the writer goes on. The log is begun anew
/// once it is large, in place, and cut off if `truncate`. `gate` keeps the writer
/// waiting for as long as what it answers lives.
pub(super) fn carry<G>(
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
