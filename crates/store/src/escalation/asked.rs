//! Who was asked and may be answering by phone.

use mayday_core::escalation::Channel;
use mayday_core::ids::{AttemptId, ContactId, IncidentId};

use super::known::address;
use super::{AttemptRow, acknowledge, attempts, decline};
use crate::args;
use crate::error::StoreError;
use crate::incidents::{self, duress};
use crate::sql::Sql;
use crate::tx::Tx;

/// Attempts that one number is looked through for. A number of more open incidents
/// than this at once is no contact's.
const MAX_ASKED: u32 = 50;
/// Entries of contacts that one number is looked through for, the latest: a number that
/// more users list is no contact's.
const MAX_LISTED: u32 = 1_000;

static ASKED: Sql = Sql::new(
    "SELECT a.id FROM escalation_attempts a JOIN incidents i ON i.id = a.incident_id \
     WHERE a.address = $1 AND a.channel = $2 AND a.purpose <> 'all_clear' \
       AND a.sending_at IS NOT NULL AND i.state IN ('active', 'acknowledged') \
     ORDER BY a.sending_at DESC LIMIT $3",
);
static ASKED_ANYHOW: Sql = Sql::new(
    "SELECT a.id FROM escalation_attempts a JOIN incidents i ON i.id = a.incident_id \
     WHERE a.address = $1 AND a.purpose <> 'all_clear' \
       AND a.sending_at IS NOT NULL AND i.state IN ('active', 'acknowledged') \
     ORDER BY a.sending_at DESC LIMIT $2",
);
static LISTED: Sql = Sql::new(
    "SELECT i.id, c.id, \
        (SELECT a.id FROM escalation_attempts a \
         WHERE a.incident_id = i.id AND a.contact_id = c.id AND a.address = c.email \
            AND a.purpose <> 'all_clear' AND a.sending_at IS NOT NULL \
         ORDER BY a.sending_at DESC LIMIT 1) \
     FROM (SELECT id, user_id, email FROM contacts WHERE phone = $1 \
           ORDER BY updated_at DESC LIMIT $2) c \
        JOIN incidents i ON i.user_id = c.user_id \
     WHERE i.state IN ('active', 'acknowledged') \
     ORDER BY i.created_at DESC LIMIT $3",
);
static LANGUAGE: Sql =
    Sql::new("SELECT language FROM contacts WHERE phone = $1 ORDER BY updated_at DESC LIMIT 1");

pub(crate) const STATEMENTS: &[&Sql] = &[&ASKED, &ASKED_ANYHOW, &LISTED, &LANGUAGE];

/// What may have gone out to a number (E.164) by this channel about incidents that
/// are open, the latest first.
pub async fn asked(
    tx: &mut Tx<'_>,
    phone: &str,
    channel: Channel,
) -> Result<Vec<AttemptRow>, StoreError> {
    let values = args![phone, channel.as_str(), MAX_ASKED];
    let mut found = Vec::new();
    for row in tx.fetch_all(&ASKED, values).await? {
        found.extend(attempts::get(tx, row.get(0)?).await?);
    }
    Ok(found)
}

/// What open incidents have to do with a number.
#[derive(Clone, Debug, Default)]
pub struct Concerns {
    /// What may have gone out to who has the number, by any channel, the latest first.
    pub asked: Vec<Asked>,
    /// Incidents of those who list the number and have not asked it.
    pub unasked: Vec<IncidentId>,
    /// The language of who has the number (BCP 47), if anybody lists or listed it.
    pub language: Option<String>,
}

/// Something that may have gone out to who has a number.
#[derive(Clone, Debug)]
pub struct Asked {
    /// What.
    pub row: AttemptRow,
    /// Whether they are a contact still, with that address: see [`is_still_asked`].
    pub still: bool,
    /// Whether somebody with the number has answered since, that they help or cannot.
    pub answered: bool,
}

