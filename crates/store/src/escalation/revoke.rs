//! Makes tracking links useless: whoever has one sees where the person in distress is,
//! and can answer in the contact's name.
//!
//! A link is revoked in the transaction that removes its contact, or that gives them
//! another address in place of one that the link went to; and by an operator. The next
//! message to the contact carries another. A revoked link and an unknown one look the
//! same.
//!
//! Whoever forces a person to cancel has the phone with its list of contacts. So the
//! links that lead to the hidden incident stand, whatever becomes of the list: that
//! incident asks those who were listed when it began (see [`crate::incidents::duress`]).

use mayday_core::contact::Contact;
use mayday_core::ids::{AppUuid, ContactId, IncidentId};
use mayday_core::tracking::LINK_OUTLIVES;

use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::incidents::{self, OperatorAction, duress, record_action};
use crate::row::Row;
use crate::sql::Sql;
use crate::tx::Tx;

/// Incidents with a link that lives which are looked at, the latest: a user has one
/// open, and few more of the last day.
const MAX_INCIDENTS: u32 = 1_000;

static OF_CONTACT: Sql = Sql::new(
    "SELECT DISTINCT t.incident_id FROM tracking_tokens t \
        JOIN incidents i ON i.id = t.incident_id \
     WHERE t.contact_id = $1 AND t.revoked_at IS NULL AND NOT i.hidden \
        AND (i.state IN ('active', 'acknowledged') \
            OR COALESCE(i.resolved_at, i.cancelled_at) > $2) \
     ORDER BY t.incident_id DESC LIMIT $3",
);
// A call carries no link.
static SENT_TO: Sql = Sql::new(
    "SELECT DISTINCT t.incident_id FROM tracking_tokens t \
        JOIN incidents i ON i.id = t.incident_id \
        JOIN escalation_attempts a \
            ON a.incident_id = t.incident_id AND a.contact_id = t.contact_id \
     WHERE t.contact_id = $1 AND t.revoked_at IS NULL AND NOT i.hidden \
        AND (i.state IN ('active', 'acknowledged') \
            OR COALESCE(i.resolved_at, i.cancelled_at) > $2) \
        AND a.channel <> 'voice' AND a.sending_at IS NOT NULL AND a.address IN ($4, $5) \
     ORDER BY t.incident_id DESC LIMIT $3",
);
static REVOKE: Sql = Sql::new(
    "UPDATE tracking_tokens SET revoked_at = $3 \
     WHERE incident_id = $1 AND contact_id = $2 AND revoked_at IS NULL",
);
static CONTINUES: Sql = Sql::new("SELECT continues_id FROM incidents WHERE id = $1");

pub(crate) const STATEMENTS: &[&Sql] = &[&OF_CONTACT, &SENT_TO, &REVOKE, &CONTINUES];

/// A contact is removed. The caller holds the user's lock.
pub(crate) async fn removed(tx: &mut Tx<'_>, contact: ContactId) -> Result<(), StoreError> {
    let dead = tx.now().minus(LINK_OUTLIVES);
    let values = args![contact, dead, MAX_INCIDENTS];
    let rows = tx.fetch_all(&OF_CONTACT, values).await?;
    revoke_in(tx, contact, &rows).await
}

/// A contact has other addresses than before: the links of incidents of which a message
/// went to one of those that are not theirs any more. The caller holds the user's lock.
pub(crate) async fn corrected(
    tx: &mut Tx<'_>,
    before: &Contact,
    (phone, email): (&str, &str),
) -> Result<(), StoreError> {
    let lost = [
        Some(before.phone.as_str()).filter(|old| *old != phone),
        Some(before.email.as_str()).filter(|old| *old != email),
    ];
    if lost == [None, None] {
        return Ok(());
    }
    let dead = tx.now().minus(LINK_OUTLIVES);
    let values = args![before.id, dead, MAX_INCIDENTS, lost[0], lost[1]];
    let rows = tx.fetch_all(&SENT_TO, values).await?;
    revoke_in(tx, before.id, &rows).await
}

async fn revoke_in(
    tx: &mut Tx<'_>,
    contact: ContactId,
    incidents: &[Row],
) -> Result<(), StoreError> {
    for row in incidents {
        let Some(incident) = incidents::get(tx, row.get(0)?).await? else {
            continue;
        };
        let goes_on = duress::continued_for(tx, &incident, contact).await?;
        if goes_on.is_none() {
            revoke(tx, incident.id, contact).await?;
        }
    }
    Ok(())
}

async fn revoke(
    tx: &mut Tx<'_>,
    incident: IncidentId,
    contact: ContactId,
) -> Result<u64, StoreError> {
    let now = tx.now();
    tx.execute(&REVOKE, args![incident, contact, now]).await
}

/// An operator revokes the links of a contact in an incident. Output: how many there
/// were; `None`: the app has no such incident.
#[derive(Clone, Debug)]
pub struct RevokeLink {
    /// The app.
    pub app: AppUuid,
    /// The incident.
    pub incident: IncidentId,
    /// Whose links.
    pub contact: ContactId,
    /// Who revokes them.
    pub operator: String,
}

impl Command for RevokeLink {
    type Output = Option<u64>;
    const NAME: &'static str = "escalation.revoke_link";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Option<u64>, StoreError> {
        let Some(incident) = super::lock(tx, self.incident).await? else {
            return Ok(None);
        };
        if incident.app != self.app {
            return Ok(None);
        }
        let mut revoked = revoke(tx, incident.id, self.contact).await?;
        // Links of the incident that goes on in this one lead here, too.
        let continues = tx.fetch_one(&CONTINUES, args![incident.id]).await?;
        if let Some(cancelled) = continues.get::<Option<IncidentId>>(0)? {
            revoked += revoke(tx, cancelled, self.contact).await?;
        }
        if revoked > 0 {
            record_action(tx, incident.id, OperatorAction::RevokeLink, &self.operator).await?;
        }
        Ok(Some(revoked))
    }
}
