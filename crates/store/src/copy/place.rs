//! What lies in the copy's directory: a directory for each copy that was begun, and
//! `copy.json`, which names the one that is whole.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use serde::{Deserialize, Serialize};

use super::wal::HEADER_BYTES;
use crate::data_dir::DIRECTORY_MODE;
use crate::files::{self, FILE_MODE};
use crate::sqlite;

/// Names the copy that is whole.
const CURRENT: &str = "copy.json";
/// Its lock says that a server copies into the directory.
const LOCK_FILE: &str = "lock";
/// Raised when the layout changes its meaning.
const FORMAT: u32 = 1;
/// How the directories of copies begin.
const PREFIX: &str = "copy-";
/// Longest `copy.json` that is read.
const CURRENT_LIMIT: u64 = 4_096;
/// How much of the database file is copied at once.
const PIECE_BYTES: usize = 1 << 20;

#[derive(Serialize, Deserialize)]
struct Current {
    format: u32,
    directory: String,
}

/// The directory of the copy that is whole.
pub(crate) fn current(place: &Path) -> io::Result<Option<PathBuf>> {
    let path = place.join(CURRENT);
    let size = match path.metadata() {
        Ok(file) => file.len(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let wrong = |what: &str| io::Error::new(ErrorKind::InvalidData, format!("{CURRENT} {what}"));
    if size > CURRENT_LIMIT {
        return Err(wrong("is too long"));
    }
    let current: Current = serde_json::from_slice(&fs::read(&path)?)?;
    if current.format > FORMAT {
        return Err(wrong("was written by a newer mayday"));
    }
    let plain = current.directory.strip_prefix(PREFIX);
    if !plain.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit())) {
        return Err(wrong("names no directory of ours"));
    }
    Ok(Some(place.join(current.directory)))
}

/// The copy's directory, taken for this server.
pub(super) struct Place {
    directory: PathBuf,
    _lock: Option<File>,
}

impl Place {
    /// Makes it when it is missing, and takes it. It must not lie where `database` does.
    pub(super) fn take(directory: &Path, database: &Path) -> io::Result<Self> {
        DirBuilder::new()
            .recursive(true)
            .mode(DIRECTORY_MODE)
            .create(directory)?;
        let own = database.canonicalize()?;
        let own = own.parent().unwrap_or(&own);
        if directory.canonicalize()?.starts_with(own) {
            return Err(io::Error::new(
                ErrorKind::InvalidInput,
                "it is the data directory, or lies in it: name another in store.copy_dir",
            ));
        }
        let lock = match files::lock(&directory.join(LOCK_FILE)) {
            Ok(None) => {
                return Err(io::Error::new(
                    ErrorKind::ResourceBusy,
                    "another server copies into it: give each server a directory of its own",
                ));
            }
            Ok(lock) => lock,
            // Some network file systems know no locks.
            Err(error) if error.kind() == ErrorKind::Unsupported => None,
            Err(error) => return Err(error),
        };
        Ok(Self {
            directory: directory.to_owned(),
            _lock: lock,
        })
    }

    /// Begins another copy. Of those before only the whole one stays.
    pub(super) fn begin(&self, number: i64) -> io::Result<Copy> {
        // Where it cannot be told which one is whole, nothing is removed.
        if let Ok(whole) = current(&self.directory) {
            self.keep_only(whole.as_deref())?;
        }
        let name = format!("{PREFIX}{number}");
        let directory = self.directory.join(&name);
        DirBuilder::new().mode(DIRECTORY_MODE).create(&directory)?;
        Ok(Copy {
            directory,
            name,
            log: None,
            dirty: false,
        })
    }

    /// Names this copy as the whole one, and removes all others.
    pub(super) fn settle(&self, copy: &Copy) -> io::Result<()> {
        sync(&copy.directory)?;
        let current = Current {
            format: FORMAT,
            directory: copy.name.clone(),
        };
        let named = serde_json::to_vec(&current)?;
        files::replace(&self.directory.join(CURRENT), &named)?;
        self.keep_only(Some(&copy.directory))
    }

    fn keep_only(&self, kept: Option<&Path>) -> io::Result<()> {
        for entry in fs::read_dir(&self.directory)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            let of_copy = name.is_some_and(|name| name.starts_with(PREFIX));
            if of_copy && kept != Some(path.as_path()) {
                fs::remove_dir_all(path)?;
            }
        }
        Ok(())
    }
}

/// A copy: the database file, and its log, which grows.
pub(super) struct Copy {
    directory: PathBuf,
    name: String,
    log: Option<File>,
    /// Something was appended since the last flush.
    dirty: bool,
}

impl Copy {
    fn database(&self) -> PathBuf {
        self.directory.join(sqlite::FILE)
    }

    fn log(&self) -> PathBuf {
        self.directory.join(format!("{}-wal", sqlite::FILE))
    }

    /// Copies the database file while `go_on` says so; answers whether it did to the
    /// end.
    pub(super) fn base(&self, raw: &File, go_on: impl Fn() -> bool) -> io::Result<bool> {
        let mut target = create(&self.database())?;
        let mut piece = vec![0; PIECE_BYTES];
        let mut at = 0;
        loop {
            if !go_on() {
                return Ok(false);
            }
            let read = raw.read_at(&mut piece, at)?;
            let Some(filled) = piece.get(..read).filter(|filled| !filled.is_empty()) else {
                target.sync_all()?;
                return Ok(true);
            };
            target.write_all(filled)?;
            at += u64::try_from(read).unwrap_or_default();
        }
    }

    /// Carries the log into the database file, and begins it anew with this header.
    pub(super) fn restart(&mut self, header: &[u8; HEADER_BYTES]) -> io::Result<()> {
        if self.log.take().is_some() {
            fold(&self.database()).map_err(io::Error::other)?;
        }
        match fs::remove_file(self.log()) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut log = create(&self.log())?;
        log.write_all(header)?;
        sync(&self.directory)?;
        self.log = Some(log);
        self.dirty = true;
        Ok(())
    }

    /// Appends frames, without flushing them.
    pub(super) fn append(&mut self, frames: &[u8]) -> io::Result<()> {
        self.dirty = true;
        let log = self.log.as_mut();
        log.ok_or_else(|| io::Error::other("the log's header is missing"))?
            .write_all(frames)
    }

    /// Flushes what was appended.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.dirty)
            && let Some(log) = &self.log
        {
            log.sync_data()?;
        }
        Ok(())
    }
}

/// Has SQLite carry a copy's log into its file. A crash at any moment leaves both,
/// and they are carried together when the copy is opened.
fn fold(database: &Path) -> rusqlite::Result<()> {
    // It is there, and none is made.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(database, flags)?;
    // Alone: no index of the log in shared memory, which network file systems lack.
    connection.pragma_update_and_check(None, "locking_mode", "EXCLUSIVE", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    let busy: i64 =
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if busy != 0 {
        return Err(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY),
            Some("somebody else has the copy open".to_owned()),
        ));
    }
    connection.close().map_err(|(_, error)| error)
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(FILE_MODE)
        .open(path)
}

fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_that_is_gone_is_missed_and_no_empty_one_takes_its_place() {
        let directory = tempfile::tempdir().unwrap();
        let database = directory.path().join(sqlite::FILE);
        fold(&database).unwrap_err();
        assert!(!database.exists());
    }
}