/// What open incidents have to do with a number (E.164). A hidden incident is none of
/// the number's unless it was asked about it.
pub async fn concerns(tx: &mut Tx<'_>, phone: &str) -> Result<Concerns, StoreError> {
    let mut rows = Vec::new();
    for row in tx.fetch_all(&ASKED_ANYHOW, args![phone, MAX_ASKED]).await? {
        rows.extend(attempts::get(tx, row.get(0)?).await?);
    }
    let mut unasked = Vec::new();
    for row in tx
        .fetch_all(&LISTED, args![phone, MAX_LISTED, MAX_ASKED])
        .await?
    {
        let (incident, contact): (IncidentId, ContactId) = (row.get(0)?, row.get(1)?);
        let mail: Option<AttemptId> = row.get(2)?;
        let is_own =
            |row: &AttemptRow| (row.incident, row.attempt.key.contact) == (incident, contact);
        let called = rows.iter().any(is_own);
        let Some(hidden) = hides(tx, incident, contact, phone).await? else {
            continue;
        };
        match mail {
            Some(mail) => rows.extend(attempts::get(tx, mail).await?),
            None if called || hidden => {}
            None => unasked.push(incident),
        }
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row.attempt.sending_at));
    let mut asked = Vec::with_capacity(rows.len());
    for row in &rows {
        asked.push(Asked {
            row: row.clone(),
            still: is_still_asked(tx, row).await?,
            answered: is_answered(tx, row, &rows).await?,
        });
    }
    let language = match asked.first() {
        Some(asked) => Some(asked.row.language.clone()),
        None => language_of(tx, phone).await?,
    };
    Ok(Concerns {
        asked,
        unasked,
        language,
    })
}

/// Whether one of those who have the number has said since `row` was sent that they help,
/// or who it went to that they cannot; in a round before, it was an answer to that one.
async fn is_answered(
    tx: &mut Tx<'_>,
    row: &AttemptRow,
    rows: &[AttemptRow],
) -> Result<bool, StoreError> {
    let Some(incident) = incidents::get(tx, row.incident).await? else {
        return Ok(true);
    };
    let is_theirs = |contact: ContactId| {
        let mut own = rows.iter().filter(|own| own.incident == row.incident);
        own.any(|own| own.attempt.key.contact == contact)
    };
    let since = row.attempt.sending_at;
    let helps = acknowledge::of_incident(tx, row.incident).await?;
    let helps = helps.iter().any(|said| {
        let theirs = said.contact.is_some_and(is_theirs);
        theirs && said.round == incident.round && Some(said.last_sign_at) >= since
    });
    let cannot = decline::of_incident(tx, row.incident).await?;
    let cannot = cannot.iter().any(|no| {
        let own = no.contact == row.attempt.key.contact;
        own && no.round == incident.round && Some(no.at) >= since
    });
    Ok(helps || cannot)
}

/// Whether the incident is hidden; `None` when it does not ask this contact by the
/// number: whoever forces the victim may have written theirs into the list.
async fn hides(
    tx: &mut Tx<'_>,
    incident: IncidentId,
    contact: ContactId,
    phone: &str,
) -> Result<Option<bool>, StoreError> {
    let Some(incident) = incidents::get(tx, incident).await? else {
        return Ok(None);
    };
    let asked = duress::asked_by(tx, &incident).await?;
    let mut own = asked.iter();
    let own = own.any(|one| one.id == contact && one.phone == phone);
    Ok(own.then(|| incident.is_hidden()))
}

async fn language_of(tx: &mut Tx<'_>, phone: &str) -> Result<Option<String>, StoreError> {
    let row = tx.fetch_optional(&LANGUAGE, args![phone]).await?;
    row.map(|row| row.get(0)).transpose()
}

/// Whether who was asked there is a contact still, with that number or mail address: the
/// word of somebody who was taken from the list stops nothing.
pub async fn is_still_asked(tx: &mut Tx<'_>, asked: &AttemptRow) -> Result<bool, StoreError> {
    let Some(incident) = incidents::get(tx, asked.incident).await? else {
        return Ok(false);
    };
    let contacts = duress::asked_by(tx, &incident).await?;
    let key = asked.attempt.key;
    let mut listed = contacts.iter();
    Ok(listed.any(|one| one.id == key.contact && address(one, key.channel) == asked.address))
}
