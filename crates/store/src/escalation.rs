//! The run of an escalation: what was sent to whom, who answered what, and the
//! links that were handed out (contract: Escalation).
//!
//! Nothing in here says what is due: `mayday_core::escalation::plan` does, from
//! what these tables hold. Every command locks the row of the incident's user
//! first, so that sending, answering and ending take turns.

pub mod acknowledge;
mod announce;
pub(crate) mod answered;
pub(crate) mod asked;
pub mod attempts;
pub mod decline;
mod known;
mod ladder;
pub(crate) mod listed;
pub(crate) mod opened;
mod permit;
mod record;
pub(crate) mod report;
pub(crate) mod revoke;
mod run;
pub(crate) mod timer;
pub mod tokens;
mod withdraw;

use mayday_core::escalation::Attempt;
use mayday_core::ids::{AttemptId, IncidentId};
use mayday_core::sos::Incident;

pub use acknowledge::{Acknowledge, AcknowledgeOutcome, AcknowledgementRow, By, Means};
pub use answered::{AcknowledgeByMessage, NoteAnswer, answered};
pub use asked::{Asked, Concerns, asked, concerns, is_still_asked};
pub use attempts::AttemptRow;
pub use decline::{Decline, DeclineOutcome};
pub use known::Reaches;
pub use ladder::ladder;
pub use opened::NoteOpened;
pub use permit::{Permit, PermitOutcome, PermitSend, Review, ReviewTry};
pub use record::{GiveUp, RecordTry, Recorded, TryEnd};
pub use report::{NoteReport, Reported, ReviewReports};
pub use revoke::RevokeLink;
pub use run::{Looked, RunEscalation};
pub use timer::{ESCALATE_JOB, REPORT_JOB, SEND_JOB};
pub use tokens::TokenRow;

use known::{Known, Shown};

use crate::dialect::Dialect;
use crate::error::StoreError;
use crate::tx::Tx;
use crate::{incidents, users};

/// Locks the user whose incident this is and reads the incident as it is then;
/// `None`: there is no such incident (any more).
async fn lock(tx: &mut Tx<'_>, id: IncidentId) -> Result<Option<Incident>, StoreError> {
    let Some(seen) = incidents::get(tx, id).await? else {
        return Ok(None);
    };
    users::lock(tx, seen.user).await?;
    if is_alone(tx) {
        return Ok(Some(seen));
    }
    incidents::get(tx, id).await
}

/// Whether nobody else can have changed what this transaction has read: SQLite has one
/// writer.
fn is_alone(tx: &Tx<'_>) -> bool {
    tx.dialect() == Dialect::Sqlite
}

/// The same for the incident of an attempt, which is read as it is then too.
async fn lock_attempt(
    tx: &mut Tx<'_>,
    id: AttemptId,
) -> Result<Option<(Incident, AttemptRow)>, StoreError> {
    let Some(seen) = attempts::get(tx, id).await? else {
        return Ok(None);
    };
    let Some(incident) = lock(tx, seen.incident).await? else {
        return Ok(None);
    };
    if is_alone(tx) {
        return Ok(Some((incident, seen)));
    }
    let row = attempts::get(tx, id).await?;
    Ok(row.map(|row| (incident, row)))
}

/// Writes a changed attempt, and has the rest of what is shown say so.
async fn put(tx: &mut Tx<'_>, shown: &mut Shown, row: &AttemptRow) -> Result<(), StoreError> {
    attempts::update(tx, row).await?;
    for own in shown.rows.iter_mut().filter(|own| own.id == row.id) {
        own.clone_from(row);
    }
    shown.renew();
    Ok(())
}

/// Has the plan looked at an attempt that moved, if anything may follow from it. That a
/// message was taken or arrived makes nothing due sooner, so the timer stands; an
/// all-clear may wait for it.
async fn look_at_move(
    tx: &mut Tx<'_>,
    incident: &Incident,
    before: &Attempt,
    after: &Attempt,
) -> Result<(), StoreError> {
    if before.is_lost() || after.is_lost() || !incident.state.is_open() {
        timer::wake(tx, incident.id).await?;
    }
    Ok(())
}

/// Shows the plan in an incident that is being opened.
pub(crate) async fn begin(tx: &mut Tx<'_>, incident: &mut Incident) -> Result<(), StoreError> {
    let known = Known::of_new(tx, incident).await?;
    announce::show(incident, &known)?;
    timer::wake_at(
        tx,
        incident.id,
        incident.created_at.plus(known.policy.grace),
    )
    .await
}

/// Takes back what waits and must not be sent as the incident stands now, shows it in
/// the incident, which the caller writes, and has the rest looked at.
pub(crate) async fn changed(tx: &mut Tx<'_>, incident: &mut Incident) -> Result<(), StoreError> {
    let mut known = Known::read(tx, incident, None).await?;
    withdraw::waiting(tx, incident, &mut known).await?;
    announce::show(incident, &known)?;
    timer::wake(tx, incident.id).await
}

/// Shows that a partner was told of an incident, or given up on. The caller has locked
/// the owner's row.
pub(crate) async fn partners_moved(tx: &mut Tx<'_>, id: IncidentId) -> Result<(), StoreError> {
    let Some(mut incident) = incidents::get(tx, id).await? else {
        return Ok(());
    };
    let shown = Shown::read(tx, &incident).await?;
    announce::moved(tx, &mut incident, &shown).await
}

#[cfg(test)]
mod tests;
