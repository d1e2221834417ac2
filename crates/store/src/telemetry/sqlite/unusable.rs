//! The telemetry files that cannot be used until somebody mends them: an operator is
//! told once of each, and health counts them.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;

use super::day::FileKey;
use crate::telemetry::TelemetryError;
use crate::telemetry::queue::lock;

/// The files that failed for a lasting reason when they were last used.
#[derive(Default)]
pub(super) struct Unusable(Mutex<BTreeSet<FileKey>>);

impl Unusable {
    /// Remembers a file that cannot be used.
    pub(super) fn note(&self, key: FileKey, error: &TelemetryError) {
        if lock(&self.0).insert(key) {
            tracing::error!(
                %error,
                instead = %FileKey::Late.name(),
                "a telemetry file cannot be used: its samples are missing from answers; \
                 new ones of its day go to another"
            );
        }
    }

    /// A file was used, or was removed.
    pub(super) fn clear(&self, key: FileKey) {
        let mut unusable = lock(&self.0);
        if !unusable.is_empty() {
            unusable.remove(&key);
        }
    }

    /// How many of them lie in `directory` still: an operator may have moved one away.
    pub(super) fn count(&self, directory: &Path) -> usize {
        let mut unusable = lock(&self.0);
        unusable.retain(|key| key.path(directory).exists());
        unusable.len()
    }
}
