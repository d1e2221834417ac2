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
/// What a provider does not list after this long it never got.
const LISTED_FOR_SURE: Duration = Duration::from_secs(30);
/// How often a provider is believed before that it never got a message: it may be slow to
/// list what it took.
const EARLY_ABSENCES: u32 = 2;
/// The waits between two look-ups that told nothing: a quarter of the age of the try, and
/// no less and no more than these.
const ASK_AGAIN: [Duration; 2] = [Duration::from_secs(3), Duration::from_secs(15)];
/// How long a provider that fails to tell is asked. Then the message goes out again:
/// perhaps twice is better than perhaps never. After that it is only asked.
const ASK_FOR: Duration = Duration::from_secs(20);
/// Where nobody can be asked, a message of which nobody knows whether it went out goes out
/// again after these waits: a gateway that restarts is back by the second, most outages
/// are over by the last, and in the worst case a contact hears the same so many times more.
const DOUBT_WAITS: [Duration; 4] = [
    LISTED_AFTER,
    Duration::from_secs(8),
    Duration::from_secs(30),
    Duration::from_secs(90),
];

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
        let tried = Tried {
            age,
            askable: door.as_ref().is_some_and(Door::can_be_asked),
            absences: row.absences,
            doubts: row.doubts,
            for_long: row
                .attempt
                .sending_at
                .is_some_and(|first| now.since(first) >= TRY_FOR),
        };
        let end = match end_of(found, tried) {
            Verdict::Ended(end) => end,
            Verdict::Wait(wait) => return Ok(Reviewed::Wait(wait)),
        };
        self.record_end(job, row, end, ask_again(age)).await
    }

    async fn record_end(
        &self,
        job: &Job,
        row: &AttemptRow,
        end: TryEnd,
        wait: Duration,
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
            Recorded::Foreign => Reviewed::Wait(wait),
            _ if again => Reviewed::Free,
            _ => Reviewed::Over,
        })
    }
}

/// What is known of an attempt beside the answer of the look-up.
#[derive(Clone, Copy, Debug)]
struct Tried {
    /// Since when the try is open.
    age: Duration,
    /// Whether its provider can tell what it took at all.
    askable: bool,
    /// How often its provider said that it never got it.
    absences: u32,
    /// How often it went out again though nobody knew.
    doubts: u32,
    /// Whether it is tried for as long as a message may be.
    for_long: bool,
}

/// What follows a look-up.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    Ended(TryEnd),
    /// It is asked again after this long.
    Wait(Duration),
}

fn end_of(found: Found, tried: Tried) -> Verdict {
    match found {
        Found::Sent {
            provider_id,
            status,
        } => {
            let state = state_of(status).max(AttemptState::Sent);
            Verdict::Ended(TryEnd::Found { provider_id, state })
        }
        Found::Absent => absent(tried),
        Found::Unknown { reason } => unknown(&reason, tried),
    }
}

/// The provider says that it never got it.
fn absent(tried: Tried) -> Verdict {
    if tried.absences >= EARLY_ABSENCES && tried.age < LISTED_FOR_SURE {
        return Verdict::Wait(LISTED_FOR_SURE.saturating_sub(tried.age));
    }
    Verdict::Ended(if tried.for_long {
        TryEnd::Failed {
            code: None,
            reason: "no provider took it within ten minutes".to_owned(),
        }
    } else {
        TryEnd::Absent
    })
}

/// Nobody knows whether it went out.
fn unknown(reason: &str, tried: Tried) -> Verdict {
    tracing::debug!(reason, "a message could not be looked up");
    let again_after = if tried.askable {
        Some(ASK_FOR).filter(|_| tried.doubts == 0)
    } else {
        let doubts = usize::try_from(tried.doubts).unwrap_or(usize::MAX);
        DOUBT_WAITS.get(doubts).copied()
    };
    match again_after {
        Some(wait) if tried.age < wait => {
            let early = wait.saturating_sub(tried.age);
            Verdict::Wait(early.min(ask_again(tried.age)))
        }
        Some(_) if !tried.for_long => Verdict::Ended(TryEnd::Doubtful {
            reason: format!("nobody knows whether it went out: {reason}"),
        }),
        // Whoever can be asked may know later; no more copies are made meanwhile.
        None if tried.askable && !tried.for_long => Verdict::Wait(ask_again(tried.age)),
        _ => Verdict::Ended(TryEnd::Lost {
            reason: format!("nobody knows whether it went out, again: {reason}"),
        }),
    }
}

fn ask_again(age: Duration) -> Duration {
    let [least, most] = ASK_AGAIN;
    (age / 4).clamp(least, most)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: Tried = Tried {
        age: LISTED_AFTER,
        askable: true,
        absences: 0,
        doubts: 0,
        for_long: false,
    };

    fn after_doubts(doubts: u32, age: u64, askable: bool) -> Verdict {
        let reason = "503".to_owned();
        let tried = Tried {
            age: Duration::from_secs(age),
            askable,
            doubts,
            ..NEW
        };
        end_of(Found::Unknown { reason }, tried)
    }

    fn is_doubtful(verdict: &Verdict) -> bool {
        matches!(verdict, Verdict::Ended(TryEnd::Doubtful { .. }))
    }

    #[test]
    fn where_somebody_can_be_asked_doubt_costs_one_duplicate() {
        let wait = |seconds| Verdict::Wait(Duration::from_secs(seconds));
        assert_eq!(after_doubts(0, 2, true), wait(3));
        assert_eq!(after_doubts(0, 19, true), wait(1));
        assert!(is_doubtful(&after_doubts(0, 20, true)));
        // From then on it is asked, and nothing more goes out.
        assert_eq!(after_doubts(1, 20, true), wait(5));
        assert_eq!(after_doubts(1, 500, true), wait(15));
        let tried = Tried {
            doubts: 1,
            for_long: true,
            ..NEW
        };
        let reason = "503".to_owned();
        let end = end_of(Found::Unknown { reason }, tried);
        assert!(matches!(end, Verdict::Ended(TryEnd::Lost { .. })));
    }

    #[test]
    fn where_nobody_can_be_asked_it_goes_out_again_more_and_more_rarely() {
        for (doubts, wait) in (0..).zip([2, 8, 30, 90]) {
            assert!(!is_doubtful(&after_doubts(doubts, wait - 1, false)));
            assert!(is_doubtful(&after_doubts(doubts, wait, false)));
        }
        let end = after_doubts(4, 2, false);
        assert!(matches!(end, Verdict::Ended(TryEnd::Lost { .. })));
    }

    #[test]
    fn who_says_that_nothing_came_is_believed_for_sure_after_half_a_minute() {
        let absent = |absences, age, for_long| {
            let tried = Tried {
                absences,
                for_long,
                age: Duration::from_secs(age),
                ..NEW
            };
            end_of(Found::Absent, tried)
        };
        let again = Verdict::Ended(TryEnd::Absent);
        assert_eq!(
            [absent(0, 2, false), absent(1, 2, false)],
            [again.clone(), again.clone()]
        );
        assert_eq!(absent(2, 2, false), Verdict::Wait(Duration::from_secs(28)));
        assert_eq!(absent(2, 30, false), again);
        assert_eq!(absent(19, 30, false), again);
        let given_up = absent(19, 30, true);
        assert!(matches!(given_up, Verdict::Ended(TryEnd::Failed { .. })));
    }
}
