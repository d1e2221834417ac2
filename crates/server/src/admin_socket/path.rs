//! Addresses of sockets in directories with long names.
//!
//! A socket's address holds at most 107 bytes of path. Beyond that the
//! directory is opened and the socket is named through it, as
//! `/proc/self/fd/N/admin.sock`, which changes nothing for other threads
//! (unlike a change of the working directory).

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};

/// Longest path that fits into a socket's address, in bytes.
const MAX_PATH_BYTES: usize = 100;

/// A path short enough for a socket's address. Keep it while binding or
/// connecting: it may hold the directory open.
#[derive(Debug)]
pub(super) struct ShortPath {
    path: PathBuf,
    _directory: Option<File>,
}

impl ShortPath {
    /// A short path to `name` in `directory`.
    pub(super) fn new(directory: &Path, name: &str) -> io::Result<Self> {
        let path = directory.join(name);
        if path.as_os_str().len() <= MAX_PATH_BYTES {
            return Ok(Self {
                path,
                _directory: None,
            });
        }
        let opened = File::open(directory)?;
        let path = PathBuf::from(format!("/proc/self/fd/{}/{name}", opened.as_raw_fd()));
        Ok(Self {
            path,
            _directory: Some(opened),
        })
    }

    /// The path.
    pub(super) fn as_path(&self) -> &Path {
        &self.path
    }
}
