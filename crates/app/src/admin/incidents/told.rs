//! What an operator is shown of the person in distress, of each message about it and
//! of the links that the messages carried.

use mayday_core::escalation::Purpose;
use mayday_core::ids::{ContactId, IncidentId, UserId};
use mayday_core::sos::Incident;
use mayday_core::time::Timestamp;
use mayday_store::escalation::acknowledge::AcknowledgementRow;
use mayday_store::escalation::{AttemptRow, TokenRow};
use mayday_store::{StoreError, Tx, incidents, users};
use serde::{Deserialize, Serialize};

/// Most messages of one incident that are shown, the newest.
const MAX_MESSAGES: usize = 500;

/// The person in distress, as their profile has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonView {
    /// The name.
    pub name: Option<String>,
    /// E.164. Nobody calls it while they are under threat: whoever forces them hears it
    /// ring.
    pub phone: Option<String>,
    /// The mail address.
    pub email: Option<String>,
    /// The postal address.
    pub address: Option<String>,
    /// Whether an open incident of theirs is hidden from their phone: somebody forces them.
    #[serde(default)]
    pub under_threat: bool,
}

/// One message to one contact by one channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageView {
    /// To whom.
    pub contact_id: ContactId,
    /// The name of then.
    pub name: String,
    /// `sms`, `email` or `voice`.
    pub channel: String,
    /// The number or mail address of then.
    pub address: String,
    /// `alert`, `asked_again`, or of an all-clear `cancelled` or `resolved`.
    pub kind: String,
    /// The round of the escalation, from 1.
    pub round: u32,
    /// `scheduled`, `sending`, `sent`, `failed`, `delivered` or `skipped`.
    pub state: String,
    /// When it was due.
    pub scheduled_at: Timestamp,
    /// When it was first handed to a provider.
    pub sending_at: Option<Timestamp>,
    /// When the provider took it.
    pub sent_at: Option<Timestamp>,
    /// When it was delivered, failed or was skipped.
    pub settled_at: Option<Timestamp>,
    /// How often it was tried.
    pub tries: u32,
    /// The provider of the latest try.
    pub provider: Option<String>,
    /// Why it was skipped, or why the latest try failed, for a person to read.
    pub reason: Option<String>,
    /// The provider's latest code, such as `21610`.
    pub code: Option<String>,
    /// Of an all-clear that never left, since for this contact the incident goes on under
    /// this id.
    #[serde(default)]
    pub goes_on_in: Option<IncidentId>,
}

/// A link to the tracking page that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkView {
    /// Whose it is.
    pub contact_id: ContactId,
    /// When it was sent first.
    pub created_at: Timestamp,
    /// When the page was opened first, perhaps by a preview.
    pub opened_at: Option<Timestamp>,
    /// When it was opened last.
    pub last_opened_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// Who is in distress; of somebody who was erased nothing is left to show.
pub(super) async fn person(tx: &mut Tx<'_>, user: UserId) -> Result<PersonView, StoreError> {
    let profile = users::get(tx, user).await?.map(|row| row.profile);
    let profile = profile.unwrap_or_default();
    let mut under_threat = false;
    for hidden in incidents::hidden_of(tx, user).await? {
        let incident = incidents::get(tx, hidden).await?;
        under_threat |= incident.is_some_and(|incident| incident.state.is_open());
    }
    Ok(PersonView {
        name: profile.name,
        phone: profile.phone,
        email: profile.email,
        address: profile.address,
        under_threat,
    })
}

/// The messages about an incident, in the order in which they were due.
pub(super) async fn messages(
    tx: &mut Tx<'_>,
    incident: &Incident,
    rows: &[AttemptRow],
) -> Result<Vec<MessageView>, StoreError> {
    let older = rows.len().saturating_sub(MAX_MESSAGES);
    let mut messages = Vec::new();
    for row in rows.iter().skip(older) {
        let key = row.attempt.key;
        let goes_on_in = match key.purpose {
            Purpose::AllClear => incidents::continued_for(tx, incident, key.contact).await?,
            _ => None,
        };
        messages.push(MessageView {
            goes_on_in,
            ..message(row)
        });
    }
    Ok(messages)
}

fn message(row: &AttemptRow) -> MessageView {
    let attempt = &row.attempt;
    MessageView {
        contact_id: attempt.key.contact,
        name: row.name.clone(),
        channel: attempt.key.channel.as_str().to_owned(),
        address: row.address.clone(),
        kind: row.kind.as_str().to_owned(),
        round: attempt.key.round,
        state: attempt.state.as_str().to_owned(),
        scheduled_at: attempt.scheduled_at,
        sending_at: attempt.sending_at,
        sent_at: attempt.sent_at,
        settled_at: attempt.settled_at,
        tries: row.tries,
        provider: row.provider.clone(),
        reason: row.skip_reason.clone().or_else(|| row.error.clone()),
        code: row.code.clone(),
        goes_on_in: None,
    }
}

pub(super) fn link(row: &TokenRow) -> LinkView {
    LinkView {
        contact_id: row.contact,
        created_at: row.created_at,
        opened_at: row.opened_at,
        last_opened_at: row.last_opened_at,
        revoked_at: row.revoked_at,
    }
}

/// Whether somebody who helps gave no sign for so long that others were asked.
pub(super) fn is_silent(helper: &AcknowledgementRow, asked: &[AttemptRow]) -> bool {
    let sign = helper.last_sign_at.max(helper.at);
    asked.iter().any(|row| {
        let key = row.attempt.key;
        let again = matches!(key.purpose, Purpose::AskAgain { .. });
        again && key.round == helper.round && row.attempt.scheduled_at > sign
    })
}
