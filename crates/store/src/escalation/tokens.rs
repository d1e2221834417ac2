//! Tracking links that were sent, by a hash of each: a link is derived when it is
//! sent and lies nowhere.

use mayday_core::escalation::{TRACKING_PURPOSE, TrackingToken};
use mayday_core::ids::{ContactId, IncidentId};
use mayday_core::time::Timestamp;

use crate::args;
use crate::error::StoreError;
use crate::row::Row;
use crate::sql::Sql;
use crate::tx::Tx;

static ISSUE: Sql = Sql::new(
    "INSERT INTO tracking_tokens (lookup_key, incident_id, contact_id, generation, created_at) \
     VALUES ($1, $2, $3, $4, $5) ON CONFLICT (lookup_key) DO NOTHING",
);
static FIND: Sql = Sql::new(
    "SELECT incident_id, contact_id, generation, created_at, revoked_at, opened_at, \
     last_opened_at FROM tracking_tokens WHERE lookup_key = $1",
);
static OF_INCIDENT: Sql = Sql::new(
    "SELECT incident_id, contact_id, generation, created_at, revoked_at, opened_at, \
     last_opened_at FROM tracking_tokens WHERE incident_id = $1 ORDER BY created_at LIMIT 1000",
);
static GENERATION: Sql = Sql::new(
    "SELECT COALESCE(MAX(CASE WHEN revoked_at IS NULL THEN generation ELSE generation + 1 END), 1) \
     FROM tracking_tokens WHERE incident_id = $1 AND contact_id = $2",
);
static OPENED: Sql = Sql::new(
    "UPDATE tracking_tokens SET opened_at = COALESCE(opened_at, $2), last_opened_at = $2 \
     WHERE lookup_key = $1",
);

/// The generation of a token that nobody may use: a message to an address that is not
/// the contact's any more carries it, where its text has a link.
pub(super) const NOWHERE: u32 = 0;

pub(crate) const STATEMENTS: &[&Sql] = &[&ISSUE, &FIND, &OF_INCIDENT, &GENERATION, &OPENED];

/// A tracking link that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenRow {
    /// The incident that it opens.
    pub incident: IncidentId,
    /// Whose link it is.
    pub contact: ContactId,
    /// A higher one revokes it.
    pub generation: u32,
    /// When it was sent first.
    pub created_at: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// When it was opened first, perhaps by a preview.
    pub opened_at: Option<Timestamp>,
    /// When it was opened last.
    pub last_opened_at: Option<Timestamp>,
}

/// The link of this token, revoked or not: [`TrackingToken::lookup_key`].
pub async fn find(tx: &mut Tx<'_>, lookup_key: &[u8; 32]) -> Result<Option<TokenRow>, StoreError> {
    let row = tx.fetch_optional(&FIND, args![&lookup_key[..]]).await?;
    row.as_ref().map(read).transpose()
}

/// All links of an incident, the oldest first.
pub async fn of_incident(
    tx: &mut Tx<'_>,
    incident: IncidentId,
) -> Result<Vec<TokenRow>, StoreError> {
    let rows = tx.fetch_all(&OF_INCIDENT, args![incident]).await?;
    rows.iter().map(read).collect()
}

/// The token of a contact in an incident as it is to be sent now: the same one
/// until it is revoked, or until the master key is another.
pub async fn issue(
    tx: &mut Tx<'_>,
    incident: IncidentId,
    contact: ContactId,
) -> Result<TrackingToken, StoreError> {
    let generation = generation(tx, incident, contact).await?;
    of_generation(tx, incident, contact, generation).await
}

/// The generation of a contact's token as it is to be sent now, from 1.
pub(super) async fn generation(
    tx: &mut Tx<'_>,
    incident: IncidentId,
    contact: ContactId,
) -> Result<u32, StoreError> {
    let row = tx.fetch_one(&GENERATION, args![incident, contact]).await?;
    row.get(0)
}

/// The token of a generation, revoked or not; one that is unknown is made. Of
/// [`NOWHERE`] none is, so that a link with it stays unknown.
pub(super) async fn of_generation(
    tx: &mut Tx<'_>,
    incident: IncidentId,
    contact: ContactId,
    generation: u32,
) -> Result<TrackingToken, StoreError> {
    let key = tx.purpose_key(TRACKING_PURPOSE).await?;
    let token = TrackingToken::derive(&key, incident, contact, generation)
        .ok_or_else(|| StoreError::column(0, "no tracking token can be derived"))?;
    if generation != NOWHERE {
        let (lookup_key, now) = (token.lookup_key(), tx.now());
        let values = args![&lookup_key[..], incident, contact, generation, now];
        tx.execute(&ISSUE, values).await?;
    }
    Ok(token)
}

/// Marks a link as opened now.
pub(super) async fn note_opened(tx: &mut Tx<'_>, lookup_key: &[u8; 32]) -> Result<(), StoreError> {
    let now = tx.now();
    tx.execute_one(&OPENED, args![&lookup_key[..], now]).await
}

fn read(row: &Row) -> Result<TokenRow, StoreError> {
    Ok(TokenRow {
        incident: row.get(0)?,
        contact: row.get(1)?,
        generation: row.get(2)?,
        created_at: row.get(3)?,
        revoked_at: row.get(4)?,
        opened_at: row.get(5)?,
        last_opened_at: row.get(6)?,
    })
}
