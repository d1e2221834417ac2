//! Plain files: copied, hashed, flushed.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::BackupError;
use crate::files::FILE_MODE;
use crate::hex;

/// How much is read at once.
const PIECE_BYTES: usize = 1 << 20;

/// What a file holds: its length and its SHA-256 in lower-case hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

/// Reads a file to its end.
pub(super) fn content(path: &Path) -> Result<Content, BackupError> {
    let mut file = File::open(path).map_err(BackupError::io("read", path))?;
    pour(&mut file, &mut io::sink()).map_err(BackupError::io("read", path))
}

/// Copies a file to a new one, for its owner alone, and flushes it.
pub(super) fn copy(from: &Path, to: &Path) -> Result<Content, BackupError> {
    let mut source = File::open(from).map_err(BackupError::io("read", from))?;
    let mut target = OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(FILE_MODE)
        .open(to)
        .map_err(BackupError::io("write", to))?;
    let content = pour(&mut source, &mut target).map_err(BackupError::io("write", to))?;
    target.sync_all().map_err(BackupError::io("flush", to))?;
    Ok(content)
}

/// Writes a new file, for its owner alone, and flushes it.
pub(super) fn write(path: &Path, text: &[u8]) -> Result<(), BackupError> {
    OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(FILE_MODE)
        .open(path)
        .and_then(|mut file| {
            file.write_all(text)?;
            file.sync_all()
        })
        .map_err(BackupError::io("write", path))
}

/// Flushes a file that somebody else wrote.
pub(super) fn sync(path: &Path) -> Result<(), BackupError> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(BackupError::io("flush", path))
}

/// Makes the names in a directory durable.
pub(super) fn sync_directory(path: &Path) -> Result<(), BackupError> {
    sync(path)
}

fn pour(from: &mut impl Read, to: &mut impl Write) -> io::Result<Content> {
    let mut hash = Sha256::new();
    let mut bytes: u64 = 0;
    let mut piece = vec![0_u8; PIECE_BYTES];
    loop {
        let read = from.read(&mut piece)?;
        let Some(filled) = piece.get(..read).filter(|filled| !filled.is_empty()) else {
            let sha256 = hex::encode(&hash.finalize());
            return Ok(Content { bytes, sha256 });
        };
        hash.update(filled);
        to.write_all(filled)?;
        bytes = bytes.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
    }
}
