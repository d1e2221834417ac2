//! Makes one attempt: a permit, a provider, its answer on record.

use std::time::Duration;

use mayday_core::escalation::{AttemptState, Purpose};
use mayday_core::ids::AttemptId;
use mayday_gateway::outcome::{Next, Outcome, Refusal};
use mayday_store::Lane;
use mayday_store::escalation::{
    AttemptRow, GiveUp, Permit, PermitOutcome, PermitSend, RecordTry, TryEnd, attempts,
};
use mayday_store::jobs::Job;

use super::door::Door;
use super::look_up::Reviewed;
use super::message::Message;
use super::{Progress, SendPoint};
use crate::{App, AppError};

/// When a silent provider is asked what became of a message.
const LOOK_UP_AFTER: Duration = Duration::from_secs(2);
/// Wait before all providers are tried again; doubled for each further time ..
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// .. up to this. The plan goes on meanwhile.
const LONGEST_WAIT: Duration = Duration::from_secs(15);
/// The longest that a provider's wish to be left alone is followed: somebody waits for
/// help.
const LONGEST_ASKED: Duration = Duration::from_mins(1);
/// Wait when a provider has no place free.
const PLACE_WAIT: Duration = Duration::from_millis(250);
/// How long a message that nobody takes is tried, counted from the first try.
pub(super) const TRY_FOR: Duration = Duration::from_mins(10);

/// What follows one door.
enum After {
    /// The attempt is settled or somebody else's.
    Over,
    /// The next door; the provider asks to be left alone for so long.
    Next(Option<Duration>),
    /// The end is not known.
    Doubt,
}

impl App {
    /// Makes an attempt, or goes on with one that was begun.
    pub async fn send_message(&self, job: &Job, attempt: AttemptId) -> Result<Progress, AppError> {
        let mut tx = self.store.read_once().await?;
        let row = attempts::get(&mut tx, attempt).await?;
        drop(tx);
        let Some(mut row) = row.filter(|row| row.attempt.state <= AttemptState::Sending) else {
            return Ok(Progress::Done);
        };
        let mut last = None;
        if row.try_at.is_some() {
            match self.review_try(job, attempt).await? {
                Reviewed::Over => return Ok(Progress::Recorded),
                Reviewed::Wait(wait) => return Ok(Progress::Again(wait)),
                Reviewed::Free => last.clone_from(&row.provider),
            }
            row.try_at = None;
        }
        let Some(_slot) = self.slots.address(&row.address).await else {
            return Ok(Progress::Again(own_wait(job)));
        };
        self.try_doors(job, &row, last.as_deref()).await
    }

    /// Tries one door after the other; the one that fell silent comes last.
    async fn try_doors(
        &self,
        job: &Job,
        row: &AttemptRow,
        last: Option<&str>,
    ) -> Result<Progress, AppError> {
        let now = self.clock.now();
        let mut doors = Door::of(&self.senders, row, now);
        doors.retain(|door| !row.refused_by.contains(&door.name));
        doors.sort_by_key(|door| Some(door.name.as_str()) == last);
        let mut wait: Option<Duration> = None;
        for door in &doors {
            match self.try_door(job, row, door).await? {
                After::Over => return Ok(Progress::Recorded),
                After::Doubt => return Ok(Progress::Again(LOOK_UP_AFTER)),
                // Whichever provider is ready first gets it.
                After::Next(asked) => wait = [wait, asked].into_iter().flatten().min(),
            }
        }
        let tried_for = row.attempt.sending_at.map(|first| now.since(first));
        if let Some(asked) = wait
            && tried_for.unwrap_or_default() < TRY_FOR
        {
            let wait = own_wait(job).max(asked.min(LONGEST_ASKED));
            return Ok(Progress::Again(wait));
        }
        let give_up = GiveUp {
            attempt: row.id,
            claim: job.claim(),
            reason: "no provider takes it".to_owned(),
        };
        self.store.write(Lane::Job, give_up).await?;
        Ok(Progress::Recorded)
    }

