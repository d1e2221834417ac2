//! Takes back what is not to be sent any more, in the transaction of the change
//! that says so: whoever cancels is told that nothing more leaves, and nothing does.

use mayday_core::escalation::{AttemptState, withdrawn};
use mayday_core::sos::Incident;

use super::known::Known;
use super::{attempts, timer};
use crate::error::StoreError;
use crate::jobs;
use crate::tx::Tx;

/// Skips the attempts that wait and must not be made as the incident stands now;
/// whether there were any. The snapshot is the caller's to show.
pub(super) async fn waiting(
    tx: &mut Tx<'_>,
    incident: &Incident,
    known: &mut Known,
) -> Result<bool, StoreError> {
    let now = tx.now();
    let reasons: Vec<_> = {
        let situation = known.situation(incident, now);
        let ask = |row: &attempts::AttemptRow| withdrawn(&known.policy, &situation, &row.attempt);
        known.rows.iter().map(ask).collect()
    };
    let mut any = false;
    for (row, reason) in known.rows.iter_mut().zip(reasons) {
        let Some(reason) = reason else { continue };
        any |= row.attempt.advance(AttemptState::Skipped, now);
        row.skip_reason = Some(reason.as_str().to_owned());
        attempts::update(tx, row).await?;
        jobs::withdraw(tx, &timer::send_key(row.id)).await?;
    }
    known.renew();
    Ok(any)
}
