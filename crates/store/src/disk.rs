//! The disk under the data directory: how much is free, and a reserve that an
//! SOS may use up.
//!
//! Below the *reserve line* telemetry and spill stop. When next to nothing is left
//! the disk is *exhausted*: what is left is the SOS's, until there is room again.
//!
//! The *ballast* is a file whose room an SOS gets when a commit finds the disk full
//! (or only that it fails, and again: so a quota tells). It is made as soon as it
//! fits, at any level, of at most half of what is free, and grows with what is free.
//! It is given up piece by piece: whatever fills the disk would take the rest.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::{FallocateFlags, fallocate, statvfs};
use rustix::io::Errno;

use crate::files::FILE_MODE;

/// The ballast's name in the data directory.
const BALLAST_FILE: &str = "ballast";
/// Into how many pieces a whole ballast is cut: a whole one releases 4 MiB at a time ..
const PIECES: u64 = 16;
/// .. and on a small disk no more at a time than this part of it.
const PIECES_OF_DISK: u64 = 64;
/// With less than this free a disk is exhausted, and no ballast and no piece of one is
/// smaller (unless a smaller one is configured): it takes the largest SOS, with all
/// that is written beside it.
const LEAST_BYTES: u64 = 1 << 20;
/// How much is written at once where space cannot be allocated otherwise.
static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

/// When the disk counts as nearly full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskLimits {
    /// The reserve line is the larger of this many bytes ..
    pub reserve_bytes: u64,
    /// .. and this share of the file system, in percent.
    pub reserve_percent: u8,
    /// Size of the ballast in bytes, where there is room for it; 0 for none.
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

/// How the disk is, as last measured. Cheap to clone.
#[derive(Clone, Debug)]
pub struct DiskGuard(Arc<Guard>);

#[derive(Debug)]
struct Guard {
    directory: PathBuf,
    limits: DiskLimits,
    free: AtomicU64,
    total: AtomicU64,
    line: AtomicU64,
    /// Bytes that the ballast holds.
    ballast: AtomicU64,
    /// What is left is the SOS's.
    exhausted: AtomicBool,
    /// Whoever makes the ballast and whoever gives it up wait for each other here.
    told: Mutex<Told>,
    #[cfg(test)]
    pretended: Mutex<Option<Space>>,
}

/// What the log was told of the ballast, so that it hears of each change once.
#[derive(Debug, Default)]
struct Told {
    missing: bool,
    unmade: bool,
}

/// Bytes of a file system.
#[derive(Clone, Copy, Debug)]
struct Space {
    free: u64,
    total: u64,
}

impl DiskGuard {
    /// Measures once. Measure again with [`DiskGuard::measure`].
    pub fn new(directory: &Path, limits: DiskLimits) -> Self {
        let guard = Self(Arc::new(Guard {
            directory: directory.to_owned(),
            limits,
            free: AtomicU64::new(u64::MAX),
            total: AtomicU64::new(u64::MAX),
            line: AtomicU64::new(limits.reserve_bytes),
            ballast: AtomicU64::new(0),
            exhausted: AtomicBool::new(false),
            told: Mutex::default(),
            #[cfg(test)]
            pretended: Mutex::default(),
        }));
        guard.measure();
        guard
    }

    /// Measures what is free now. Where that fails, what was known stands.
    pub fn measure(&self) {
        let held = self.ballast_file().metadata().map_or(0, |file| file.len());
        self.0.ballast.store(held, Ordering::Relaxed);
        match self.space() {
            Ok(Space { free, total }) => {
                let share = total / 100 * u64::from(self.0.limits.reserve_percent);
                self.0.free.store(free, Ordering::Relaxed);
                self.0.total.store(total, Ordering::Relaxed);
                let line = self.0.limits.reserve_bytes.max(share);
                self.0.line.store(line, Ordering::Relaxed);
            }
            Err(error) => tracing::warn!(%error, "cannot measure the free disk space"),
        }
    }

    fn space(&self) -> io::Result<Space> {
        #[cfg(test)]
        if let Some(pretended) = *self.0.pretended.lock().unwrap() {
            return Ok(pretended);
        }
        let disk = statvfs(&self.0.directory)?;
        Ok(Space {
            free: disk.f_bavail.saturating_mul(disk.f_frsize),
            total: disk.f_blocks.saturating_mul(disk.f_frsize),
        })
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
        self.is_exhausted() || self.free_bytes() < self.line_bytes()
    }

    /// Whether what is left is the SOS's and the jobs': from when next to nothing is
    /// free until [`DiskGuard::room_bytes`] are.
    pub fn is_exhausted(&self) -> bool {
        self.0.exhausted.load(Ordering::Relaxed)
    }

    /// From how many free bytes on a disk that was exhausted takes everything again.
    pub fn room_bytes(&self) -> u64 {
        // More than a piece of the ballast that was given up just now.
        self.piece().saturating_mul(2)
    }

    /// Bytes that the ballast holds: fewer than configured where the disk is small or
    /// low, and while it is given up piece by piece.
    pub fn ballast_bytes(&self) -> u64 {
        self.0.ballast.load(Ordering::Relaxed)
    }

    /// Whether there is a ballast (or none is wanted).
    pub fn has_ballast(&self) -> bool {
        self.0.limits.ballast_bytes == 0 || self.ballast_bytes() > 0
    }

    /// Whether only an SOS and jobs may still write.
    pub(crate) fn refuses_rest(&self) -> bool {
        self.is_exhausted() || (self.0.limits.refuse_rest && self.is_low())
    }

