//! A directory that is written beside its place and renamed there when it is whole.

use std::fs::{self, DirBuilder, File};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use rustix::process::geteuid;

use super::{BackupError, files};
use crate::data_dir::DIRECTORY_MODE;

/// What nobody but the owner may.
const OTHERS: u32 = 0o077;
/// Its lock says that somebody writes the draft.
const LOCK_FILE: &str = "lock";

/// The directory while it is being written. Dropped before [`Draft::finish`], it
/// goes; what a killed process left goes when the next one begins.
pub(super) struct Draft {
    path: PathBuf,
    target: PathBuf,
    parent: PathBuf,
    lock: Option<File>,
}

impl Draft {
    /// Begins one for `target`, which must not exist, or be empty.
    pub(super) fn begin(target: &Path) -> Result<Self, BackupError> {
        refuse_taken(target)?;
        let unnamed = || BackupError::Unnamed {
            path: target.to_owned(),
        };
        let name = target.file_name().ok_or_else(unnamed)?.to_string_lossy();
        let parent = match target.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        if !parent.is_dir() {
            return Err(unnamed());
        }
        let path = parent.join(format!(".{name}.partial"));
        make(&path)?;
        refuse_of_others(&path)?;
        let lock = lock(&path)?;
        let draft = Self {
            path,
            target: target.to_owned(),
            parent,
            lock: Some(lock),
        };
        draft.clear()?;
        Ok(draft)
    }

    /// Where to write.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes a directory in it.
    pub(super) fn directory(&self, name: &str) -> Result<PathBuf, BackupError> {
        let path = self.path.join(name);
        make(&path)?;
        Ok(path)
    }

    /// Gives it its name. What is in it must be flushed.
    pub(super) fn finish(mut self) -> Result<(), BackupError> {
        let lock = self.path.join(LOCK_FILE);
        fs::remove_file(&lock).map_err(BackupError::io("remove", &lock))?;
        files::sync_directory(&self.path)?;
        fs::rename(&self.path, &self.target).map_err(|source| match source.kind() {
            ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists => BackupError::Taken {
                path: self.target.clone(),
            },
            _ => BackupError::io("make", &self.target)(source),
        })?;
        self.lock = None;
        files::sync_directory(&self.parent)
    }

    /// Takes away what a killed process left.
    fn clear(&self) -> Result<(), BackupError> {
        let told = || BackupError::io("clear", &self.path);
        for entry in fs::read_dir(&self.path).map_err(told())? {
            let entry = entry.map_err(told())?;
            if entry.file_name() == LOCK_FILE {
                continue;
            }
            let path = entry.path();
            let removed = if path.is_dir() {
                fs::remove_dir_all(&path)
            } else {
                fs::remove_file(&path)
            };
            removed.map_err(BackupError::io("remove", &path))?;
        }
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if self.lock.is_some() {
            // What cannot be removed is cleared by the next one.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

fn make(path: &Path) -> Result<(), BackupError> {
    match DirBuilder::new().mode(DIRECTORY_MODE).create(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            Err(BackupError::io("make", path)(error))
        }
        _ => Ok(()),
    }
}

/// Refuses what is not a directory of this user alone: whoever may write beside the
/// target could have put it there, to have it cleared or to change what is in it.
fn refuse_of_others(path: &Path) -> Result<(), BackupError> {
    let found = fs::symlink_metadata(path).map_err(BackupError::io("read", path))?;
    let own = found.is_dir() && found.uid() == geteuid().as_raw() && found.mode() & OTHERS == 0;
    if !own {
        return Err(BackupError::Taken {
            path: path.to_owned(),
        });
    }
    Ok(())
}

fn lock(directory: &Path) -> Result<File, BackupError> {
    let path = directory.join(LOCK_FILE);
    let taken = crate::files::lock(&path).map_err(BackupError::io("lock", &path))?;
    taken.ok_or_else(|| BackupError::AtWork {
        path: directory.to_owned(),
    })
}

/// Refuses a place where something is.
fn refuse_taken(target: &Path) -> Result<(), BackupError> {
    let taken = match fs::read_dir(target) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) => error.kind() != ErrorKind::NotFound,
    };
    if taken {
        return Err(BackupError::Taken {
            path: target.to_owned(),
        });
    }
    Ok(())
}
