//! One file per kind of job.

mod checkin;
mod escalate;
mod mail;
mod report;
mod send;
mod trail_copy;
mod user_erase;
mod webhook;

use std::sync::Arc;
use std::time::Duration;

use mayday_app::App;
use mayday_app::escalation::Progress;
use mayday_app::jobs::Job;

use crate::JobError;

/// The kinds of jobs that this version knows; their words lie in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A check-in timer ran out.
    CheckIn,
    /// Looks at an escalation.
    Escalate,
    /// Makes one attempt to reach one contact.
    Send,
    /// Looks again at a provider's early reports.
    Report,
    /// Copies an ended incident's trail to it.
    TrailCopy,
    /// Carries the erasure of a user on.
    UserErase,
    /// Makes an attempt to deliver a notification.
    Webhook,
    /// Makes an attempt to send a mail of the outbox.
    Mail,
}

/// Kinds that share workers. Who waits for a stranger's server keeps nobody waiting
/// who is needed at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crew {
    /// The words of its kinds.
    pub(crate) words: &'static [&'static str],
    /// Jobs that run at a time.
    pub(crate) at_a_time: usize,
    /// The longest wait between two tries.
    pub(crate) max_delay: Duration,
    /// Tries before a job is set aside; `None`: never for having failed often.
    pub(crate) max_tries: Option<i64>,
}

/// What a person in distress waits for. Most of it waits for a provider, so that
/// places cost little. It is tried for as long as it is there.
pub(crate) const URGENT: Crew = Crew {
    words: &[
        Kind::CheckIn.as_str(),
        Kind::Escalate.as_str(),
        Kind::Send.as_str(),
        Kind::Report.as_str(),
    ],
    at_a_time: 256,
    max_delay: Duration::from_secs(15),
    max_tries: None,
};

/// About two and a half hours of tries.
const MAX_TRIES: Option<i64> = Some(24);
const MAX_DELAY: Duration = Duration::from_mins(10);

/// Everything that is done here, on our own store.
pub(crate) const HOUSE: Crew = Crew {
    words: &[Kind::TrailCopy.as_str(), Kind::UserErase.as_str()],
    at_a_time: 8,
    max_delay: MAX_DELAY,
    max_tries: MAX_TRIES,
};

/// What waits for the servers of partners, and for no slow one longer than half a second.
pub(crate) const PARTNERS: Crew = Crew {
    words: &[Kind::Webhook.as_str()],
    at_a_time: 64,
    max_delay: MAX_DELAY,
    max_tries: MAX_TRIES,
};

/// What waits for the mail server: few at once, so that it is not flooded. A mail
/// knows by itself how long it is worth trying.
pub(crate) const MAILS: Crew = Crew {
    words: &[Kind::Mail.as_str()],
    at_a_time: 8,
    max_delay: MAX_DELAY,
    max_tries: MAX_TRIES,
};

impl Kind {
    const ALL: [Self; 8] = [
        Self::CheckIn,
        Self::Escalate,
        Self::Send,
        Self::Report,
        Self::TrailCopy,
        Self::UserErase,
        Self::Webhook,
        Self::Mail,
    ];

    /// The words of all kinds: a server claims no other jobs.
    pub(crate) const WORDS: &[&str] = &[
        Self::CheckIn.as_str(),
        Self::Escalate.as_str(),
        Self::Send.as_str(),
        Self::Report.as_str(),
        Self::TrailCopy.as_str(),
        Self::UserErase.as_str(),
        Self::Webhook.as_str(),
        Self::Mail.as_str(),
    ];

    /// The kind of a stored word.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// The word in the store and in metrics.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::CheckIn => "checkin",
            Self::Escalate => "escalate",
            Self::Send => "send",
            Self::Report => "report",
            Self::TrailCopy => "trail_copy",
            Self::UserErase => "user_erase",
            Self::Webhook => "webhook",
            Self::Mail => "mail",
        }
    }

    /// Does a job of this kind; doing it twice is doing it once.
    pub(crate) async fn run(self, app: &Arc<App>, job: &Job) -> Result<Progress, JobError> {
        let done = |()| Progress::Done;
        match self {
            Self::CheckIn => checkin::run(app, job).await.map(done),
            Self::Escalate => escalate::run(app, job).await,
            Self::Send => send::run(app, job).await,
            Self::Report => report::run(app, job).await,
            Self::TrailCopy => trail_copy::run(app, job).await.map(done),
            Self::UserErase => user_erase::run(app, job).await.map(done),
            Self::Webhook => webhook::run(app, job).await.map(done),
            Self::Mail => mail::run(app, job).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_crew() {
        let mut worked: Vec<_> = [URGENT, HOUSE, PARTNERS, MAILS]
            .iter()
            .flat_map(|crew| crew.words)
            .collect();
        let mut known: Vec<_> = Kind::WORDS.iter().collect();
        worked.sort();
        known.sort();
        assert_eq!(worked, known);
        assert_eq!(Kind::WORDS, Kind::ALL.map(Kind::as_str));
    }
}
