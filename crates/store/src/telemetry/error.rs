//! Why a sample was not stored or not found.

use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;

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
    /// A file or directory cannot be used.
    #[error("cannot use {}: {reason}: move it away or repair it, then start again", path.display())]
    Open {
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
    pub(super) fn open(path: &Path, error: &dyn Display) -> Self {
        match rights::obstacle(path) {
            Some(why) => Self::Denied {
                path: path.into(),
                why: why.into(),
            },
            None => Self::Open {
                path: path.into(),
                reason: error.to_string().into(),
            },
        }
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
