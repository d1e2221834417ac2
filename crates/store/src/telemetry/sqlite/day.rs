//! Which file a sample lies in.

use std::fs::File;
use std::path::{Path, PathBuf};

use mayday_core::time::Timestamp;

use crate::telemetry::TelemetryError;

/// Seconds in a UTC day.
const DAY_SECS: i64 = 86_400;
/// Microseconds in a bucket, which comes first in the index: rows of the same
/// two minutes lie together, so that inserting stays fast however large the
/// file is.
const BUCKET_MICROS: i64 = 120_000_000;

/// A telemetry file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum FileKey {
    /// Samples of one UTC day, in days since 1970-01-01.
    Day(i64),
    /// Valid samples outside the retention window.
    Late,
}

/// The days that have files of their own: within retention, and tomorrow,
/// because a phone's clock may run a day ahead.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) first: i64,
    pub(super) last: i64,
}

impl Window {
    pub(super) fn around(now: Timestamp, retention_days: u32) -> Self {
        let today = day_of(now);
        Self {
            first: today - i64::from(retention_days),
            last: today + 1,
        }
    }

    /// The file for a sample of this time.
    pub(super) fn file_of(self, time: Timestamp) -> FileKey {
        let day = day_of(time);
        if (self.first..=self.last).contains(&day) {
            FileKey::Day(day)
        } else {
            FileKey::Late
        }
    }
}

/// The UTC day of a time, in days since 1970-01-01.
pub(super) fn day_of(time: Timestamp) -> i64 {
    time.as_secs().div_euclid(DAY_SECS)
}

/// The two-minute bucket of a time.
pub(super) fn bucket_of(time: Timestamp) -> i64 {
    time.as_micros().div_euclid(BUCKET_MICROS)
}

/// The first and the last bucket of a day.
pub(super) fn buckets_of_day(day: i64) -> (i64, i64) {
    let first = bucket_of(Timestamp::from_secs(day * DAY_SECS));
    (first, first + DAY_SECS * 1_000_000 / BUCKET_MICROS - 1)
}

impl FileKey {
    /// The file's name.
    pub(super) fn name(self) -> String {
        match self {
            Self::Late => "late.db".to_owned(),
            Self::Day(day) => {
                let date = Timestamp::from_secs(day * DAY_SECS).to_string();
                let date: String = date.chars().take_while(|c| *c != 'T').collect();
                format!("{date}.db")
            }
        }
    }

    /// The file's path in the telemetry directory.
    pub(super) fn path(self, directory: &Path) -> PathBuf {
        directory.join(self.name())
    }

    /// The key of a file name such as `2026-09-09.db`.
    fn of_name(name: &str) -> Option<Self> {
        if name == "late.db" {
            return Some(Self::Late);
        }
        let date = name.strip_suffix(".db")?;
        let midnight = Timestamp::parse(&format!("{date}T00:00:00Z")).ok()?;
        Some(Self::Day(day_of(midnight)))
    }
}

/// All telemetry files that exist, in order.
pub(super) fn list(directory: &Path) -> Result<Vec<FileKey>, TelemetryError> {
    let entries = std::fs::read_dir(directory).map_err(|e| TelemetryError::open(directory, &e))?;
    let mut keys = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|e| TelemetryError::open(directory, &e))?;
        if let Some(key) = entry.file_name().to_str().and_then(FileKey::of_name) {
            keys.push(key);
        }
    }
    keys.sort_unstable();
    Ok(keys)
}

/// Removes a file with its log, the log last: a file without its log would be
/// a wrong one, a log without its file is nothing.
pub(super) fn unlink(directory: &Path, key: FileKey) -> Result<(), TelemetryError> {
    let path = key.path(directory);
    std::fs::remove_file(&path).map_err(|e| TelemetryError::open(&path, &e))?;
    remove_sides(&path)?;
    sync_directory(directory)
}

/// Removes the log of a file, and the index of the log, where there are some.
pub(super) fn remove_sides(path: &Path) -> Result<(), TelemetryError> {
    for suffix in ["-wal", "-shm"] {
        let mut side = path.to_owned().into_os_string();
        side.push(suffix);
        match std::fs::remove_file(&side) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(TelemetryError::open(Path::new(&side), &error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Makes the names in a directory durable.
pub(super) fn sync_directory(directory: &Path) -> Result<(), TelemetryError> {
    File::open(directory)
        .and_then(|opened| opened.sync_all())
        .map_err(|e| TelemetryError::open(directory, &e))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn a_file_is_named_by_the_utc_day_of_its_samples() {
        let key = Window::around(at("2026-09-09T12:00:00Z"), 30);
        let midnight = key.file_of(at("2026-09-09T00:00:00Z"));
        let before = key.file_of(at("2026-09-08T23:59:59.999999Z"));
        let directory = Path::new("d");
        assert_eq!(midnight.path(directory), Path::new("d/2026-09-09.db"));
        assert_eq!(before.path(directory), Path::new("d/2026-09-08.db"));
        assert_eq!(FileKey::of_name("2026-09-09.db"), Some(midnight));
        assert_eq!(FileKey::of_name("latest.db"), None);
        assert_eq!(FileKey::of_name("2026-09-09.db-wal"), None);
    }

    #[test]
    fn outside_the_window_a_sample_is_late() {
        let window = Window::around(at("2026-09-09T12:00:00Z"), 30);
        for (time, late) in [
            ("2026-09-10T12:00:00Z", false),
            ("2026-08-10T00:00:00Z", false),
            ("2026-08-09T23:59:59Z", true),
            ("2020-01-01T00:00:00Z", true),
        ] {
            assert_eq!(window.file_of(at(time)) == FileKey::Late, late, "{time}");
        }
    }

    #[test]
    fn a_day_has_720_buckets() {
        let day = day_of(at("2026-09-09T12:00:00Z"));
        let (first, last) = buckets_of_day(day);
        assert_eq!(last - first, 719);
        assert_eq!(bucket_of(at("2026-09-09T23:59:59.999999Z")), last);
        assert_eq!(bucket_of(at("2026-09-10T00:00:00Z")), last + 1);
    }
}