    async fn try_door(&self, job: &Job, row: &AttemptRow, door: &Door) -> Result<After, AppError> {
        let Some(_slot) = self.slots.provider(&door.name).await else {
            return Ok(After::Next(Some(PLACE_WAIT)));
        };
        self.send_faults.at(SendPoint::BeforePermit).await;
        let ask = PermitSend {
            attempt: row.id,
            claim: job.claim(),
            provider: door.name.clone(),
            reaches: self.reaches(),
            caps: *self.senders.caps(),
        };
        let permit = match self.store.write(Lane::Job, ask).await? {
            PermitOutcome::Given(permit) => permit,
            PermitOutcome::Open => return Ok(After::Doubt),
            PermitOutcome::Withdrawn
            | PermitOutcome::OverCap
            | PermitOutcome::Pretended
            | PermitOutcome::Over
            | PermitOutcome::Lost => return Ok(After::Over),
        };
        self.send_faults.at(SendPoint::BeforeSend).await;
        let message = Message::of(&permit, &self.senders);
        self.measure_delay(&permit);
        let outcome = door.send(&message).await;
        self.send_faults.at(SendPoint::AfterSend).await;
        let now = self.clock.now();
        let channel = row.attempt.key.channel;
        self.senders.record(channel, &door.name, &outcome, now);
        self.record_outcome(job, &permit, outcome).await
    }

    async fn record_outcome(
        &self,
        job: &Job,
        permit: &Permit,
        outcome: Outcome,
    ) -> Result<After, AppError> {
        let (end, after) = match outcome {
            Outcome::Accepted { provider_id } => {
                let state = AttemptState::Sent;
                (TryEnd::Accepted { provider_id, state }, After::Over)
            }
            Outcome::Refused(refusal) => {
                let code = refusal.code.as_deref();
                self.heed_refusal(&permit.attempt, code).await;
                after_refusal(refusal)
            }
            Outcome::Ambiguous { reason } => {
                tracing::warn!(
                    attempt.id = %permit.attempt.id,
                    reason,
                    "a provider fell silent; it is asked what became of the message"
                );
                return Ok(After::Doubt);
            }
        };
        let record = RecordTry {
            attempt: permit.attempt.id,
            number: permit.attempt.tries,
            claim: job.claim(),
            end,
        };
        self.store.write(Lane::Job, record).await?;
        self.send_faults.at(SendPoint::AfterRecord).await;
        Ok(after)
    }

    /// The promise to the person in distress: from the end of the grace window to the
    /// provider's door, of the first message alone.
    fn measure_delay(&self, permit: &Permit) {
        let (row, incident) = (&permit.attempt, &permit.incident);
        let first = row.attempt.key.purpose == Purpose::Alert { repeat: 0 };
        // What goes on under duress began with its cancel, not with the first cry.
        if permit.first && first && incident.round == 1 && !incident.is_hidden() {
            let due = incident.created_at.plus(permit.policy.grace);
            let delay = self.clock.now().since(due);
            self.metrics.sos_first_sent(delay);
        }
    }
}

/// The wait after so many tries, whatever providers ask for.
fn own_wait(job: &Job) -> Duration {
    let doublings = u32::try_from(job.attempts.clamp(1, 10) - 1).unwrap_or(0);
    FIRST_WAIT.saturating_mul(1 << doublings).min(LONGEST_WAIT)
}

fn after_refusal(refusal: Refusal) -> (TryEnd, After) {
    let Refusal { next, code, reason } = refusal;
    match next {
        Next::Never => (TryEnd::Failed { code, reason }, After::Over),
        Next::OtherProvider => {
            let never_here = true;
            let end = TryEnd::Refused {
                never_here,
                code,
                reason,
            };
            (end, After::Next(None))
        }
        Next::Retry { after } => {
            let never_here = false;
            let end = TryEnd::Refused {
                never_here,
                code,
                reason,
            };
            (end, After::Next(Some(after.unwrap_or_default())))
        }
    }
}
