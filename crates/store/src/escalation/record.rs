//! How a try ended: the truth about one send, whoever learnt it.

use mayday_core::escalation::AttemptState;
use mayday_core::ids::AttemptId;

use super::attempts::{self, AttemptRow};
use super::known::Shown;
use super::{announce, report, timer};
use crate::command::Command;
use crate::error::StoreError;
use crate::jobs::{self, Claim};
use crate::tx::Tx;

/// Records how a try ended.
///
/// It is recorded whether or not the claim still holds: what a provider took is
/// taken.
#[derive(Clone, Debug)]
pub struct RecordTry {
    /// Which attempt.
    pub attempt: AttemptId,
    /// Which try of it, as the permit counted.
    pub number: u32,
    /// The claim on its job.
    pub claim: Claim,
    /// How it ended.
    pub end: TryEnd,
}

/// How a try ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TryEnd {
    /// The provider took it. The job is done.
    Accepted {
        /// Under which it speaks of it.
        provider_id: String,
        /// How far it says that it is, at least [`AttemptState::Sent`].
        state: AttemptState,
    },
    /// The provider was asked and has it. The job is done.
    Found {
        /// Under which it speaks of it.
        provider_id: String,
        /// How far it says that it is, at least [`AttemptState::Sent`].
        state: AttemptState,
    },
    /// The provider was asked and never got it: it is tried again.
    Absent,
    /// Nobody knows whether it went out, and it is tried again: perhaps twice is better
    /// than perhaps never.
    Doubtful {
        /// Why, for a person to read.
        reason: String,
    },
    /// Nobody knows whether it went out, and it is given up. The job is done.
    Lost {
        /// Why, for a person to read.
        reason: String,
    },
    /// Nothing was sent, and it is tried again.
    Refused {
        /// Whether this provider is not to be asked again for this message.
        never_here: bool,
        /// The provider's code.
        code: Option<String>,
        /// Why, for a person to read.
        reason: String,
    },
    /// Nothing was sent, and nothing can be. The job is done.
    Failed {
        /// The provider's code.
        code: Option<String>,
        /// Why, for a person to read.
        reason: String,
    },
}

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// It is written.
    Now,
    /// Somebody recorded an end of that try before: nothing changed.
    Before,
    /// What was found is another attempt's message: nothing changed.
    Foreign,
}

impl Command for RecordTry {
    type Output = Recorded;
    const NAME: &'static str = "escalation.record";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Recorded, StoreError> {
        let Some((mut incident, mut row)) = super::lock_attempt(tx, self.attempt).await? else {
            jobs::complete(tx, self.claim).await?;
            return Ok(Recorded::Before);
        };
        if row.tries != self.number || row.try_at.is_none() {
            return Ok(Recorded::Before);
        }
        let before = row.attempt;
        if !self.end.apply(tx, &mut row).await? {
            return Ok(Recorded::Foreign);
        }
        let mut shown = Shown::read(tx, &incident).await?;
        super::put(tx, &mut shown, &row).await?;
        if row.attempt.state != before.state {
            announce::moved(tx, &mut incident, &shown).await?;
            announce::failed(tx, &incident, &row).await?;
            super::look_at_move(tx, &incident, &before, &row.attempt).await?;
        }
        if !self.end.is_tried_again() {
            jobs::complete(tx, self.claim).await?;
        }
        Ok(Recorded::Now)
    }
}

impl TryEnd {
    /// Whether the attempt goes on with another try.
    pub const fn is_tried_again(&self) -> bool {
        matches!(
            self,
            Self::Absent | Self::Doubtful { .. } | Self::Refused { .. }
        )
    }

    /// Writes it into the attempt; `false` when it is the end of another one's message.
    async fn apply(&self, tx: &mut Tx<'_>, row: &mut AttemptRow) -> Result<bool, StoreError> {
        let now = tx.now();
        match self {
            Self::Accepted { provider_id, state } => {
                // Without an id of its own it is on record all the same.
                let own = is_own(tx, row, provider_id).await?;
                let id = Some(provider_id.clone()).filter(|id| own && !id.is_empty());
                taken_over(tx, row, id, *state).await?;
            }
            Self::Found { provider_id, state } => {
                if !is_own(tx, row, provider_id).await? {
                    return Ok(false);
                }
                taken_over(tx, row, Some(provider_id.clone()), *state).await?;
            }
            Self::Absent => {
                row.absences = row.absences.saturating_add(1);
                row.attempt.doubted = true;
                let why = "the provider never got it".to_owned();
                (row.code, row.error) = (None, Some(why));
            }
            Self::Doubtful { reason } | Self::Lost { reason } => {
                row.doubts = row.doubts.saturating_add(1);
                row.attempt.doubted = true;
                (row.code, row.error) = (None, Some(reason.clone()));
                if matches!(self, Self::Lost { .. }) {
                    row.attempt.advance(AttemptState::Failed, now);
                }
            }
            Self::Refused {
                never_here,
                code,
                reason,
            } => {
                let provider = row.provider.clone().filter(|_| *never_here);
                row.refused_by.extend(provider);
                (row.code, row.error) = (code.clone(), Some(reason.clone()));
            }
            Self::Failed { code, reason } => {
                row.attempt.advance(AttemptState::Failed, now);
                (row.code, row.error) = (code.clone(), Some(reason.clone()));
            }
        }
        row.try_at = None;
        Ok(true)
    }
}

async fn taken_over(
    tx: &mut Tx<'_>,
    row: &mut AttemptRow,
    provider_id: Option<String>,
    state: AttemptState,
) -> Result<(), StoreError> {
    let now = tx.now();
    row.attempt.advance(AttemptState::Sent, now);
    row.attempt.advance(state, now);
    row.provider_id = provider_id;
    (row.code, row.error) = (None, None);
    report::apply_kept(tx, row).await
}

/// Whether no other attempt is known to the provider by this id.
async fn is_own(tx: &mut Tx<'_>, row: &AttemptRow, provider_id: &str) -> Result<bool, StoreError> {
    let provider = row.provider.as_deref().unwrap_or_default();
    let known = attempts::by_provider(tx, provider, provider_id).await?;
    Ok(known.is_none_or(|known| known.id == row.id))
}

/// Gives an attempt up that no provider takes. Output: whether it was still to be
/// made.
#[derive(Clone, Debug)]
pub struct GiveUp {
    /// Which attempt.
    pub attempt: AttemptId,
    /// The claim on its job, which is done.
    pub claim: Claim,
    /// Why, for a person to read.
    pub reason: String,
}

impl Command for GiveUp {
    type Output = bool;
    const NAME: &'static str = "escalation.give_up";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        let found = super::lock_attempt(tx, self.attempt).await?;
        if !jobs::complete(tx, self.claim).await? {
            return Ok(false);
        }
        let Some((mut incident, mut row)) = found else {
            return Ok(false);
        };
        if row.try_at.is_some() || !row.attempt.advance(AttemptState::Failed, tx.now()) {
            return Ok(false);
        }
        row.error.get_or_insert_with(|| self.reason.clone());
        let mut shown = Shown::read(tx, &incident).await?;
        super::put(tx, &mut shown, &row).await?;
        announce::moved(tx, &mut incident, &shown).await?;
        announce::failed(tx, &incident, &row).await?;
        timer::wake(tx, incident.id).await?;
        Ok(true)
    }
}
