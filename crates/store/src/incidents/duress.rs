//! An SOS that was cancelled under duress (contract: Signature).
//!
//! The phone's incident is cancelled as any other: its row, its events, its history,
//! its all-clear. Beside it goes on a *hidden* incident, which contacts and operators
//! see and the phone never does: it has no numbered events, stands in no history and
//! no export, and a new trigger opens another one. Contacts who share the victim's
//! phone or mail address may be who forces them: they get the cancelled view.
//!
//! Whoever forces the victim has the phone, and may write themselves into its list of
//! contacts, or others out of it, to learn what is going on. So the hidden incident asks
//! those who were listed when it began, at the addresses that they had.
//!
//! Of the all-clear of the cancelled one nothing leaves but to those who share; for the
//! others it is recorded as sent, because the victim's app shows it.

use mayday_core::contact::Contact;
use mayday_core::ids::{ContactId, IncidentId, UserId};
use mayday_core::notification::NotificationType;
use mayday_core::sos::{Flag, Incident, State};
use serde_json::{Map, Value, json};

use super::row;
use crate::alerts::{self, AlertKind, NewAlert};
use crate::args;
use crate::error::StoreError;
use crate::escalation;
use crate::row::Row;
use crate::sql::Sql;
use crate::tx::Tx;
use crate::{contacts, users, webhooks};

/// Mail addresses that a user has logged in with which are looked at. Nobody has more.
const MAX_ADDRESSES: u32 = 100;

static HIDE: Sql = Sql::new(
    "UPDATE incidents SET hidden = $2, continues_id = $3, asked_contacts = $4 WHERE id = $1",
);
static CONTINUED: Sql =
    Sql::new("SELECT asked_contacts, id FROM incidents WHERE continues_id = $1 LIMIT 1");
static ASKED: Sql = Sql::new("SELECT asked_contacts FROM incidents WHERE id = $1");
static ADDRESSES: Sql = Sql::new("SELECT DISTINCT email FROM sessions WHERE user_id = $1 LIMIT $2");

pub(crate) const STATEMENTS: &[&Sql] = &[&HIDE, &CONTINUED, &ASKED, &ADDRESSES];

/// Has an incident that was just cancelled go on, hidden. `before` is what it was; the
/// caller holds its owner's lock.
pub(super) async fn go_on(tx: &mut Tx<'_>, before: Incident) -> Result<(), StoreError> {
    if !before.state.is_open() || before.drill {
        return Ok(());
    }
    let cancelled = before.id;
    let mut hidden = anew(tx, before);
    row::insert(tx, &hidden).await?;
    let trusted = trusted(tx, hidden.user).await?;
    let asked = serde_json::to_string(&trusted)
        .map_err(|error| StoreError::column(0, error.to_string()))?;
    let values = args![hidden.id, true, cancelled, asked.as_str()];
    tx.execute_one(&HIDE, values).await?;
    escalation::begin(tx, &mut hidden).await?;
    row::update(tx, &hidden, hidden.snapshot_version).await?;
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

/// The hidden incident as it begins. Everybody is asked anew: who promised help meant
/// another situation.
fn anew(tx: &Tx<'_>, before: Incident) -> Incident {
    let now = tx.now();
    let mut hidden = before;
    hidden.id = IncidentId::generate(tx.clock(), tx.entropy());
    hidden.flags.insert(Flag::Duress);
    hidden.state = State::Active;
    hidden.acknowledged_at = None;
    hidden.exhausted_at = None;
    hidden.updated_at = now;
    hidden.round = 1;
    hidden.round_began_at = now;
    hidden
}

/// Whom an incident asks: everybody whom its user lists; of a hidden one those who were
/// listed when it began, and nobody who may be forcing the victim.
pub async fn asked_by(tx: &mut Tx<'_>, incident: &Incident) -> Result<Vec<Contact>, StoreError> {
    if !incident.is_hidden() {
        return contacts::list(tx, incident.user).await;
    }
    let row = tx.fetch_one(&ASKED, args![incident.id]).await?;
    asked_of(&row)
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
    let asked = asked_of(&found)?.iter().any(|asked| asked.id == contact);
    if asked {
        found.get(1).map(Some)
    } else {
        Ok(None)
    }
}

fn asked_of(row: &Row) -> Result<Vec<Contact>, StoreError> {
    let Some(text) = row.get::<Option<String>>(0)? else {
        return Ok(Vec::new());
    };
    serde_json::from_str(&text).map_err(|error| StoreError::column(0, error.to_string()))
}

/// The user's contacts but for those who are reached where the user is: by the number or
/// address of the profile, or by an address that the partner vouched for.
async fn trusted(tx: &mut Tx<'_>, user: UserId) -> Result<Vec<Contact>, StoreError> {
    let mut listed = contacts::list(tx, user).await?;
    let row = users::get(tx, user).await?;
    let (profile, vouched) = row.map(|row| (row.profile, row.vouched_email)).unzip();
    let profile = profile.unwrap_or_default();
    let mut addresses: Vec<String> = vouched.flatten().into_iter().collect();
    for row in tx.fetch_all(&ADDRESSES, args![user, MAX_ADDRESSES]).await? {
        addresses.extend(row.get::<Option<String>>(0)?);
    }
    addresses.extend(profile.email);
    let is_theirs = |email: &str| {
        let email = email.to_lowercase();
        addresses.iter().any(|own| own.to_lowercase() == email)
    };
    listed.retain(|contact| {
        let phone = profile.phone.as_deref() == Some(contact.phone.as_str());
        !phone && !is_theirs(&contact.email)
    });
    Ok(listed)
}