    /// Measures now: whether next to nothing is free.
    pub(crate) fn is_used_up(&self) -> bool {
        self.measure();
        self.free_bytes() < LEAST_BYTES
    }

    /// From now on what is left is the SOS's.
    pub(crate) fn exhaust(&self) {
        if !self.0.exhausted.swap(true, Ordering::Relaxed) {
            tracing::error!(
                free_bytes = self.free_bytes(),
                ballast_bytes = self.ballast_bytes(),
                wanted_bytes = self.room_bytes(),
                "the disk is full: only SOS and what follows from them are stored, free some space now"
            );
        }
    }

    /// Looks at the disk: measures, finds out whether it is exhausted, and makes the
    /// ballast, or what is missing of it, where there is room.
    pub(crate) fn look(&self) {
        let mut told = self.told();
        self.measure();
        if self.free_bytes() < LEAST_BYTES {
            self.exhaust();
        }
        let room = self.free_bytes() >= self.room_bytes();
        if room || !self.is_exhausted() {
            self.grow_ballast(&mut told);
        }
        if room && self.0.exhausted.swap(false, Ordering::Relaxed) {
            tracing::info!(
                free_bytes = self.free_bytes(),
                "there is room on the disk again: everything is stored"
            );
        }
        let missing = !self.has_ballast();
        if missing && !told.missing {
            tracing::warn!(
                free_bytes = self.free_bytes(),
                wanted_bytes = self.0.limits.ballast_bytes,
                "there is no ballast: if the disk fills up now, SOS cannot be stored; free some space"
            );
        }
        told.missing = missing;
    }

    /// Gives up a piece of the ballast, so that there is room for an SOS; answers
    /// whether there was one.
    pub(crate) fn release_piece(&self) -> bool {
        let _told = self.told();
        self.measure();
        self.shrink_ballast(self.ballast_bytes().saturating_sub(self.piece()))
    }

    /// Pretends that so much is free, of a disk of a gibibyte or twice as much.
    #[cfg(test)]
    pub(crate) fn pretend(&self, free: u64) {
        let total = free.saturating_mul(2).max(1 << 30);
        *self.0.pretended.lock().unwrap() = Some(Space { free, total });
        self.measure();
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.0.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ballast_file(&self) -> PathBuf {
        self.0.directory.join(BALLAST_FILE)
    }

    /// How much of the ballast is given up at once.
    fn piece(&self) -> u64 {
        let of_ballast = self.0.limits.ballast_bytes / PIECES;
        let of_disk = self.0.total.load(Ordering::Relaxed) / PIECES_OF_DISK;
        of_ballast.min(of_disk).max(LEAST_BYTES)
    }

    /// How large the ballast should be now.
    fn target(&self) -> u64 {
        let held = self.ballast_bytes();
        let half = self.free_bytes().saturating_add(held) / 2;
        let wanted = self.0.limits.ballast_bytes;
        let target = wanted.min(half);
        // A little more is not worth the trouble, and too little is no use.
        let worth = if held == 0 { LEAST_BYTES } else { self.piece() };
        if target >= held.saturating_add(worth) || target == wanted {
            target.max(held)
        } else {
            held
        }
    }

    fn grow_ballast(&self, told: &mut Told) {
        let (held, target) = (self.ballast_bytes(), self.target());
        if target <= held {
            return;
        }
        let made = self.make_ballast(held, target);
        let unmade = made.is_err();
        match made {
            Ok(()) => tracing::info!(
                ballast_bytes = target,
                wanted_bytes = self.0.limits.ballast_bytes,
                "the ballast for SOS on a full disk is made"
            ),
            Err(error) if !told.unmade => {
                tracing::warn!(%error, "cannot make the ballast; it is tried again");
            }
            Err(_) => {}
        }
        told.unmade = unmade;
        self.measure();
    }

    fn make_ballast(&self, held: u64, target: u64) -> io::Result<()> {
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(FILE_MODE)
            .open(self.ballast_file())?;
        let made = match fallocate(&file, FallocateFlags::empty(), 0, target) {
            Ok(()) => Ok(()),
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => write_zeros(&file, held, target - held),
            Err(error) => Err(error.into()),
        }
        .and_then(|()| file.sync_all());
        if made.is_err() {
            // What it took meanwhile may be the last there is.
            let _ = file.set_len(held);
        }
        made
    }

    fn shrink_ballast(&self, left: u64) -> bool {
        if self.ballast_bytes() == 0 {
            return false;
        }
        let path = self.ballast_file();
        let shrunk = if left == 0 {
            std::fs::remove_file(&path)
        } else {
            cut(&path, left).or_else(|_| std::fs::remove_file(&path))
        };
        self.measure();
        match &shrunk {
            Ok(()) => tracing::error!(
                free_bytes = self.free_bytes(),
                ballast_bytes = self.ballast_bytes(),
                "the disk takes no more: some of the ballast is released for SOS, free some space now"
            ),
            Err(error) => {
                tracing::error!(%error, "the disk takes no more and the ballast cannot be released");
            }
        }
        shrunk.is_ok()
    }
}

/// Cuts a file. Some file systems give the room back with the sync alone.
fn cut(path: &Path, left: u64) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    file.set_len(left)?;
    file.sync_all()
}

fn write_zeros(mut file: &File, from: u64, wanted: u64) -> io::Result<()> {
    file.seek(SeekFrom::Start(from))?;
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
