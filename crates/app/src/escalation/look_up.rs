//! What became of a try whose end nobody recorded: the process died, or the provider
//! fell silent after the request had left. The provider is asked before anything is
//! sent again.

use std::time::Duration;

use mayday_core::escalation::AttemptState;
use mayday_core::ids::AttemptId;
use mayday_gateway::outcome::Found;
use mayday_store::Lane;
use mayday_store::escalation::{Permit, RecordTry, ReviewTry, TryEnd};
use mayday_store::jobs::Job;

use super::SendPoint;
use super::door::Door;
use super::message::Message;
use super::report::state_of;
use crate::{App, AppError};

/// How long a provider gets to list what it took.
const LISTED_AFTER: Duration = Duration::from_secs(2);
/// Wait between two look-ups that failed.
const ASK_EVERY: Duration = Duration::from_secs(3);
/// How long a provider that cannot tell is asked. Then the message goes out again:
/// perhaps twice is better than perhaps never.
const ASK_FOR: Duration = Duration::from_secs(20);
/// Tries of a message whose provider cannot be asked: one duplicate at most.
const TRIES_IN_DOUBT: u32 = 2;

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
        let Some(permit) = self.store.write(Lane::Job, review).await? else {
            return Ok(Reviewed::Free);
        };
        let row = &permit.attempt;
        let (Some(began), Some(provider)) = (row.try_at, row.provider.as_deref()) else {
            return Ok(Reviewed::Free);
        };
        let age = self.clock.now().since(began);
        let early = LISTED_AFTER.saturating_sub(age);
        if !early.is_zero() {
            return Ok(Reviewed::Wait(early));
        }
        self.send_faults.at(SendPoint::BeforeLookUp).await;
        let door = Door::by_name(&self.senders, row.attempt.key.channel, provider);
        let found = match &door {
            Some(door) => {
                let message = Message::of(&permit, &self.senders);
                door.find(&message, began).await
            }
            None => Found::Unknown {
                reason: "the provider is not configured any more".to_owned(),
            },
        };
        self.send_faults.at(SendPoint::AfterLookUp).await;
        let askable = door.as_ref().is_some_and(Door::can_be_asked);
        let Some(end) = end_of(found, row.tries, age, askable) else {
            return Ok(Reviewed::Wait(ASK_EVERY));
        };
        self.record_end(job, &permit, end).await
    }

    async fn record_end(
        &self,
        job: &Job,
        permit: &Permit,
        end: TryEnd,
    ) -> Result<Reviewed, AppError> {
        let again = matches!(end, TryEnd::Again { .. });
        let record = RecordTry {
            attempt: permit.attempt.id,
            number: permit.attempt.tries,
            claim: job.claim(),
            end,
        };
        self.store.write(Lane::Job, record).await?;
        Ok(if again {
            Reviewed::Free
        } else {
            Reviewed::Over
        })
    }
}

/// What a look-up says of a try that is `age` old; `None`: ask again.
fn end_of(found: Found, tries: u32, age: Duration, askable: bool) -> Option<TryEnd> {
    match found {
        Found::Sent {
            provider_id,
            status,
        } => Some(TryEnd::Accepted {
            provider_id,
            state: state_of(status).max(AttemptState::Sent),
        }),
        Found::Absent => Some(TryEnd::Again {
            never_here: false,
            code: None,
            reason: "the provider never got it".to_owned(),
        }),
        Found::Unknown { reason } if askable && age < ASK_FOR => {
            tracing::debug!(reason, "a message could not be looked up");
            None
        }
        Found::Unknown { reason } if tries < TRIES_IN_DOUBT => Some(TryEnd::Again {
            never_here: false,
            code: None,
            reason: format!("nobody knows whether it went out: {reason}"),
        }),
        Found::Unknown { reason } => Some(TryEnd::Failed {
            code: None,
            reason: format!("nobody knows whether it went out, twice: {reason}"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unknown() -> Found {
        Found::Unknown {
            reason: "503".to_owned(),
        }
    }

    #[test]
    fn doubt_costs_one_duplicate_at_most() {
        let early = Duration::from_secs(5);
        assert_eq!(end_of(unknown(), 1, early, true), None);
        let late = ASK_FOR;
        let again = |end| matches!(end, Some(TryEnd::Again { .. }));
        assert!(again(end_of(unknown(), 1, late, true)));
        assert!(again(end_of(unknown(), 1, early, false)));
        let given_up = end_of(unknown(), 2, late, true);
        assert!(matches!(given_up, Some(TryEnd::Failed { .. })));
        assert!(again(end_of(Found::Absent, 9, late, true)));
    }
}
