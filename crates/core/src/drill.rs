//! Drills: the whole path of an SOS on trial, every message marked as a drill
//! (contract: Escalation).
//!
//! A drill lies outside the rule of one open incident and is never shown as an
//! SOS. It ends by itself when it has shown what it can, and at once when a real
//! SOS comes.

use std::time::Duration;

use crate::ids::{IncidentId, UserId};
use crate::time::Timestamp;

/// A drill that neither ended nor was answered ends after this.
pub const DRILL_LIMIT: Duration = Duration::from_hours(1);
/// Drills of one user within [`DRILL_WINDOW`]: each may send real messages.
pub const MAX_DRILLS: u32 = 5;
/// Within which [`MAX_DRILLS`] are counted.
pub const DRILL_WINDOW: Duration = Duration::from_hours(24);

/// Why a drill ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DrillEnd {
    /// Somebody acknowledged it.
    Acknowledged,
    /// Nobody did, and nobody was left to ask.
    Unanswered,
    /// The user or an operator stopped it.
    Stopped,
    /// A real SOS came.
    RealSos,
    /// It lasted for [`DRILL_LIMIT`].
    TimedOut,
}

impl DrillEnd {
    const ALL: [Self; 5] = [
        Self::Acknowledged,
        Self::Unanswered,
        Self::Stopped,
        Self::RealSos,
        Self::TimedOut,
    ];

    /// The word on the wire and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Acknowledged => "acknowledged",
            Self::Unanswered => "unanswered",
            Self::Stopped => "stopped",
            Self::RealSos => "real_sos",
            Self::TimedOut => "timed_out",
        }
    }

    /// The end of a stored word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|end| end.as_str() == word)
    }
}

/// A drill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drill {
    /// The incident that it plays.
    pub incident: IncidentId,
    /// Whose it is.
    pub user: UserId,
    /// When it was started.
    pub started_at: Timestamp,
    /// When and why it ended; `None` while it runs.
    pub ended: Option<(Timestamp, DrillEnd)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_end_has_a_word() {
        for end in DrillEnd::ALL {
            assert_eq!(DrillEnd::parse(end.as_str()), Some(end));
        }
        assert_eq!(DrillEnd::parse("lost"), None);
    }
}
