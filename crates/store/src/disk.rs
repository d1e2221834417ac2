//! The disk under the data directory: how much is free, and a reserve that an
//! SOS may use up.
//!
//! Below the *reserve line* telemetry and spill stop. The *ballast* is a file
//! that is deleted when a commit finds the disk full (or only that it fails, and
//! again: so a quota tells), so that an SOS still
//! commits, and made again once there is space.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rustix::fs::{FallocateFlags, fallocate, statvfs};

use crate::files::FILE_MODE;

/// The ballast's name in the data directory.
const BALLAST_FILE: &str = "ballast";
/// How much is written at once where space cannot be allocated otherwise.
static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

/// When the disk counts as nearly full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskLimits {
    /// The reserve line is the larger of this many bytes ..
    pub reserve_bytes: u64,
    /// .. and this share of the file system, in percent.
    pub reserve_percent: u8,
    /// Size of the ballast in bytes; 0 for none.
    pub ballast_bytes: u64,
    /// Whether the rest lane is refused below the line, too.
    pub refuse_rest: bool,
}

impl Default for DiskLimits {
    fn default() -> Self {
        Self {
            reserve_bytes: 1 << 30,
            reserve_percent: 5,
            ballast_bytes: 64 << 20,
            refuse_rest: false,
        }
    }
}

/// What is free, as last measured. Cheap to clone.
#[derive(Clone, Debug)]
pub struct DiskGuard(Arc<Guard>);

#[derive(Debug)]
struct Guard {
    directory: PathBuf,
    limits: DiskLimits,
    free: AtomicU64,
    line: AtomicU64,
    ballast: AtomicBool,
    /// The ballast was given up and there is no space yet: what is left is the
    /// SOS's.
    exhausted: AtomicBool,
}

impl DiskGuard {
    /// Measures once. Measure again with [`DiskGuard::measure`].
    pub fn new(directory: &Path, limits: DiskLimits) -> Self {
        let guard = Self(Arc::new(Guard {
            directory: directory.to_owned(),
            limits,
            free: AtomicU64::new(u64::MAX),
            line: AtomicU64::new(limits.reserve_bytes),
            ballast: AtomicBool::new(directory.join(BALLAST_FILE).exists()),
            exhausted: AtomicBool::new(false),
        }));
        guard.measure();
        guard
    }

    /// Measures what is free now. Where that fails, what was known stands.
    pub fn measure(&self) {
        match statvfs(&self.0.directory) {
            Ok(disk) => {
                let free = disk.f_bavail.saturating_mul(disk.f_frsize);
                let total = disk.f_blocks.saturating_mul(disk.f_frsize);
                let share = total / 100 * u64::from(self.0.limits.reserve_percent);
                self.0.free.store(free, Ordering::Relaxed);
                let line = self.0.limits.reserve_bytes.max(share);
                self.0.line.store(line, Ordering::Relaxed);
            }
            Err(error) => tracing::warn!(%error, "cannot measure the free disk space"),
        }
    }

    /// Free bytes, as last measured.
    pub fn free_bytes(&self) -> u64 {
        self.0.free.load(Ordering::Relaxed)
    }

    /// The reserve line in bytes: the larger of the configured bytes and share.
    pub fn line_bytes(&self) -> u64 {
        self.0.line.load(Ordering::Relaxed)
    }

    /// Whether less than the reserve line is free: telemetry and spill stop.
    pub fn is_low(&self) -> bool {
        self.free_bytes() < self.line_bytes()
    }

    /// Whether the ballast is in place (or none is wanted).
    pub fn has_ballast(&self) -> bool {
        self.0.limits.ballast_bytes == 0 || self.0.ballast.load(Ordering::Relaxed)
    }

    /// Whether only an SOS and jobs may still write.
    pub(crate) fn refuses_rest(&self) -> bool {
        self.0.exhausted.load(Ordering::Relaxed) || (self.0.limits.refuse_rest && self.is_low())
    }

    /// Measures now: whether so little is free that the ballast is what is left.
    pub(crate) fn is_used_up(&self) -> bool {
        self.measure();
        self.free_bytes() < self.0.limits.ballast_bytes
    }

    /// Gives the ballast up, so that there is space for an SOS. Answers whether
    /// there was one. Where the disk is known to be `used_up`, what is left is the
    /// SOS's until it is measured again.
    pub(crate) fn release_ballast(&self, used_up: bool) -> bool {
        let path = self.0.directory.join(BALLAST_FILE);
        self.0.ballast.store(false, Ordering::Relaxed);
        self.0.exhausted.fetch_or(used_up, Ordering::Relaxed);
        match std::fs::remove_file(&path) {
            Ok(()) => {
                tracing::error!(
                    free_bytes = self.free_bytes(),
                    "the disk takes no more: the ballast is released for SOS, free some space now"
                );
                true
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => {
                tracing::error!(%error, "the disk takes no more and the ballast cannot be released");
                false
            }
        }
    }

    /// Makes the ballast when it is missing and there is space for it above the
    /// reserve line.
    pub(crate) fn ensure_ballast(&self) {
        let wanted = self.0.limits.ballast_bytes;
        if self.free_bytes() < self.line_bytes().saturating_add(wanted) {
            return;
        }
        self.0.exhausted.store(false, Ordering::Relaxed);
        if self.has_ballast() {
            return;
        }
        match self.make_ballast(wanted) {
            Ok(()) => self.0.ballast.store(true, Ordering::Relaxed),
            Err(error) => {
                tracing::warn!(%error, "cannot make the ballast");
                let _ = std::fs::remove_file(self.0.directory.join(BALLAST_FILE));
            }
        }
    }

    fn make_ballast(&self, wanted: u64) -> io::Result<()> {
        let file = OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(FILE_MODE)
            .open(self.0.directory.join(BALLAST_FILE))?;
        if fallocate(&file, FallocateFlags::empty(), 0, wanted).is_err() {
            write_zeros(&file, wanted)?;
        }
        file.sync_all()
    }
}

fn write_zeros(mut file: &File, wanted: u64) -> io::Result<()> {
    let mut left = wanted;
    while left > 0 {
        let piece = ZEROS.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        file.write_all(ZEROS.get(..piece).unwrap_or_default())?;
        left = left.saturating_sub(u64::try_from(piece).unwrap_or(u64::MAX));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
