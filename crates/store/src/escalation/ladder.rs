//! The receipt ladder of an incident, put together from what is on record.

use mayday_core::escalation::{AttemptState, Ladder, Step};
use mayday_core::sos::Incident;

use super::{acknowledge, attempts, tokens};
use crate::error::StoreError;
use crate::tx::Tx;

/// How far the cry for help got, per contact and channel; a repeat on a channel is
/// not told apart from the first.
pub async fn ladder(tx: &mut Tx<'_>, incident: &Incident) -> Result<Ladder, StoreError> {
    let mut ladder = Ladder::default();
    let rows = attempts::of_incident(tx, incident.id).await?;
    for row in &rows {
        let (key, attempt) = (row.attempt.key, &row.attempt);
        if attempt.state == AttemptState::Skipped
            || key.purpose == mayday_core::escalation::Purpose::AllClear
        {
            continue;
        }
        let failed = attempt
            .settled_at
            .filter(|_| attempt.state == AttemptState::Failed);
        let arrived = attempt
            .settled_at
            .filter(|_| attempt.state == AttemptState::Delivered);
        let steps = [
            (Step::Stored, Some(incident.created_at)),
            (Step::Queued, Some(attempt.scheduled_at)),
            (Step::Accepted, attempt.sent_at),
            (Step::Failed, failed),
            (Step::Delivered, arrived),
        ];
        for (step, at) in steps {
            if let Some(at) = at {
                ladder.note(key.contact, key.channel, step, at);
            }
        }
    }
    for token in tokens::of_incident(tx, incident.id).await? {
        if let Some(at) = token.opened_at {
            ladder.note_page(token.contact, Step::Opened, at);
        }
    }
    for said in acknowledge::of_incident(tx, incident.id).await? {
        if let Some(contact) = said.contact {
            ladder.note_page(contact, Step::Acknowledged, said.at);
        }
    }
    Ok(ladder)
}
