//! What became of a try whose end nobody recorded: the process died, or the provider
//! fell silent after the request had left. The provider is asked before anything is
//! sent again.

use std::time::Duration;

use mayday_core::escalation::AttemptState;
use mayday_core::ids::AttemptId;
use mayday_gateway::outcome::Found;
use mayday_store::Lane;
use mayday_store::escalation::{AttemptRow, RecordTry, Recorded, ReviewTry, TryEnd};
use mayday_store::jobs::Job;

use super::SendPoint;
use super::door::Door;
use super::message::Message;
use super::report::state_of;
use super::send::TRY_FOR;
use crate::{App, AppError};

/// How long a provider gets to list what it took.
const LISTED_AFTER: Duration = Duration::from_secs(2);
/// Wait between two look-ups that failed.
const ASK_EVERY: Duration = Duration::from_secs(3);
/// How long a provider that cannot tell is asked. Then the message goes out again:
/// perhaps twice is better than perhaps never.
const ASK_FOR: Duration = Duration::from_secs(20);
/// How often a message goes out again of which nobody knows whether it went out: one
/// duplicate at most.
const MAX_DOUBTS: u32 = 1;
/// How often a provider is believed that it never got a message. One that says so
/// again may be slow to list what it took.
const MAX_ABSENCES: u32 = 2;

/// What follows an open try.
pub(super) enum Reviewed {
    /// Its end is on record, and there is nothing more to do.
    Over,
    /// Nothing went out: it may be sent.
    Free,
    /// It has to be looked at again after this long.
    Wait(Duration),
}

impl App {
    /// Finds out what became of an open try.
    pub(super) async fn review_try(
        &self,
        job: &Job,
        attempt: AttemptId,
    ) -> Result<Reviewed, AppError> {
        let review = ReviewTry { attempt };
        let Some(review) = self.store.write(Lane::Job, review).await? else {
            return Ok(Reviewed::Free);
        };
        let (permit, others) = (&review.permit, &review.others);
        let row = &permit.attempt;
        let (Some(began), Some(provider)) = (row.try_at, row.provider.as_deref()) else {
            return Ok(Reviewed::Free);
        };
        let now = self.clock.now();
        let age = now.since(began);
        let early = LISTED_AFTER.saturating_sub(age);
        if !early.is_zero() {
            return Ok(Reviewed::Wait(early));
        }
        self.send_faults.at(SendPoint::BeforeLookUp).await;
        let door = Door::by_name(&self.senders, row.attempt.key.channel, provider);
        let found = match &door {
            Some(door) => {
                let message = Message::of(permit, &self.senders);
                door.find(&message, began, others).await
            }
            None => Found::Unknown {
                reason: "the provider is not configured any more".to_owned(),
            },
        };
        self.send_faults.at(SendPoint::AfterLookUp).await;
        let askable = door.as_ref().is_some_and(Door::can_be_asked);
        let tried = Tried {
            absences: row.absences,
            doubts: row.doubts,
            for_long: row
                .attempt
                .sending_at
                .is_some_and(|first| now.since(first) >= TRY_FOR),
            asked_enough: !askable || age >= ASK_FOR,
        };
        let Some(end) = end_of(found, tried) else {
            return Ok(Reviewed::Wait(ASK_EVERY));
        };
        self.record_end(job, row, end).await
    }

    async fn record_end(
        &self,
        job: &Job,
        row: &AttemptRow,
        end: TryEnd,
    ) -> Result<Reviewed, AppError> {
        let again = end.is_tried_again();
        let record = RecordTry {
            attempt: row.id,
            number: row.tries,
            claim: job.claim(),
            end,
        };
        Ok(match self.store.write(Lane::Job, record).await? {
            // Another attempt's message, recorded since it was looked for.
            Recorded::Foreign => Reviewed::Wait(ASK_EVERY),
            _ if again => Reviewed::Free,
            _ => Reviewed::Over,
        })
    }
}

/// What is known of an attempt beside the answer of the look-up.
#[derive(Clone, Copy, Debug)]
struct Tried {
    /// How often its provider said that it never got it.
    absences: u32,
    /// How often it went out again though nobody knew.
    doubts: u32,
    /// Whether it is tried for as long as a message may be.
    for_long: bool,
    /// Whether asking once more is of no use.
    asked_enough: bool,
}

/// What a look-up says of a try; `None`: ask again.
fn end_of(found: Found, tried: Tried) -> Option<TryEnd> {
    let reason = match found {
        Found::Sent {
            provider_id,
            status,
        } => {
            let state = state_of(status).max(AttemptState::Sent);
            return Some(TryEnd::Found { provider_id, state });
        }
        Found::Absent if tried.absences < MAX_ABSENCES && !tried.for_long => {
            return Some(TryEnd::Absent);
        }
        Found::Absent => "the provider says that it never got it".to_owned(),
        Found::Unknown { reason } => reason,
    };
    if !tried.asked_enough {
        tracing::debug!(reason, "a message could not be looked up");
        return None;
    }
    Some(if tried.doubts < MAX_DOUBTS {
        let reason = format!("nobody knows whether it went out: {reason}");
        TryEnd::Doubtful { reason }
    } else {
        let reason = format!("nobody knows whether it went out, twice: {reason}");
        TryEnd::Lost { reason }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: Tried = Tried {
        absences: 0,
        doubts: 0,
        for_long: false,
        asked_enough: true,
    };

    fn unknown() -> Found {
        Found::Unknown {
            reason: "503".to_owned(),
        }
    }

    #[test]
    fn doubt_costs_one_duplicate_at_most() {
        let asked_enough = false;
        let early = Tried {
            asked_enough,
            ..NEW
        };
        assert_eq!(end_of(unknown(), early), None);
        let doubtful = |end| matches!(end, Some(TryEnd::Doubtful { .. }));
        assert!(doubtful(end_of(unknown(), NEW)));
        let again = Tried { doubts: 1, ..NEW };
        let lost = |end| matches!(end, Some(TryEnd::Lost { .. }));
        assert!(lost(end_of(unknown(), again)));
    }

    #[test]
    fn who_says_again_and_again_that_nothing_came_is_not_believed_for_ever() {
        for absences in 0..MAX_ABSENCES {
            let tried = Tried { absences, ..NEW };
            assert_eq!(end_of(Found::Absent, tried), Some(TryEnd::Absent));
        }
        let often = Tried {
            absences: MAX_ABSENCES,
            ..NEW
        };
        for tried in [
            often,
            Tried {
                for_long: true,
                ..NEW
            },
        ] {
            let end = end_of(Found::Absent, tried);
            assert!(matches!(end, Some(TryEnd::Doubtful { .. })), "{end:?}");
            let end = end_of(Found::Absent, Tried { doubts: 1, ..tried });
            assert!(matches!(end, Some(TryEnd::Lost { .. })), "{end:?}");
        }
    }
}
