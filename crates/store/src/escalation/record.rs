//! How a try ended: the truth about one send, whoever learnt it.

use mayday_core::escalation::AttemptState;
use mayday_core::ids::AttemptId;

use super::known::Known;
use super::{announce, report, timer};
use crate::command::Command;
use crate::error::StoreError;
use crate::jobs::{self, Claim};
use crate::tx::Tx;

/// Records how a try ended. Output: whether that try was still open.
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
    /// Nothing was sent, and it is tried again.
    Again {
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

impl Command for RecordTry {
    type Output = bool;
    const NAME: &'static str = "escalation.record";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        let Some((mut incident, mut row)) = super::lock_attempt(tx, self.attempt).await? else {
            jobs::complete(tx, self.claim).await?;
            return Ok(false);
        };
        if row.tries != self.number || row.try_at.is_none() {
            return Ok(false);
        }
        let now = tx.now();
        row.try_at = None;
        let before = row.attempt.state;
        match &self.end {
            TryEnd::Accepted { provider_id, state } => {
                row.attempt.advance(AttemptState::Sent, now);
                row.attempt.advance(*state, now);
                row.provider_id = Some(provider_id.clone());
                (row.code, row.error) = (None, None);
                report::apply_kept(tx, &mut row).await?;
            }
            TryEnd::Again {
                never_here,
                code,
                reason,
            } => {
                let provider = row.provider.clone().filter(|_| *never_here);
                row.refused_by.extend(provider);
                (row.code, row.error) = (code.clone(), Some(reason.clone()));
            }
            TryEnd::Failed { code, reason } => {
                row.attempt.advance(AttemptState::Failed, now);
                (row.code, row.error) = (code.clone(), Some(reason.clone()));
            }
        }
        let moved = row.attempt.state != before;
        let mut known = Known::read(tx, &incident, None).await?;
        super::put(tx, &mut known, &row).await?;
        if moved {
            announce::moved(tx, &mut incident, &known).await?;
            announce::failed(tx, &incident, &row).await?;
            timer::wake(tx, incident.id).await?;
        }
        if !matches!(self.end, TryEnd::Again { .. }) {
            jobs::complete(tx, self.claim).await?;
        }
        Ok(true)
    }
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
        let mut known = Known::read(tx, &incident, None).await?;
        super::put(tx, &mut known, &row).await?;
        announce::moved(tx, &mut incident, &known).await?;
        announce::failed(tx, &incident, &row).await?;
        timer::wake(tx, incident.id).await?;
        Ok(true)
    }
}
