//! Backups of a data directory, made while a server runs, and their return.
//!
//! [`create()`] copies each SQLite file from one read snapshot of it, in bounded
//! steps, so that the writers go on: first the state store, then `latest.db`, then the
//! journal of telemetry, then the day files. In this order nothing falls between two files: a sample that lies
//! in the spill table when the state is copied is in that copy, and one that was
//! moved on before lies in a day file that is copied later. The day files may hold
//! samples of moments after the state; they are true, and nobody misses what led to
//! them.
//!
//! A [`Manifest`] names each file with its size and SHA-256. Everything is written
//! into a directory beside the target, flushed, and renamed as the last step, so
//! that what has the target's name is whole. [`restore()`] does the same the other
//! way round.

mod create;
mod draft;
mod files;
mod manifest;
mod restore;

use std::io;
use std::path::{Path, PathBuf};

pub use create::{BackupOptions, create};
pub(crate) use manifest::verify;
pub use manifest::{FileEntry, MANIFEST, Manifest};
pub(crate) use restore::{LaidOut, lay_out};
pub use restore::{Restored, restore};

use crate::open::OpenError;

/// How far a backup or its return is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes that were copied.
    pub done_bytes: u64,
    /// Bytes to copy, about.
    pub total_bytes: u64,
}

/// Why there is no backup, or nothing was restored. What was there before is as it
/// was.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is something where the result belongs.
    #[error("{path} exists and is not empty: name a directory that does not exist yet", path = path.display())]
    Taken {
        /// The directory.
        path: PathBuf,
    },
    /// The name of the result names no directory.
    #[error("{path} cannot be made: name a directory below one that exists", path = path.display())]
    Unnamed {
        /// The directory.
        path: PathBuf,
    },
    /// Another process writes the same.
    #[error("another mayday is writing {path}: let it end", path = path.display())]
    AtWork {
        /// The directory.
        path: PathBuf,
    },
    /// There is nothing to back up.
    #[error("there is no mayday data in {path}: name the directory with --data-dir", path = path.display())]
    NoData {
        /// The data directory.
        path: PathBuf,
    },
    /// A backup within the data would be part of the next one.
    #[error("{path} lies in the data directory: name one elsewhere, on another disk", path = path.display())]
    Inside {
        /// The directory.
        path: PathBuf,
    },
    /// A file or directory cannot be used.
    #[error("cannot {action} {path}: {source}", path = path.display())]
    Io {
        /// What was tried, such as "write".
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// SQLite could not read or write a file.
    #[error("cannot copy {path}: {source}", path = path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What it said.
        #[source]
        source: rusqlite::Error,
    },
    /// The directory holds no whole backup.
    #[error("{path} is no whole backup: {reason}", path = path.display())]
    NotWhole {
        /// The directory.
        path: PathBuf,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// A newer mayday made it.
    #[error(
        "this backup was made by mayday {by} and this one does not know its {what}: restore it with that version"
    )]
    Newer {
        /// The version.
        by: String,
        /// What is newer.
        what: &'static str,
    },
    /// The backup holds no key, and none was named.
    #[error(
        "the backup holds no master key: name your copy of master.key with --key (its fingerprint begins with {wanted})"
    )]
    KeyNeeded {
        /// The beginning of the fingerprint.
        wanted: String,
    },
    /// The key that was named is another one.
    #[error("{path} is not the master key of this backup, whose fingerprint begins with {wanted}: name the right file with --key (`mayday key fingerprint` tells)", path = path.display())]
    KeyOther {
        /// The file.
        path: PathBuf,
        /// The beginning of the fingerprint.
        wanted: String,
    },
    /// The key's file cannot be used.
    #[error(transparent)]
    Key(#[from] OpenError),
}

impl BackupError {
    fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = PathBuf::from(path);
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }

    fn sqlite(path: &Path) -> impl FnOnce(rusqlite::Error) -> Self + use<> {
        let path = PathBuf::from(path);
        move |source| Self::Sqlite { path, source }
    }

    fn not_whole(path: &Path, reason: impl Into<String>) -> Self {
        Self::NotWhole {
            path: path.to_owned(),
            reason: reason.into(),
        }
    }
}

#[cfg(test)]
mod tests;
