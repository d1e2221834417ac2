//! One message to one contact by one channel, and how far it got.

use super::channel::{Channel, Status};
use crate::ids::ContactId;
use crate::time::Timestamp;

/// What a message is for. Together with round, contact and channel it names an
/// attempt, so that none is made twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// The cry for help.
    Alert {
        /// 0 the first time, then counting the policy's repeats.
        repeat: u32,
    },
    /// The help that was promised fell silent.
    AskAgain {
        /// From 1, counting the silences of this round.
        time: u32,
    },
    /// It is over.
    AllClear,
}

impl Purpose {
    /// The word and the number in the store.
    pub const fn to_parts(self) -> (&'static str, u32) {
        match self {
            Self::Alert { repeat } => ("alert", repeat),
            Self::AskAgain { time } => ("ask_again", time),
            Self::AllClear => ("all_clear", 0),
        }
    }

    /// The purpose of a stored word and number.
    pub fn from_parts(word: &str, number: u32) -> Option<Self> {
        match word {
            "alert" => Some(Self::Alert { repeat: number }),
            "ask_again" => Some(Self::AskAgain { time: number }),
            "all_clear" => Some(Self::AllClear),
            _ => None,
        }
    }
}

/// What makes an attempt unique within its incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptKey {
    /// To whom.
    pub contact: ContactId,
    /// By what.
    pub channel: Channel,
    /// The incident's escalation round, from 1.
    pub round: u32,
    /// What for.
    pub purpose: Purpose,
}

/// How far an attempt got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AttemptState {
    /// Recorded, and nobody has begun to send it.
    Scheduled,
    /// Given to the provider, with an answer outstanding: it may have gone out.
    Sending,
    /// Taken by the provider.
    Sent,
    /// Finally failed; an attempt that is tried again is still `Sending`.
    Failed,
    /// The provider says that it arrived; of a call: it was answered.
    Delivered,
    /// Withdrawn before it was sent.
    Skipped,
}

/// One message to one contact by one channel. Times are of the server's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Which one.
    pub key: AttemptKey,
    /// How far it got.
    pub state: AttemptState,
    /// When the plan asked for it.
    pub scheduled_at: Timestamp,
    /// When it was first handed to a provider.
    pub sending_at: Option<Timestamp>,
    /// When the provider took it.
    pub sent_at: Option<Timestamp>,
    /// When it was delivered, failed or was skipped.
    pub settled_at: Option<Timestamp>,
    /// To which of the contact's addresses by this channel it goes: 0 is the one that
    /// the contact has now, others count those that it had before.
    pub address: u32,
    /// Whether it is unknown of any try of it if that went out.
    pub doubted: bool,
}

impl AttemptState {
    /// The word in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Delivered => "delivered",
            Self::Skipped => "skipped",
        }
    }

    /// The state of a stored word.
    pub fn parse(word: &str) -> Option<Self> {
        [
            Self::Scheduled,
            Self::Sending,
            Self::Sent,
            Self::Failed,
            Self::Delivered,
            Self::Skipped,
        ]
        .into_iter()
        .find(|state| state.as_str() == word)
    }

    /// What the victim's app is shown. `Sending` is shown as scheduled: nobody
    /// knows yet that it was sent.
    pub const fn status(self) -> Status {
        match self {
            Self::Scheduled | Self::Sending => Status::Scheduled,
            Self::Sent => Status::Sent,
            Self::Failed => Status::Failed,
            Self::Delivered => Status::Delivered,
            Self::Skipped => Status::Skipped,
        }
    }
}

impl Attempt {
    /// An attempt that the plan asked for at `at`.
    pub const fn scheduled(key: AttemptKey, at: Timestamp) -> Self {
        Self {
            key,
            state: AttemptState::Scheduled,
            scheduled_at: at,
            sending_at: None,
            sent_at: None,
            settled_at: None,
            address: 0,
            doubted: false,
        }
    }

    /// An attempt that is on record as not made.
    pub const fn skipped(key: AttemptKey, at: Timestamp) -> Self {
        let mut attempt = Self::scheduled(key, at);
        attempt.state = AttemptState::Skipped;
        attempt.settled_at = Some(at);
        attempt
    }

    /// Moves it to `state`, never backwards, so that reports may arrive late,
    /// twice or in the wrong order; says whether anything changed.
    ///
    /// `Delivered` stands over `Failed`: a phone that has the message has it,
    /// whatever is said afterwards. Only what is still `Scheduled` can be
    /// skipped, and what was skipped stays so.
    pub fn advance(&mut self, state: AttemptState, at: Timestamp) -> bool {
        let forward = match (self.state, state) {
            (AttemptState::Skipped, _) => false,
            (from, AttemptState::Skipped) => from == AttemptState::Scheduled,
            (from, to) => to > from,
        };
        if !forward {
            return false;
        }
        self.state = state;
        match state {
            AttemptState::Scheduled => {}
            AttemptState::Sending => self.sending_at = Some(at),
            AttemptState::Sent => self.sent_at = Some(at),
            AttemptState::Failed | AttemptState::Delivered | AttemptState::Skipped => {
                // A report may overtake the answer that says that it was taken, or come
                // from another clock: nothing arrives before it was taken.
                let taken_at = self.sent_at.or(self.sending_at);
                self.settled_at = Some(taken_at.map_or(at, |taken_at| at.max(taken_at)));
            }
        }
        // A provider's report proves that it was handed over, whatever of that
        // was recorded: the all-clear goes by this.
        if matches!(state, AttemptState::Sent | AttemptState::Delivered) {
            self.sending_at = self.sending_at.or(Some(at));
            self.sent_at = self.sent_at.or(Some(at));
        }
        true
    }

    /// Whether it may have gone out: the contact may know.
    pub const fn may_have_gone_out(&self) -> bool {
        self.sending_at.is_some()
    }

    /// Whether somebody may have it, though every provider that was tried refused: an
    /// attempt that no provider ever took, and of which none fell silent, told nobody.
    pub(super) const fn may_have_told(&self) -> bool {
        let refused =
            matches!(self.state, AttemptState::Failed) && self.sent_at.is_none() && !self.doubted;
        self.may_have_gone_out() && !refused
    }

    /// Whether nothing more can come of it.
    pub const fn is_lost(&self) -> bool {
        matches!(self.state, AttemptState::Failed | AttemptState::Skipped)
    }
}

#[cfg(test)]
mod tests;
