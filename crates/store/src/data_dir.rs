//! The data directory: made private, locked against a second process, synced
//! when names in it change.
//!
//! What may not be written is found before SQLite touches anything: it copies the
//! mode of a read-only database to the files beside it, which outlive the mistake.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::files;
use crate::open::OpenError;
use crate::rights;

/// Only the owner may enter.
pub(crate) const DIRECTORY_MODE: u32 = 0o700;
/// What the group and others may do.
const OTHERS: u32 = 0o077;
/// The file whose lock says that a process uses the directory.
const LOCK_FILE: &str = "lock";

/// Creates the directory when it is missing, and syncs its parent then. One that
/// is there is closed to others: it may have been made by hand or by a supervisor.
pub(crate) fn prepare(path: &Path) -> Result<(), OpenError> {
    if path.is_dir() {
        return close_to_others(path);
    }
    if path.symlink_metadata().is_ok() {
        return Err(OpenError::NotADirectory {
            path: path.to_owned(),
        });
    }
    DirBuilder::new()
        .recursive(true)
        .mode(DIRECTORY_MODE)
        .create(path)
        .map_err(io_error("create the directory", path))?;
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync(parent),
        _ => sync(Path::new(".")),
    }
}

fn close_to_others(path: &Path) -> Result<(), OpenError> {
    let found = path.metadata().map_err(io_error("look at", path))?;
    if found.mode() & OTHERS == 0 {
        return Ok(());
    }
    let closed = Permissions::from_mode(DIRECTORY_MODE);
    match fs::set_permissions(path, closed) {
        Ok(()) => {
            tracing::warn!(
                data.directory = %path.display(),
                mode = format!("{:04o}", found.mode() & 0o7777),
                "the data directory was open to others and is closed to others now (mode 0700)"
            );
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(OpenError::Foreign {
            path: path.to_owned(),
            owner: found.uid(),
        }),
        Err(error) => Err(io_error("close to others", path)(error)),
    }
}

/// Makes the names in a directory durable: a new file is lost in a power cut
/// while its directory entry is not on disk.
pub(crate) fn sync(directory: &Path) -> Result<(), OpenError> {
    files::sync_directory(directory).map_err(io_error("sync the directory", directory))
}

/// Takes the directory for this process, until the file is dropped. The kernel
/// lets go of it when the process dies, however it dies.
pub(crate) fn lock(directory: &Path) -> Result<File, OpenError> {
    let path = directory.join(LOCK_FILE);
    let taken = files::lock(&path).map_err(io_error("lock", &path))?;
    taken.ok_or_else(|| OpenError::InUse {
        path: directory.to_owned(),
    })
}

/// Refuses a file or directory that this process may not write; one that is not
/// there is no obstacle.
pub(crate) fn require_writable(path: &Path) -> Result<(), OpenError> {
    if path.symlink_metadata().is_err() {
        return Ok(());
    }
    rights::obstacle(path).map_or(Ok(()), |why| {
        Err(OpenError::Denied {
            action: "write",
            path: path.to_owned(),
            why,
        })
    })
}

/// An error of the system, with what was tried and where.
pub(crate) fn io_error(
    action: &'static str,
    path: &Path,
) -> impl FnOnce(io::Error) -> OpenError + use<> {
    let path = PathBuf::from(path);
    move |source| {
        let denied = source.kind() == io::ErrorKind::PermissionDenied;
        match denied.then(|| rights::obstacle(&path)).flatten() {
            Some(why) => OpenError::Denied { action, path, why },
            None => OpenError::Io {
                action,
                path,
                source,
            },
        }
    }
}
