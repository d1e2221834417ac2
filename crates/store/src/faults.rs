//! Faults that a test can cause in the writer of the embedded state store, and
//! the words by which a process is told to cause some.
//!
//! Only a build with the feature `fault-points` (or a unit test) has any; in
//! all others [`StateFaults`] is empty and its questions are answered at
//! compile time. PostgreSQL has none: its faults are those of the way to it, which
//! the end-to-end tests cause there.

use crate::error::StoreError;

#[cfg(any(test, feature = "fault-points"))]
use std::sync::Arc;

#[cfg(any(test, feature = "fault-points"))]
use tokio::sync::watch;

/// How long before its commit an early answer is given: about as long as a disk
/// takes to sync, so that a kill falls in between before many were tried.
#[cfg(any(test, feature = "fault-points"))]
const EARLY_BY: std::time::Duration = std::time::Duration::from_millis(10);

/// A handle on the faults of one state store's writer; copies share them.
#[derive(Clone, Debug, Default)]
pub struct StateFaults {
    #[cfg(any(test, feature = "fault-points"))]
    state: Arc<watch::Sender<State>>,
}

/// How a commit fails.
#[cfg(any(test, feature = "fault-points"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitFault {
    /// As on a disk that cannot be written: [`StoreError::Unavailable`].
    Disk,
    /// As by a fault of ours: [`StoreError::Statement`].
    Statement,
}

#[cfg(any(test, feature = "fault-points"))]
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fault of its own, in any combination"
)]
struct State {
    frozen: bool,
    failing: Option<CommitFault>,
    early: bool,
    /// Any of these commands.
    die_after: &'static [&'static str],
    copy_stalls: bool,
    released: bool,
}

/// A word that names no fault.
#[cfg(any(test, feature = "fault-points"))]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no fault: use freeze_telemetry, fail_telemetry, early_ack, freeze_state, \
     fail_state, early_ack_state, die_after_login, die_after_refresh or a point of a sender, \
     joined by commas"
)]
pub struct UnknownFault(pub String);

/// Causes the faults that a comma-separated list names: `freeze_telemetry`,
/// `fail_telemetry` and `early_ack` in the telemetry writer, `freeze_state`,
/// `fail_state` and `early_ack_state` in the state store's; `die_after_login` and
/// `die_after_refresh` end the process between such a commit and its answer.
#[cfg(any(test, feature = "fault-points"))]
pub fn cause(
    list: &str,
    state: &StateFaults,
    telemetry: &crate::telemetry::Faults,
) -> Result<(), UnknownFault> {
    for word in list.split(',').map(str::trim).filter(|w| !w.is_empty()) {
        match word {
            "freeze_telemetry" => telemetry.freeze(),
            "fail_telemetry" => telemetry.fail_commits(true),
            "early_ack" => telemetry.acknowledge_early(true),
            "freeze_state" => state.freeze(),
            "fail_state" => state.fail_commits(Some(CommitFault::Disk)),
            "early_ack_state" => state.acknowledge_early(true),
            "die_after_login" => state.die_after(&["session.open", "session.open_first"]),
            "die_after_refresh" => state.die_after(&["session.refresh"]),
            other => return Err(UnknownFault(other.to_owned())),
        }
    }
    Ok(())
}

#[cfg(any(test, feature = "fault-points"))]
impl StateFaults {
    /// The writer stops before its next commit.
    pub fn freeze(&self) {
        self.state.send_modify(|state| state.frozen = true);
    }

    /// The writer goes on.
    pub fn thaw(&self) {
        self.state.send_modify(|state| state.frozen = false);
    }

    /// How every commit fails from now on; `None`: none does.
    pub fn fail_commits(&self, failing: Option<CommitFault>) {
        self.state.send_modify(|state| state.failing = failing);
    }

    /// Whether triggers, cancels and resolves of an SOS are answered before their
    /// commit: a lie, for proving that the crash test would notice one. Other
    /// commands are not: a new user must be found by the next read.
    pub fn acknowledge_early(&self, early: bool) {
        self.state.send_modify(|state| state.early = early);
    }

    /// The process ends, without a farewell, between the commit of the next command of
    /// these and its answer.
    pub fn die_after(&self, commands: &'static [&'static str]) {
        self.state.send_modify(|state| state.die_after = commands);
    }

    /// A group with these commands is committed, and nothing of it answered.
    pub(crate) fn after_commit<'n>(&self, mut commands: impl Iterator<Item = &'n str>) {
        let dies_after = self.state.borrow().die_after;
        if commands.any(|command| dies_after.contains(&command)) {
            // As by `kill -9`: nothing is flushed, nobody is told.
            std::process::abort();
        }
    }

    /// Whether the directory of the copy stalls, as a file server does that is gone.
    pub fn stall_copy(&self, stalls: bool) {
        self.state.send_modify(|state| state.copy_stalls = stalls);
    }

    /// Blocks while the copy's directory stalls.
    pub(crate) fn before_copying(&self) {
        while {
            let state = self.state.borrow();
            state.copy_stalls && !state.released
        } {
            std::thread::park_timeout(EARLY_BY);
        }
    }

    /// Waits while frozen; then says how the commit fails, if it does.
    pub(crate) async fn before_commit(&self, statement: &'static str) -> Result<(), StoreError> {
        let mut changes = self.state.subscribe();
        // The sender lives in this handle, so the wait ends with a state.
        if let Ok(state) = changes.wait_for(|now| !now.frozen || now.released).await {
            return state.failing.map_or(Ok(()), |fault| fault.error(statement));
        }
        Ok(())
    }

    /// Whether to answer before the commit.
    pub(crate) fn acknowledges_early(&self) -> bool {
        self.state.borrow().early
    }

    /// Waits between an early answer and its commit.
    pub(crate) async fn linger(&self) {
        tokio::time::sleep(EARLY_BY).await;
    }

    /// Lets a frozen writer end: the store is closing.
    pub(crate) fn release(&self) {
        self.state.send_modify(|state| state.released = true);
    }
}

#[cfg(any(test, feature = "fault-points"))]
impl CommitFault {
    fn error(self, statement: &'static str) -> Result<(), StoreError> {
        let source = match self {
            Self::Disk => {
                sqlx::Error::Io(std::io::Error::other("a commit was made to fail by a test"))
            }
            Self::Statement => sqlx::Error::RowNotFound,
        };
        Err(StoreError::of_statement(statement, source))
    }
}

#[cfg(not(any(test, feature = "fault-points")))]
#[expect(
    clippy::unused_self,
    clippy::unused_async,
    reason = "the same calls as in a build with fault points"
)]
impl StateFaults {
    pub(crate) async fn before_commit(&self, _: &'static str) -> Result<(), StoreError> {
        Ok(())
    }
    pub(crate) const fn before_copying(&self) {}
    pub(crate) fn after_commit<'n>(&self, _: impl Iterator<Item = &'n str>) {}
    pub(crate) const fn acknowledges_early(&self) -> bool {
        false
    }
    pub(crate) async fn linger(&self) {}
    pub(crate) const fn release(&self) {}
}

#[cfg(test)]
mod tests;
