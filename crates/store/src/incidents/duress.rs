//! An SOS that was cancelled under duress (contract: Signature).
//!
//! The phone's incident is cancelled as any other: its row, its events, its history,
//! its all-clear. Beside it goes on a *hidden* incident, which contacts and operators
//! see and the phone never does: it has no numbered events, stands in no history and
//! no export, and a new trigger opens another one. Contacts who share the victim's
//! phone or mail address may be who forces them: they get the cancelled view.
//!
//! Of the all-clear of the cancelled one nothing leaves but to those; for the others
//! it is recorded as sent, because the victim's app shows it.

use mayday_core::contact::Contact;
use mayday_core::ids::{ContactId, IncidentId};
use mayday_core::notification::NotificationType;
use mayday_core::profile::Profile;
use mayday_core::sos::{Flag, Incident, State};
use serde_json::{Map, Value, json};

use super::row;
use crate::alerts::{self, AlertKind, NewAlert};
use crate::args;
use crate::error::StoreError;
use crate::escalation;
use crate::sql::Sql;
use crate::tx::Tx;
use crate::{contacts, users, webhooks};

static HIDE: Sql = Sql::new("UPDATE incidents SET hidden = $2, continues_id = $3 WHERE id = $1");
static CONTINUED: Sql = Sql::new("SELECT id FROM incidents WHERE continues_id = $1 LIMIT 1");

pub(crate) const STATEMENTS: &[&Sql] = &[&HIDE, &CONTINUED];

/// Has an incident that was just cancelled go on, hidden. `before` is what it was; the
/// caller holds its owner's lock.
pub(super) async fn go_on(tx: &mut Tx<'_>, before: Incident) -> Result<(), StoreError> {
    if !before.state.is_open() || before.drill {
        return Ok(());
    }
    let now = tx.now();
    let cancelled = before.id;
    let mut hidden = before;
    hidden.id = IncidentId::generate(tx.clock(), tx.entropy());
    hidden.flags.insert(Flag::Duress);
    hidden.state = State::Active;
    hidden.acknowledged_at = None;
    hidden.exhausted_at = None;
    hidden.updated_at = now;
    hidden.round = 1;
    hidden.round_began_at = now;
    // Everybody is asked anew: who promised help meant another situation.
    escalation::begin(tx, &mut hidden).await?;
    row::insert(tx, &hidden).await?;
    tx.execute_one(&HIDE, args![hidden.id, true, cancelled])
        .await?;
    let alert = NewAlert {
        app: hidden.app,
        kind: AlertKind::Duress,
        key: &hidden.id.to_string(),
        user: Some(hidden.user),
        incident: Some(hidden.id),
        detail: json!({"cancelled_incident_id": cancelled}),
    };
    alerts::raise(tx, alert).await?;
    let mut more = Map::new();
    more.insert("by".to_owned(), Value::Null);
    webhooks::tell(tx, &hidden, NotificationType::SosOpened, more).await
}

/// The incident in which this one goes on for a contact; `None` when it does not, or
/// when the contact may be who forces the victim.
pub async fn continued_for(
    tx: &mut Tx<'_>,
    incident: &Incident,
    contact: ContactId,
) -> Result<Option<IncidentId>, StoreError> {
    if incident.state != State::Cancelled {
        return Ok(None);
    }
    let Some(found) = tx.fetch_optional(&CONTINUED, args![incident.id]).await? else {
        return Ok(None);
    };
    let Some(user) = users::get(tx, incident.user).await? else {
        return Ok(None);
    };
    let listed = contacts::list(tx, incident.user).await?;
    let shares = listed
        .iter()
        .any(|listed| listed.id == contact && shares(listed, &user.profile));
    if shares {
        Ok(None)
    } else {
        found.get(0).map(Some)
    }
}

/// Whether a contact is reached where the victim is.
pub(crate) fn shares(contact: &Contact, victim: &Profile) -> bool {
    let phone = victim.phone.as_deref() == Some(contact.phone.as_str());
    let email = victim
        .email
        .as_ref()
        .is_some_and(|email| email.to_lowercase() == contact.email.to_lowercase());
    phone || email
}
