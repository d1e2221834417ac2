//! Day files that cannot be written, though they are not known to be damaged: a bad
//! sector, or a lock that somebody else holds. Their samples take a detour over
//! `late.db`, where every reader looks, so that one file does not hold up the filing of
//! all others.

use std::collections::HashMap;
use std::time::Duration;

use mayday_core::time::Timestamp;

use super::day::FileKey;
use crate::telemetry::TelemetryError;

/// How long a file fails before its samples go elsewhere: a full disk is full for all.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long they go elsewhere before the file is tried again.
const DETOUR: Duration = Duration::from_mins(1);

/// The files that failed when they were last written: as many as days at most.
#[derive(Default)]
pub(super) struct Detours(HashMap<FileKey, Failing>);

struct Failing {
    since: Timestamp,
    /// The file is left alone until then.
    until: Option<Timestamp>,
}

impl Detours {
    /// Whether a file is left alone now.
    pub(super) fn is_on(&self, key: FileKey, now: Timestamp) -> bool {
        let until = self.0.get(&key).and_then(|failing| failing.until);
        until.is_some_and(|until| now < until)
    }

    /// A file could not be written; answers whether its samples go elsewhere.
    pub(super) fn begin(&mut self, key: FileKey, error: &TelemetryError, now: Timestamp) -> bool {
        let fresh = Failing {
            since: now,
            until: None,
        };
        let failing = self.0.entry(key).or_insert(fresh);
        if now.since(failing.since) < PATIENCE {
            return false;
        }
        failing.until = Some(now.plus(DETOUR));
        tracing::error!(
            %error,
            file = %key.name(),
            instead = %FileKey::Late.name(),
            "a telemetry file cannot be written: its samples go to another, and it is tried \
             again in a minute"
        );
        true
    }

    /// A file was written.
    pub(super) fn end(&mut self, key: FileKey) {
        if !self.0.is_empty() {
            self.0.remove(&key);
        }
    }
}
