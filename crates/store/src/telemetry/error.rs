//! Why a sample was not stored or not found.

use std::fmt::Display;
use std::io;
use std::path::Path;
use std::sync::Arc;

use rusqlite::ErrorCode;

use crate::rights;

/// Why the telemetry store could not do what it was asked. Cheap to clone,
/// because one failed commit answers many samples.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TelemetryError {
    /// More samples wait than memory may hold.
    #[error("too many samples wait to be written: try again")]
    Busy,
    /// The disk is nearly full; what is left is for SOS.
    #[error("the disk is nearly full: free space, telemetry is stopped until then")]
    DiskLow,
    /// The writer is stuck and the spill table has reached its limit.
    #[error("the telemetry writer is stuck and the spill table is full: look at the disk")]
    SpillFull,
    /// The store is closing.
    #[error("the telemetry store is closed")]
    Closed,
    /// A file or directory cannot be used until somebody mends it.
    #[error("cannot use {}: {reason}: move it away or repair it, then start again", path.display())]
    Open {
        /// What could not be used.
        path: Arc<Path>,
        /// Why.
        reason: Arc<str>,
    },
    /// A file or directory cannot be used now, for a reason that may pass: a full disk.
    #[error("cannot use {}: {reason}", path.display())]
    Unopened {
        /// What could not be used.
        path: Arc<Path>,
        /// Why.
        reason: Arc<str>,
    },
    /// A permission is missing.
    #[error("cannot use {}: permission denied: {why}", path.display())]
    Denied {
        /// What could not be used.
        path: Arc<Path>,
        /// Which permission is missing and what to do.
        why: Arc<str>,
    },
    /// A file was written by a newer version.
    #[error("{} was written by a newer version: start that one", path.display())]
    Newer {
        /// The file.
        path: Arc<Path>,
    },
    /// A commit failed.
    #[error("telemetry could not be written: {0}")]
    Write(Arc<str>),
    /// A query failed.
    #[error("telemetry could not be read: {0}")]
    Read(Arc<str>),
}

impl TelemetryError {
    /// What the system or SQLite said of a path. SQLite does not say which
    /// permission it missed, so the file system is asked.
    pub(super) fn open(path: &Path, error: &dyn Obstacle) -> Self {
        let (path, reason): (Arc<Path>, Arc<str>) = (path.into(), error.to_string().into());
        match rights::obstacle(&path) {
            Some(why) => Self::Denied {
                path,
                why: why.into(),
            },
            None if error.is_lasting() => Self::Open { path, reason },
            None => Self::Unopened { path, reason },
        }
    }

    /// What SQLite said while an open file was read: damage is the file's.
    pub(super) fn read_of(path: &Path, error: &rusqlite::Error) -> Self {
        if error.is_lasting() {
            Self::open(path, error)
        } else {
            Self::read(error)
        }
    }

    /// The same while it was written.
    pub(super) fn write_of(path: &Path, error: &rusqlite::Error) -> Self {
        if error.is_lasting() {
            Self::open(path, error)
        } else {
            Self::write(error)
        }
    }

    /// Whether a file stays as unusable as it is until somebody mends it.
    pub(super) fn is_lasting(&self) -> bool {
        matches!(
            self,
            Self::Open { .. } | Self::Denied { .. } | Self::Newer { .. }
        )
    }

    /// Refuses a file that may not be written before SQLite opens it: beside a
    /// read-only one it would make others, as read-only as that.
    pub(super) fn require_writable(path: &Path) -> Result<(), Self> {
        rights::obstacle(path).map_or(Ok(()), |why| {
            Err(Self::Denied {
                path: path.into(),
                why: why.into(),
            })
        })
    }

    pub(super) fn write(error: &dyn Display) -> Self {
        Self::Write(error.to_string().into())
    }

    pub(super) fn read(error: &dyn Display) -> Self {
        Self::Read(error.to_string().into())
    }
}

/// What stands between this process and a file.
pub(super) trait Obstacle: Display {
    /// Whether it stands there until somebody mends it: damage, as opposed to a disk that
    /// is full now.
    fn is_lasting(&self) -> bool;
}

impl Obstacle for rusqlite::Error {
    fn is_lasting(&self) -> bool {
        matches!(
            self.sqlite_error_code(),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
        )
    }
}

impl Obstacle for io::Error {
    fn is_lasting(&self) -> bool {
        matches!(
            self.kind(),
            io::ErrorKind::NotADirectory
                | io::ErrorKind::IsADirectory
                | io::ErrorKind::AlreadyExists
                | io::ErrorKind::InvalidInput
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_lasts_and_a_full_disk_does_not() {
        let of = |code: std::ffi::c_int| {
            rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None)
        };
        let path = Path::new("/nowhere/2026-09-09.db");
        for (code, lasts) in [
            (rusqlite::ffi::SQLITE_CORRUPT, true),
            (rusqlite::ffi::SQLITE_NOTADB, true),
            (rusqlite::ffi::SQLITE_FULL, false),
            (rusqlite::ffi::SQLITE_IOERR, false),
            (rusqlite::ffi::SQLITE_CANTOPEN, false),
        ] {
            let error = of(code);
            assert_eq!(
                TelemetryError::open(path, &error).is_lasting(),
                lasts,
                "{code}"
            );
            assert_eq!(TelemetryError::write_of(path, &error).is_lasting(), lasts);
            assert_eq!(TelemetryError::read_of(path, &error).is_lasting(), lasts);
        }
    }
}
