//! What an app's administrator decided for all its users.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// The policy of an app.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppPolicy {
    /// Whether a static user hash is refused (contract: Identity, expiring hash).
    pub require_expiring: bool,
    /// Who may cancel somebody else's incident.
    pub cancel: CancelPolicy,
    /// Whether cancelling takes the PIN of a user who has one.
    #[serde(default)]
    pub cancel_signature: bool,
}

impl AppPolicy {
    /// Whether a genuine proof of this expiry (`None`: a static hash) is taken.
    pub const fn admits(&self, expires_at: Option<Timestamp>) -> bool {
        expires_at.is_some() || !self.require_expiring
    }
}

/// Who may cancel somebody else's incident by naming its device (contract:
/// SOS, Cancel).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelPolicy {
    /// A gateway that relayed it.
    #[default]
    RelayOnly,
    /// Any user of the app, the vendor's rule.
    AnyUser,
}

impl CancelPolicy {
    /// The word in settings and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RelayOnly => "relay_only",
            Self::AnyUser => "any_user",
        }
    }

    /// The policy of a word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::RelayOnly, Self::AnyUser]
            .into_iter()
            .find(|policy| policy.as_str() == word)
    }
}
