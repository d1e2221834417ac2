//! The users of apps: made at their first authenticated contact, then theirs.
//!
//! A user's row is the lock under which everything about the user's incidents,
//! devices, contacts and numbered events changes.

pub(crate) mod alias;
pub(crate) mod block;
pub(crate) mod profile;
pub(crate) mod upsert;
pub(crate) mod vouch;

use mayday_core::identity::{AppId, ExternalUserId};
use mayday_core::ids::{AppUuid, UserId};
use mayday_core::profile::Profile;
use mayday_core::time::Timestamp;
use uuid::Uuid;

pub use block::{SetBlocked, blocked_among, erased_among};
pub use profile::UpdateProfile;
pub use upsert::{SEEN_EVERY, TouchUser, UpsertUser};

use crate::args;
use crate::error::StoreError;
use crate::row::Row;
use crate::sql::Sql;
use crate::tx::Tx;

static GET: Sql = Sql::new(
    "SELECT id, app_id, external_id, name, email, phone, address, blocked_at, created_at,
        updated_at, last_seen_at, mqtt_seen_at, vouched_email, vouched_at
     FROM users WHERE id = $1",
);
static GET_WITH_COUNTS: Sql = Sql::new(
    "SELECT u.id, u.app_id, u.external_id, u.name, u.email, u.phone, u.address, u.blocked_at,
        u.created_at, u.updated_at, u.last_seen_at, u.mqtt_seen_at, u.vouched_email, u.vouched_at,
        (SELECT COUNT(*) FROM contacts WHERE user_id = u.id),
        (SELECT COUNT(*) FROM devices WHERE user_id = u.id)
     FROM users u WHERE u.id = $1",
);
static GET_MANY_WITH_COUNTS: Sql = Sql::per_dialect(
    "SELECT u.id, u.app_id, u.external_id, u.name, u.email, u.phone, u.address, u.blocked_at,
        u.created_at, u.updated_at, u.last_seen_at, u.mqtt_seen_at, u.vouched_email, u.vouched_at,
        (SELECT COUNT(*) FROM contacts WHERE user_id = u.id),
        (SELECT COUNT(*) FROM devices WHERE user_id = u.id)
     FROM json_each($1) wanted JOIN users u ON u.id = unhex(wanted.value)",
    "SELECT u.id, u.app_id, u.external_id, u.name, u.email, u.phone, u.address, u.blocked_at,
        u.created_at, u.updated_at, u.last_seen_at, u.mqtt_seen_at, u.vouched_email, u.vouched_at,
        (SELECT COUNT(*) FROM contacts WHERE user_id = u.id),
        (SELECT COUNT(*) FROM devices WHERE user_id = u.id)
     FROM users u WHERE u.id = ANY($1::uuid[])",
);
static LOCK: Sql = Sql::per_dialect(
    "SELECT id, app_id, external_id, name, email, phone, address, blocked_at, created_at,
        updated_at, last_seen_at, mqtt_seen_at, vouched_email, vouched_at
     FROM users WHERE id = $1",
    "SELECT id, app_id, external_id, name, email, phone, address, blocked_at, created_at,
        updated_at, last_seen_at, mqtt_seen_at, vouched_email, vouched_at
     FROM users WHERE id = $1 FOR UPDATE",
);
// A name that a user had before is an alias of theirs, and comes first: a row that
// was made of it at the same instant is nobody's.
static FIND: Sql = Sql::new(
    "SELECT id, app_id, external_id, name, email, phone, address, blocked_at, created_at,
        updated_at, last_seen_at, mqtt_seen_at, vouched_email, vouched_at
     FROM users WHERE id = COALESCE(
        (SELECT a.user_id FROM user_aliases a JOIN users u ON u.id = a.user_id
         WHERE a.app_id = $1 AND a.external_id = $2 AND u.erased_at IS NULL),
        (SELECT n.id FROM users n WHERE n.app_id = $1 AND n.external_id = $2))",
);
static PAGE: Sql = Sql::new(
    "SELECT u.id, u.app_id, u.external_id, u.name, u.email, u.phone, u.address, u.blocked_at,
        u.created_at, u.updated_at, u.last_seen_at, u.mqtt_seen_at, u.vouched_email, u.vouched_at
     FROM users u JOIN apps a ON a.id = u.app_id
     WHERE a.app_id = $1 AND u.external_id > $2 AND u.erased_at IS NULL ORDER BY u.external_id LIMIT $3",
);

pub(crate) const STATEMENTS: &[&Sql] = &[
    &GET,
    &GET_WITH_COUNTS,
    &GET_MANY_WITH_COUNTS,
    &LOCK,
    &FIND,
    &PAGE,
];

