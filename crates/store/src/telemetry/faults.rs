//! Faults that a test can cause in the telemetry writer.
//!
//! Only a build with the feature `fault-points` (or a unit test) has any; in
//! all others this type is empty and its questions are answered at compile
//! time.

use std::path::Path;
#[cfg(any(test, feature = "fault-points"))]
use std::sync::{Arc, Condvar, Mutex};

use super::TelemetryError;
#[cfg(any(test, feature = "fault-points"))]
use super::queue::lock;

/// A handle on the faults of one telemetry writer; copies share them.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    #[cfg(any(test, feature = "fault-points"))]
    shared: Arc<(Mutex<State>, Condvar)>,
}

#[cfg(any(test, feature = "fault-points"))]
#[derive(Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fault of its own, in any combination"
)]
struct State {
    frozen: bool,
    failing: bool,
    early: bool,
    holding: bool,
    unfiled: Option<String>,
    unopened: bool,
    released: bool,
}

#[cfg(any(test, feature = "fault-points"))]
impl Faults {
    /// The writer stops before its next commit.
    pub fn freeze(&self) {
        lock(&self.shared.0).frozen = true;
    }

    /// The writer goes on.
    pub fn thaw(&self) {
        lock(&self.shared.0).frozen = false;
        self.shared.1.notify_all();
    }

    /// Whether every commit fails from now on.
    pub fn fail_commits(&self, failing: bool) {
        lock(&self.shared.0).failing = failing;
    }

    /// Whether samples are acknowledged before their commit: a lie, for
    /// proving that the crash test would notice one.
    pub fn acknowledge_early(&self, early: bool) {
        lock(&self.shared.0).early = early;
    }

    /// Whether what is durable in the journal is left there for now.
    pub fn hold_filing(&self, holding: bool) {
        lock(&self.shared.0).holding = holding;
        self.shared.1.notify_all();
    }

    /// Whether writing to the day files fails from now on.
    pub fn fail_filing(&self, failing: bool) {
        lock(&self.shared.0).unfiled = failing.then(String::new);
    }

    /// Writing to the file of this name fails from now on, and to no other.
    pub fn fail_filing_of(&self, name: &str) {
        lock(&self.shared.0).unfiled = Some(name.to_owned());
    }

    /// Whether no file can be opened from now on, as on a full disk.
    pub fn fail_opening(&self, failing: bool) {
        lock(&self.shared.0).unopened = failing;
    }

    /// Fails while no file can be opened.
    pub(super) fn before_opening(&self, path: &Path) -> Result<(), TelemetryError> {
        if !lock(&self.shared.0).unopened {
            return Ok(());
        }
        Err(TelemetryError::Unopened {
            path: path.into(),
            reason: "opening was made to fail".into(),
        })
    }

    /// Blocks while frozen.
    pub(super) fn before_commit(&self) {
        self.wait_while(|state| state.frozen);
    }

    /// Blocks while filing is held.
    pub(super) fn before_filing(&self) {
        self.wait_while(|state| state.holding);
    }

    fn wait_while(&self, stands: impl Fn(&State) -> bool) {
        let (mutex, changed) = &*self.shared;
        let mut state = lock(mutex);
        while stands(&state) && !state.released {
            state = changed
                .wait(state)
                .unwrap_or_else(std::sync::PoisonError::into_inner);
        }
    }

    /// Whether the next commit fails.
    pub(crate) fn commit_fails(&self) -> bool {
        lock(&self.shared.0).failing
    }

    /// Whether writing to a day file fails.
    pub(super) fn filing_fails(&self, path: &Path) -> bool {
        let state = lock(&self.shared.0);
        let name = state.unfiled.as_deref();
        name.is_some_and(|name| name.is_empty() || path.ends_with(name))
    }

    /// Whether to answer before the commit.
    pub(crate) fn acknowledges_early(&self) -> bool {
        lock(&self.shared.0).early
    }

    /// Whether the writer stands still.
    pub(crate) fn is_frozen(&self) -> bool {
        lock(&self.shared.0).frozen
    }

    /// Lets a frozen writer end: the process is closing.
    pub(super) fn release(&self) {
        lock(&self.shared.0).released = true;
        self.shared.1.notify_all();
    }
}

#[cfg(not(any(test, feature = "fault-points")))]
#[expect(
    clippy::unused_self,
    reason = "the same calls as in a build with fault points"
)]
impl Faults {
    pub(crate) const fn before_commit(&self) {}
    pub(crate) const fn before_filing(&self) {}
    #[expect(
        clippy::unnecessary_wraps,
        reason = "the same calls as in a build with fault points"
    )]
    pub(crate) const fn before_opening(&self, _path: &Path) -> Result<(), TelemetryError> {
        Ok(())
    }
    pub(crate) const fn filing_fails(&self, _path: &Path) -> bool {
        false
    }
    pub(crate) const fn commit_fails(&self) -> bool {
        false
    }
    pub(crate) const fn acknowledges_early(&self) -> bool {
        false
    }
    pub(crate) const fn is_frozen(&self) -> bool {
        false
    }
    pub(crate) const fn release(&self) {}
}
