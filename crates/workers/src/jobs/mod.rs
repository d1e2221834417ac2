//! One file per kind of job.

mod trail_copy;
mod user_erase;

use mayday_app::App;
use mayday_app::jobs::Job;

use crate::JobError;

/// The kinds of jobs that this version knows; their words lie in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Copies an ended incident's trail to it.
    TrailCopy,
    /// Carries the erasure of a user on.
    UserErase,
}

impl Kind {
    const ALL: [Self; 2] = [Self::TrailCopy, Self::UserErase];

    /// The words of all kinds: a server claims no other jobs.
    pub(crate) const WORDS: &[&str] = &[Self::TrailCopy.as_str(), Self::UserErase.as_str()];

    /// The kind of a stored word.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// The word in the store and in metrics.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::TrailCopy => "trail_copy",
            Self::UserErase => "user_erase",
        }
    }

    /// Does a job of this kind; doing it twice is doing it once.
    pub(crate) async fn run(self, app: &App, job: &Job) -> Result<(), JobError> {
        match self {
            Self::TrailCopy => trail_copy::run(app, job).await,
            Self::UserErase => user_erase::run(app, job).await,
        }
    }
}