/// A user as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRow {
    /// The internal id.
    pub id: UserId,
    /// The app.
    pub app: AppUuid,
    /// The partner's id.
    pub external_id: ExternalUserId,
    /// What the user wrote about themselves.
    pub profile: Profile,
    /// When the user was blocked; `None` while let in.
    pub blocked_at: Option<Timestamp>,
    /// First contact.
    pub created_at: Timestamp,
    /// Last change of the profile.
    pub updated_at: Timestamp,
    /// Last contact, to [`SEEN_EVERY`].
    pub last_seen_at: Timestamp,
    /// Last connection over MQTT, to [`SEEN_EVERY`].
    pub mqtt_seen_at: Option<Timestamp>,
    /// The address that the app's own server vouched for last.
    pub vouched_email: Option<String>,
    /// When the token was issued with which it did.
    pub vouched_at: Option<Timestamp>,
}

impl UserRow {
    /// The user's mail address: the one that the app's server vouched for, and of a user
    /// who never had one what they wrote in their profile.
    pub fn address(&self) -> Option<&str> {
        let written = self.profile.email.as_deref();
        self.vouched_email.as_deref().or(written)
    }

    /// Whether that is this one, in capitals or small letters.
    pub fn has_address(&self, address: &str) -> bool {
        let own = self.address();
        own.is_some_and(|own| own.to_lowercase() == address.to_lowercase())
    }
}

/// Locks the user's row until the end of the transaction and answers it as it
/// is now. Everything about a user's incidents is done under this lock.
pub async fn lock(tx: &mut Tx<'_>, user: UserId) -> Result<UserRow, StoreError> {
    read(&tx.fetch_one(&LOCK, args![user]).await?)
}

/// The user of this id.
pub async fn get(tx: &mut Tx<'_>, user: UserId) -> Result<Option<UserRow>, StoreError> {
    let row = tx.fetch_optional(&GET, args![user]).await?;
    row.as_ref().map(read).transpose()
}

/// A user with how many contacts and devices belong to them, in one statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountedUser {
    /// The user.
    pub row: UserRow,
    /// Emergency contacts.
    pub contacts: usize,
    /// Devices that the user lists.
    pub devices: usize,
}

/// The user of this id, with contacts and devices counted.
pub async fn get_counted(tx: &mut Tx<'_>, user: UserId) -> Result<Option<CountedUser>, StoreError> {
    let row = tx.fetch_optional(&GET_WITH_COUNTS, args![user]).await?;
    row.as_ref().map(read_counted).transpose()
}

/// Those of these users who are there, with contacts and devices counted.
pub async fn get_counted_many(
    tx: &mut Tx<'_>,
    wanted: &[UserId],
) -> Result<Vec<CountedUser>, StoreError> {
    let wanted: Vec<Uuid> = wanted.iter().map(|user| user.uuid()).collect();
    let rows = tx
        .fetch_all(&GET_MANY_WITH_COUNTS, args![wanted.as_slice()])
        .await?;
    rows.iter().map(read_counted).collect()
}

fn read_counted(row: &Row) -> Result<CountedUser, StoreError> {
    let count = |column| -> Result<usize, StoreError> {
        Ok(usize::try_from(row.get::<i64>(column)?).unwrap_or(0))
    };
    Ok(CountedUser {
        contacts: count(14)?,
        devices: count(15)?,
        row: read(row)?,
    })
}

/// The app's user who has this external id, or had it before it was joined with
/// another.
pub async fn find(
    tx: &mut Tx<'_>,
    app: AppUuid,
    external_id: &ExternalUserId,
) -> Result<Option<UserRow>, StoreError> {
    let row = tx.fetch_optional(&FIND, args![app, external_id]).await?;
    row.as_ref().map(read).transpose()
}

/// Users of an app in the byte order of their external ids, those after
/// `after` (the empty text: from the first), at most `limit`.
pub async fn page(
    tx: &mut Tx<'_>,
    app: &AppId,
    after: &str,
    limit: u32,
) -> Result<Vec<UserRow>, StoreError> {
    let rows = tx.fetch_all(&PAGE, args![app, after, limit]).await?;
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Result<UserRow, StoreError> {
    Ok(UserRow {
        id: row.get(0)?,
        app: row.get(1)?,
        external_id: ExternalUserId::parse(&row.get::<String>(2)?)
            .map_err(|error| StoreError::column(2, error.to_string()))?,
        profile: Profile {
            name: row.get(3)?,
            email: row.get(4)?,
            phone: row.get(5)?,
            address: row.get(6)?,
        },
        blocked_at: row.get(7)?,
        created_at: row.get(8)?,
        updated_at: row.get(9)?,
        last_seen_at: row.get(10)?,
        mqtt_seen_at: row.get(11)?,
        vouched_email: row.get(12)?,
        vouched_at: row.get(13)?,
    })
}

#[cfg(test)]
mod tests;
