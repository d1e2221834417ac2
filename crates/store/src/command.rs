//! What the store is asked to write.

use std::future::Future;

use crate::error::StoreError;
use crate::tx::Tx;

/// A re-runnable function over one transaction, free of side effects but those
/// on its transaction.
///
/// It may run more than once: again alone when a group's commit failed, again
/// after a serialisation failure on PostgreSQL, and once more when the answer
/// to a COMMIT was lost. So it takes `&self` and finds out by key what an
/// earlier run has already done; what left no key behind asks
/// [`Tx::may_be_done`].
pub trait Command: Send + Sync + 'static {
    /// What the caller gets after the commit. Refusals are outputs too, decided
    /// before anything is written.
    type Output: Send + 'static;

    /// The name in logs and metrics, such as `sos.trigger`.
    const NAME: &'static str;

    /// Does the work. An error rolls this command back, and only this one.
    fn run(&self, tx: &mut Tx<'_>)
    -> impl Future<Output = Result<Self::Output, StoreError>> + Send;
}

/// Which queue a command waits in; a lane is served before those below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Triggering and ending an SOS, and what an SOS connect needs.
    Sos,
    /// Sessions.
    Session,
    /// Background jobs.
    Job,
    /// All else: at most 5 ms a turn.
    Rest,
}

impl Lane {
    /// All lanes in the order in which they are served.
    pub const ALL: [Self; 4] = [Self::Sos, Self::Session, Self::Job, Self::Rest];

    /// The word in errors, logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sos => "sos",
            Self::Session => "session",
            Self::Job => "job",
            Self::Rest => "rest",
        }
    }
}
