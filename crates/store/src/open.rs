//! Why a store could not be opened: each error is one line that says what to do.

use std::path::PathBuf;

use crate::error::StoreError;
use crate::failure;

/// Why a store could not be opened. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("the data directory {path} is in use by another mayday: stop it, or choose another --data-dir", path = path.display())]
    InUse {
        /// The data directory.
        path: PathBuf,
    },
    /// Others may enter the data directory, and it is not ours to close.
    #[error("the data directory {path} is open to others and belongs to another user (uid {owner}): give it to the user that runs mayday, or name a directory below it with --data-dir, which is made private", path = path.display())]
    Foreign {
        /// The data directory.
        path: PathBuf,
        /// Its owner's user id.
        owner: u32,
    },
    /// The data directory's name is another thing's.
    #[error("the data directory {path} is not a directory: name another with --data-dir", path = path.display())]
    NotADirectory {
        /// What has the name.
        path: PathBuf,
    },
    /// A permission is missing.
    #[error("cannot {action} {path}: permission denied: {why}", path = path.display())]
    Denied {
        /// What was tried, such as "create".
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// Which permission is missing and what to do.
        why: String,
    },
    /// A file or directory cannot be used.
    #[error("cannot {action} {path}: {source}", path = path.display())]
    Io {
        /// What was tried, such as "create".
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The database is not one, or is damaged.
    #[error("the database {path} is damaged ({reason}): restore it from a backup; nothing was changed", path = path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The database is gone, yet the directory was in use.
    #[error("the database {path} is missing or empty, yet {witness} tells that there was one: restore it from a copy, or move the directory away to begin anew; nothing was changed", path = path.display())]
    Lost {
        /// The file.
        path: PathBuf,
        /// What tells of it.
        witness: &'static str,
    },
    /// The database was written by a newer mayday.
    #[error(
        "the database has schema {found}, this mayday knows {known}: start the newer mayday that wrote it"
    )]
    Newer {
        /// The schema found.
        found: i64,
        /// The newest this binary knows.
        known: i64,
    },
    /// A migration that was applied is not the one in this binary.
    #[error(
        "the database's schema step {name} is not this mayday's: start the mayday that wrote it"
    )]
    Altered {
        /// The step.
        name: String,
    },
    /// The database holds nothing, and the command would make nothing.
    #[error(
        "the database is empty: check --database, or begin with `mayday serve` or `mayday app create`"
    )]
    Empty,
    /// The master key is missing.
    #[error("the master key {path} is missing, yet the database holds secrets sealed with it: restore the file, or name with --data-dir the directory where it lies", path = path.display())]
    KeyMissing {
        /// Where it must be.
        path: PathBuf,
    },
    /// The master key is another one.
    #[error("the master key {path} is not the one that sealed this database: restore the right file", path = path.display())]
    KeyOther {
        /// The file.
        path: PathBuf,
    },
    /// The master key is being rotated, and the new one is not here.
    #[error("a rotation of the master key is under way, and {path} does not hold the new key: copy master.key from the node where `mayday key rotate` was run", path = path.display())]
    KeyNext {
        /// The file.
        path: PathBuf,
    },
    /// The master key's file cannot be understood, or others may read it.
    #[error("the master key {path} is not usable: {reason}", path = path.display())]
    KeyUnusable {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },
    /// A setting of the database is not what durability needs.
    #[error(
        "the database does not keep {setting} at {wanted} (it says {found}): it would lose acknowledged data"
    )]
    Setting {
        /// The setting.
        setting: &'static str,
        /// What it must be.
        wanted: &'static str,
        /// What it is.
        found: String,
    },
    /// The database server cannot be reached or refuses.
    #[error("cannot connect to the database: {text}: check --database and that the server runs", text = failure::text(source))]
    Connect {
        /// What it said.
        #[source]
        source: sqlx::Error,
    },
    /// The database URL cannot be read.
    #[error(
        "the database URL is not valid ({reason}): write it as postgres://user:password@host:port/name"
    )]
    Url {
        /// What is wrong with it.
        reason: String,
    },
    /// A statement failed while opening.
    #[error("the database cannot be prepared: {0}")]
    Store(#[from] StoreError),
}

#[cfg(test)]
mod tests;
