//! Attempts as rows: one message to one contact by one channel.

use mayday_core::escalation::{Attempt, AttemptKey, AttemptState, Channel, Kind, Purpose};
use mayday_core::ids::{AttemptId, IncidentId};
use mayday_core::time::Timestamp;

use crate::args;
use crate::error::StoreError;
use crate::row::Row;
use crate::sql::Sql;
use crate::tx::Tx;

/// Most attempts of one incident that are read, the newest: more than 20 contacts can
/// be asked by three channels in a round with all its silences. Of older ones only
/// where they went is read, for the all-clear.
const MAX_ATTEMPTS: usize = 5_000;

/// Most ids of a provider that a look-up passes over.
const MAX_TAKEN: u32 = 500;

macro_rules! columns {
    () => {
        "id, incident_id, contact_id, channel, round, purpose, number, kind, drill, real_send, \
         name, address, language, state, scheduled_at, sending_at, sent_at, settled_at, \
         skip_reason, tries, provider, try_at, provider_id, refused_by, code, error, answered_by, \
         doubts, absences, link_generation"
    };
}

static INSERT: Sql = Sql::new(concat!(
    "INSERT INTO escalation_attempts (",
    columns!(),
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, \
     $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30)"
));
static OF_INCIDENT: Sql = Sql::new(concat!(
    "SELECT ",
    columns!(),
    " FROM escalation_attempts WHERE incident_id = $1 ORDER BY scheduled_at DESC, id DESC LIMIT $2"
));
static TOLD_BEFORE: Sql = Sql::new(concat!(
    "SELECT ",
    columns!(),
    " FROM (SELECT escalation_attempts.*, row_number() OVER \
        (PARTITION BY contact_id, channel, address ORDER BY scheduled_at DESC, id DESC) AS place \
        FROM escalation_attempts WHERE incident_id = $1 AND sending_at IS NOT NULL \
        AND (scheduled_at, id) < ($2, $3)) AS told \
     WHERE place = 1 ORDER BY scheduled_at, id LIMIT $4"
));
static TAKEN: Sql = Sql::new(
    "SELECT provider_id FROM escalation_attempts \
     WHERE address = $1 AND provider = $2 AND id <> $3 AND provider_id IS NOT NULL \
        AND sending_at IS NOT NULL ORDER BY sending_at DESC LIMIT $4",
);
static GET: Sql = Sql::new(concat!(
    "SELECT ",
    columns!(),
    " FROM escalation_attempts WHERE id = $1"
));
static BY_PROVIDER: Sql = Sql::new(concat!(
    "SELECT ",
    columns!(),
    " FROM escalation_attempts WHERE provider_id = $2 AND provider = $1"
));
static UPDATE: Sql = Sql::new(
    "UPDATE escalation_attempts SET state = $2, sending_at = $3, sent_at = $4, settled_at = $5, \
     skip_reason = $6, tries = $7, provider = $8, try_at = $9, provider_id = $10, \
     refused_by = $11, code = $12, error = $13, answered_by = $14, doubts = $15, absences = $16, \
     link_generation = $17 WHERE id = $1",
);

pub(crate) const STATEMENTS: &[&Sql] = &[
    &INSERT,
    &OF_INCIDENT,
    &TOLD_BEFORE,
    &TAKEN,
    &GET,
    &BY_PROVIDER,
    &UPDATE,
];

/// An attempt as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptRow {
    /// Its id, under which a `send` job makes it.
    pub id: AttemptId,
    /// The incident.
    pub incident: IncidentId,
    /// What the plan needs to know of it; which of the contact's addresses it goes to is
    /// told by who compares them.
    pub attempt: Attempt,
    /// What it says.
    pub kind: Kind,
    /// Whether it is marked as a drill.
    pub drill: bool,
    /// Whether it may reach a real provider; else it stays on the screen.
    pub real: bool,
    /// The contact's name, as it was when the plan asked for it.
    pub name: String,
    /// The number or mail address, as it was then.
    pub address: String,
    /// The contact's language, as it was then.
    pub language: String,
    /// Why it is not made.
    pub skip_reason: Option<String>,
    /// Permits given so far.
    pub tries: u32,
    /// Through which provider the latest try went.
    pub provider: Option<String>,
    /// When the latest try began, while its end is not known.
    pub try_at: Option<Timestamp>,
    /// Under which the provider's reports speak of it.
    pub provider_id: Option<String>,
    /// Providers that cannot send it.
    pub refused_by: Vec<String>,
    /// The provider's latest code, such as `21610`.
    pub code: Option<String>,
    /// Why the latest try failed, for a person to read.
    pub error: Option<String>,
    /// Who picked up a call: `human`, `machine` or `unknown`.
    pub answered_by: Option<String>,
    /// Tries of which nobody knows whether they went out.
    pub doubts: u32,
    /// Tries of which the provider said that it never got them.
    pub absences: u32,
    /// Which generation of the contact's link the latest try carries; 0: a link that
    /// leads nowhere. `None` before the first try.
    pub link: Option<u32>,
}

