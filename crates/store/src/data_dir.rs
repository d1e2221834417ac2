//! The data directory: made private, locked against a second process, synced
//! when names in it change.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::open::OpenError;

/// Only the owner may enter.
const DIRECTORY_MODE: u32 = 0o700;
/// Only the owner may read.
pub(crate) const FILE_MODE: u32 = 0o600;
/// The file whose lock says that a process uses the directory. It is never
/// removed: a lock on a removed file would exclude nobody.
const LOCK_FILE: &str = "lock";

/// Creates the directory when it is missing, and syncs its parent then.
pub(crate) fn prepare(path: &Path) -> Result<(), OpenError> {
    if path.is_dir() {
        return Ok(());
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

/// Makes the names in a directory durable: a new file is lost in a power cut
/// while its directory entry is not on disk.
pub(crate) fn sync(directory: &Path) -> Result<(), OpenError> {
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(io_error("sync the directory", directory))
}

/// Takes the directory for this process, until the file is dropped. The kernel
/// lets go of it when the process dies, however it dies.
pub(crate) fn lock(directory: &Path) -> Result<File, OpenError> {
    let path = directory.join(LOCK_FILE);
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(FILE_MODE)
        .open(&path)
        .map_err(io_error("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse {
            path: directory.to_owned(),
        }),
        Err(TryLockError::Error(source)) => Err(io_error("lock", &path)(source)),
    }
}

/// An error of the system, with what was tried and where.
pub(crate) fn io_error(
    action: &'static str,
    path: &Path,
) -> impl FnOnce(io::Error) -> OpenError + use<> {
    let path = PathBuf::from(path);
    move |source| OpenError::Io {
        action,
        path,
        source,
    }
}
