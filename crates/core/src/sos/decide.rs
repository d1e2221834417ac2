//! What a trigger does (contract: SOS, "at most one open incident", "a second
//! cry is heard").

use std::time::Duration;

use super::incident::{Incident, State};
use crate::time::Timestamp;

/// A trigger later than this after the last one starts a new escalation round.
pub const SECOND_CRY_AFTER: Duration = Duration::from_mins(10);

/// What the decision needs to know of the owner's open incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenIncident {
    /// [`State::Active`] or [`State::Acknowledged`].
    pub state: State,
    /// When the last trigger was received.
    pub last_trigger_at: Timestamp,
    /// When it was last acknowledged.
    pub acknowledged_at: Option<Timestamp>,
    /// When the escalation had nobody left to tell.
    pub exhausted_at: Option<Timestamp>,
}

/// What a trigger does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It opens an incident.
    Open,
    /// It updates the open incident.
    Update {
        /// And starts a new round of the escalation.
        new_round: bool,
    },
}

/// Decides what a trigger received `now` does that was not heard before; one that
/// was changes nothing and is never asked about here (see [`super::redelivery`]).
pub fn decide(open: Option<OpenIncident>, now: Timestamp) -> Decision {
    match open {
        None => Decision::Open,
        Some(open) => Decision::Update {
            new_round: open.is_second_cry(now),
        },
    }
}

impl OpenIncident {
    /// What the decision needs of an incident.
    pub fn of(incident: &Incident) -> Self {
        Self {
            state: incident.state,
            last_trigger_at: incident.last_trigger_at,
            acknowledged_at: incident.acknowledged_at,
            exhausted_at: incident.exhausted_at,
        }
    }

    /// Whether a trigger now means that the help so far was not enough. An
    /// acknowledgement or exhaustion counts once: the trigger after it starts
    /// the round, the next one is part of that round.
    fn is_second_cry(&self, now: Timestamp) -> bool {
        let since_last = |at: Option<Timestamp>| at.is_some_and(|at| at >= self.last_trigger_at);
        since_last(self.acknowledged_at)
            || since_last(self.exhausted_at)
            || now.since(self.last_trigger_at) > SECOND_CRY_AFTER
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAST: Timestamp = Timestamp::from_secs(1_000_000);

    fn open() -> OpenIncident {
        OpenIncident {
            state: State::Active,
            last_trigger_at: LAST,
            acknowledged_at: None,
            exhausted_at: None,
        }
    }

    fn after(secs: u64) -> Timestamp {
        LAST.plus(Duration::from_secs(secs))
    }

    fn new_round(open: OpenIncident, now: Timestamp) -> bool {
        decide(Some(open), now) == Decision::Update { new_round: true }
    }

    #[test]
    fn the_first_opens_and_a_repeat_updates() {
        assert_eq!(decide(None, after(0)), Decision::Open);
        assert_eq!(
            decide(Some(open()), after(5)),
            Decision::Update { new_round: false }
        );
    }

    #[test]
    fn more_than_ten_minutes_later_is_a_second_cry() {
        assert!(!new_round(open(), after(600)));
        assert!(new_round(open(), after(601)));
    }

    #[test]
    fn a_trigger_after_an_acknowledgement_or_exhaustion_is_a_second_cry() {
        let acknowledged = OpenIncident {
            state: State::Acknowledged,
            acknowledged_at: Some(after(5)),
            ..open()
        };
        assert!(new_round(acknowledged, after(6)));
        let exhausted = OpenIncident {
            exhausted_at: Some(after(5)),
            ..open()
        };
        assert!(new_round(exhausted, after(6)));
        // The round that it started is not started again by the next repeat.
        let heard = OpenIncident {
            last_trigger_at: after(6),
            ..acknowledged
        };
        assert!(!new_round(heard, after(7)));
    }
}