/// The attempts of an incident in the order in which they were asked for: all of them,
/// or the newest and, of what was before, the latest to each address that may have been
/// told.
pub async fn of_incident(
    tx: &mut Tx<'_>,
    incident: IncidentId,
) -> Result<Vec<AttemptRow>, StoreError> {
    let limit = u32::try_from(MAX_ATTEMPTS).unwrap_or(u32::MAX);
    let rows = tx.fetch_all(&OF_INCIDENT, args![incident, limit]).await?;
    let newest: Result<Vec<_>, _> = rows.iter().rev().map(read).collect();
    let newest = newest?;
    let Some(first) = newest.first().filter(|_| newest.len() >= MAX_ATTEMPTS) else {
        return Ok(newest);
    };
    let before = args![incident, first.attempt.scheduled_at, first.id, limit];
    let rows = tx.fetch_all(&TOLD_BEFORE, before).await?;
    let before: Result<Vec<_>, _> = rows.iter().map(read).collect();
    Ok([before?, newest].concat())
}

/// Ids of what a provider took for an address, the latest first, each on record for an
/// attempt other than this one.
pub(super) async fn taken(
    tx: &mut Tx<'_>,
    row: &AttemptRow,
    provider: &str,
) -> Result<Vec<String>, StoreError> {
    let values = args![&row.address, provider, row.id, MAX_TAKEN];
    let rows = tx.fetch_all(&TAKEN, values).await?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// An attempt.
pub async fn get(tx: &mut Tx<'_>, id: AttemptId) -> Result<Option<AttemptRow>, StoreError> {
    let row = tx.fetch_optional(&GET, args![id]).await?;
    row.as_ref().map(read).transpose()
}

/// The attempt that a provider knows by this id.
pub async fn by_provider(
    tx: &mut Tx<'_>,
    provider: &str,
    provider_id: &str,
) -> Result<Option<AttemptRow>, StoreError> {
    let row = tx
        .fetch_optional(&BY_PROVIDER, args![provider, provider_id])
        .await?;
    row.as_ref().map(read).transpose()
}

pub(crate) async fn insert(tx: &mut Tx<'_>, new: &AttemptRow) -> Result<(), StoreError> {
    let Attempt { key, state, .. } = new.attempt;
    let (purpose, number) = key.purpose.to_parts();
    let refused_by = new.refused_by.join(",");
    let values = args![
        new.id,
        new.incident,
        key.contact,
        key.channel.as_str(),
        key.round,
        purpose,
        number,
        new.kind.as_str(),
        new.drill,
        new.real,
        &new.name,
        &new.address,
        &new.language,
        state.as_str(),
        new.attempt.scheduled_at,
        new.attempt.sending_at,
        new.attempt.sent_at,
        new.attempt.settled_at,
        new.skip_reason.as_deref(),
        new.tries,
        new.provider.as_deref(),
        new.try_at,
        new.provider_id.as_deref(),
        &refused_by,
        new.code.as_deref(),
        new.error.as_deref(),
        new.answered_by.as_deref(),
        new.doubts,
        new.absences,
        new.link,
    ];
    tx.execute_one(&INSERT, values).await
}

/// Writes what can change of an attempt.
pub(crate) async fn update(tx: &mut Tx<'_>, row: &AttemptRow) -> Result<(), StoreError> {
    let refused_by = row.refused_by.join(",");
    let values = args![
        row.id,
        row.attempt.state.as_str(),
        row.attempt.sending_at,
        row.attempt.sent_at,
        row.attempt.settled_at,
        row.skip_reason.as_deref(),
        row.tries,
        row.provider.as_deref(),
        row.try_at,
        row.provider_id.as_deref(),
        &refused_by,
        row.code.as_deref(),
        row.error.as_deref(),
        row.answered_by.as_deref(),
        row.doubts,
        row.absences,
        row.link,
    ];
    tx.execute_one(&UPDATE, values).await
}

fn read(row: &Row) -> Result<AttemptRow, StoreError> {
    let number: u32 = row.get(6)?;
    let (doubts, absences): (u32, u32) = (row.get(27)?, row.get(28)?);
    let attempt = Attempt {
        key: AttemptKey {
            contact: row.get(2)?,
            channel: word(row, 3, Channel::parse)?,
            round: row.get(4)?,
            purpose: word(row, 5, |text| Purpose::from_parts(text, number))?,
        },
        state: word(row, 13, AttemptState::parse)?,
        scheduled_at: row.get(14)?,
        sending_at: row.get(15)?,
        sent_at: row.get(16)?,
        settled_at: row.get(17)?,
        address: 0,
        doubted: doubts > 0 || absences > 0,
    };
    let refused_by: String = row.get(23)?;
    let names = refused_by.split(',').filter(|name| !name.is_empty());
    Ok(AttemptRow {
        id: row.get(0)?,
        incident: row.get(1)?,
        attempt,
        kind: word(row, 7, Kind::parse)?,
        drill: row.get(8)?,
        real: row.get(9)?,
        name: row.get(10)?,
        address: row.get(11)?,
        language: row.get(12)?,
        skip_reason: row.get(18)?,
        tries: row.get(19)?,
        provider: row.get(20)?,
        try_at: row.get(21)?,
        provider_id: row.get(22)?,
        refused_by: names.map(str::to_owned).collect(),
        code: row.get(24)?,
        error: row.get(25)?,
        answered_by: row.get(26)?,
        doubts,
        absences,
        link: row.get(29)?,
    })
}

fn word<T>(row: &Row, index: usize, parse: impl Fn(&str) -> Option<T>) -> Result<T, StoreError> {
    let text: String = row.get(index)?;
    parse(&text).ok_or_else(|| StoreError::column(index, "an unknown word"))
}
