//! Channels, and the words for how far a message got (contract: Escalation,
//! Snapshot).

use serde::{Deserialize, Serialize};

/// A way to reach somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// A text message with a tracking link.
    Sms,
    /// A call.
    Voice,
    /// Mail with a tracking link.
    Email,
    /// A message in a Slack channel; no contact's.
    Slack,
    /// A partner's endpoint; no contact's.
    Webhook,
}

impl Channel {
    /// Those by which a contact can be reached.
    pub const OF_CONTACTS: [Self; 3] = [Self::Sms, Self::Email, Self::Voice];

    /// The word on the wire, in policies and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Voice => "voice",
            Self::Email => "email",
            Self::Slack => "slack",
            Self::Webhook => "webhook",
        }
    }

    /// The channel of a word.
    pub fn parse(word: &str) -> Option<Self> {
        [
            Self::Sms,
            Self::Voice,
            Self::Email,
            Self::Slack,
            Self::Webhook,
        ]
        .into_iter()
        .find(|channel| channel.as_str() == word)
    }

    /// Whether the tracking link is in what it carries.
    pub const fn carries_link(self) -> bool {
        matches!(self, Self::Sms | Self::Email)
    }
}

/// `status` of an actuator, a contact, a channel or a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Not sent yet.
    Scheduled,
    /// Taken by the provider.
    Sent,
    /// The provider says that it arrived.
    Delivered,
    /// It did not, finally.
    Failed,
    /// It was not needed or not possible.
    Skipped,
}

/// `outcome`, which follows from the status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Still open.
    Pending,
    /// On its way, or there.
    Success,
    /// It did not work.
    Failure,
    /// It was not tried.
    Skipped,
}

impl Status {
    /// The status of a provider's word: ours, or one that the contract's table
    /// lists, with `-`, `_` or a space inside, in any case. `None` for a word that
    /// is not in the table: what it means is for that provider's adapter to know.
    pub fn of_provider(word: &str) -> Option<Self> {
        let word = word.trim().to_ascii_lowercase().replace(['-', ' '], "_");
        match word.as_str() {
            "scheduled" | "queued" => Some(Self::Scheduled),
            "sent" | "ringing" | "in_progress" => Some(Self::Sent),
            "delivered" | "completed" | "acknowledged" => Some(Self::Delivered),
            "failed" | "no_answer" | "busy" | "canceled" | "undelivered" => Some(Self::Failed),
            "skipped" => Some(Self::Skipped),
            _ => None,
        }
    }

    /// The word on the wire and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }

    /// What it amounts to.
    pub const fn outcome(self) -> Outcome {
        match self {
            Self::Scheduled => Outcome::Pending,
            Self::Sent | Self::Delivered => Outcome::Success,
            Self::Failed => Outcome::Failure,
            Self::Skipped => Outcome::Skipped,
        }
    }

    /// How much hope it leaves: of several, the most hopeful speaks for all.
    pub(super) const fn hope(self) -> u8 {
        match self {
            Self::Skipped => 0,
            Self::Failed => 1,
            Self::Scheduled => 2,
            Self::Sent => 3,
            Self::Delivered => 4,
        }
    }
}
