//! What the machine is worth at the moment: how long it takes to flush to the
//! disk, and how busy it is.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use crate::Failure;
use crate::run::Watch;

/// Milliseconds of a tick, in which Linux tells processor time.
const TICK_MILLIS: f64 = 10.0;
/// How often a flush is timed.
const FLUSHES: usize = 50;
/// Bytes of each: about what a small commit writes.
const FLUSH_BYTES: usize = 8 * 1024;

/// The median time of writing and flushing 8 kB, in milliseconds.
pub(super) fn flush_millis(directory: &Path) -> Result<f64, Failure> {
    let path = directory.join("flush");
    let told = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut file = File::create(&path).map_err(told)?;
    let mut times = Vec::with_capacity(FLUSHES);
    for _ in 0..FLUSHES {
        let watch = Watch::start();
        file.write_all(&[1; FLUSH_BYTES]).map_err(told)?;
        file.sync_data().map_err(told)?;
        times.push(watch.read());
    }
    times.sort_unstable();
    drop(file);
    fs::remove_file(&path).map_err(told)?;
    let median = times.get(FLUSHES / 2).copied().unwrap_or_default();
    Ok(median.as_secs_f64() * 1000.0)
}

/// Processes that wanted to run during the last minute, on average.
pub(super) fn load_average() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let first = text.split(' ').next().and_then(|first| first.parse().ok());
    first.unwrap_or(0.0)
}

/// The processor time that a process has taken, in milliseconds.
pub(super) fn cpu_millis(pid: u32) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name may hold anything, and ends with the last parenthesis.
    let (_, fields) = text.rsplit_once(')').unwrap_or_default();
    let ticks = fields.split_whitespace().skip(11).take(2);
    let ticks: f64 = ticks.filter_map(|ticks| ticks.parse::<f64>().ok()).sum();
    ticks * TICK_MILLIS
}

/// What the files of a directory and of those in it take on the disk.
pub(super) fn directory_megabytes(directory: &Path) -> f64 {
    let Ok(entries) = fs::read_dir(directory) else {
        return 0.0;
    };
    let sizes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(found) if found.is_dir() => directory_megabytes(&entry.path()),
        Ok(found) => f64::from(u32::try_from(found.len() / 1024).unwrap_or(u32::MAX)) / 1024.0,
        Err(_) => 0.0,
    });
    sizes.sum()
}

/// The resident memory of a process.
pub(super) fn resident_megabytes(pid: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok());
    kilobytes.unwrap_or(0.0) / 1024.0
}
