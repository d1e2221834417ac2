//! The receipt ladder of an incident, put together from what is on record.

use mayday_core::escalation::{AttemptState, Channel, Ladder, Purpose, Step};
use mayday_core::sos::Incident;

use super::acknowledge::{self, AcknowledgementRow, Means};
use super::attempts::{self, AttemptRow};
use super::tokens;
use crate::error::StoreError;
use crate::tx::Tx;

/// How far the cry for help got, per contact and channel; a repeat on a channel is
/// not told apart from the first.
pub async fn ladder(tx: &mut Tx<'_>, incident: &Incident) -> Result<Ladder, StoreError> {
    let mut ladder = Ladder::default();
    let rows = attempts::of_incident(tx, incident.id).await?;
    for row in &rows {
        let (key, attempt) = (row.attempt.key, &row.attempt);
        if attempt.state == AttemptState::Skipped || key.purpose == Purpose::AllClear {
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
    for said in acknowledge::standing(tx, incident.id).await? {
        note_answer(&mut ladder, &rows, &said);
    }
    Ok(ladder)
}

/// A digit answers the call and an SMS the SMS; the page, whatever carried its link. An
/// SMS of one who was asked by other ways answers those.
fn note_answer(ladder: &mut Ladder, rows: &[AttemptRow], said: &AcknowledgementRow) {
    let Some(contact) = said.contact else { return };
    let channel = match said.means.as_str() {
        means if means == Means::Call.as_str() => Channel::Voice,
        means if means == Means::Sms.as_str() => Channel::Sms,
        _ => {
            ladder.note_page(contact, Step::Acknowledged, said.at);
            return;
        }
    };
    let asked = rows.iter().any(|row| {
        let key = row.attempt.key;
        let own = (key.contact, key.channel) == (contact, channel);
        own && key.purpose != Purpose::AllClear && row.attempt.may_have_gone_out()
    });
    if asked {
        ladder.note(contact, channel, Step::Acknowledged, said.at);
    } else {
        ladder.note_answer(contact, said.at);
    }
}
