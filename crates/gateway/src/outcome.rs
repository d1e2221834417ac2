//! What became of one attempt to send: the whole vocabulary of senders.
//!
//! There are three ends and no fourth. A sender that does not know says so:
//! [`Outcome::Ambiguous`] must be looked up (`find`) before anything is sent
//! again, or a contact is called twice, or never.

use std::time::Duration;

use crate::guard::GuardError;

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The provider took it over.
    Accepted {
        /// The provider's id, under which its callbacks speak of it.
        provider_id: String,
    },
    /// The provider did not take it; nothing was sent.
    Refused(Refusal),
    /// Nobody knows: the request left and no readable answer came. Look it up
    /// before sending again.
    Ambiguous {
        /// What happened, fit for a log.
        reason: String,
    },
}

/// A refusal, and what can follow it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What can follow.
    pub next: Next,
    /// The provider's code, such as `21610`.
    pub code: Option<String>,
    /// What happened, fit for a log and for the console.
    pub reason: String,
}

/// What can follow a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The same again, here or elsewhere, not before `after`.
    Retry {
        /// How long the provider asks to wait.
        after: Option<Duration>,
    },
    /// Not through this provider as it is set up, but through another.
    OtherProvider,
    /// Nothing: no provider can or may send this to that number.
    Never,
}

impl Refusal {
    /// A refusal that time may heal.
    pub fn retry(after: Option<Duration>, reason: impl Into<String>) -> Self {
        Self {
            next: Next::Retry { after },
            code: None,
            reason: reason.into(),
        }
    }

    /// A refusal that another provider may not repeat.
    pub fn elsewhere(reason: impl Into<String>) -> Self {
        Self {
            next: Next::OtherProvider,
            code: None,
            reason: reason.into(),
        }
    }
}

/// What a look-up after an ambiguous attempt found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The provider has it: it must not be sent again.
    Sent {
        /// The provider's id.
        provider_id: String,
        /// Where it stands now.
        status: Delivery,
    },
    /// The provider answered in full and does not have it.
    Absent,
    /// The look-up itself failed; it must be repeated.
    Unknown {
        /// What happened, fit for a log.
        reason: String,
    },
}

/// Where a message or call stands, in the words of the contract (Escalation).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Waiting at the provider.
    Scheduled,
    /// On its way, or ringing.
    Sent,
    /// Arrived, or answered and ended.
    Delivered,
    /// It did not arrive.
    Failed,
}

impl Outcome {
    /// What a request without an answer means.
    pub(crate) fn from_guard(error: &GuardError) -> Self {
        let reason = error.to_string();
        if error.maybe_sent() {
            Self::Ambiguous { reason }
        } else if error.is_temporary() {
            Self::Refused(Refusal::retry(None, reason))
        } else {
            Self::Refused(Refusal::elsewhere(reason))
        }
    }
}
