//! Names that users had before: see [`crate::verification`].

use mayday_core::identity::ExternalUserId;
use mayday_core::ids::{AppUuid, UserId};

use crate::args;
use crate::error::StoreError;
use crate::sql::Sql;
use crate::tx::Tx;

static OF_EMAIL: Sql = Sql::new(
    "SELECT id FROM users WHERE app_id = $1 AND lower(COALESCE(vouched_email, email)) = lower($2)
        AND COALESCE(vouched_email, email) IS NOT NULL AND erased_at IS NULL
     ORDER BY CASE WHEN vouched_email IS NULL THEN 1 ELSE 0 END, last_seen_at DESC, id LIMIT 1",
);
static ADD: Sql = Sql::new(
    "INSERT INTO user_aliases (app_id, external_id, user_id, created_at) VALUES ($1, $2, $3, $4)
     ON CONFLICT (app_id, external_id) DO UPDATE SET user_id = excluded.user_id,
        created_at = excluded.created_at",
);
static RENAME: Sql = Sql::new(
    "UPDATE users SET external_id = $2, updated_at = $3 WHERE id = $1 AND erased_at IS NULL",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&OF_EMAIL, &ADD, &RENAME];

/// Who of an app has an address ([`super::UserRow::address`]): of several one for whom the
/// app's server vouched, and of these the one who was here last. What somebody wrote in
/// their profile beside a vouched address is not looked at: it may be another's.
pub(crate) async fn of_email(
    tx: &mut Tx<'_>,
    app: AppUuid,
    email: &str,
) -> Result<Option<UserId>, StoreError> {
    let row = tx.fetch_optional(&OF_EMAIL, args![app, email]).await?;
    row.map(|row| row.get(0)).transpose()
}

/// Gives a user another name; the one before becomes an alias. The caller holds the
/// user's lock and has seen that nobody has the new name.
pub(crate) async fn rename(
    tx: &mut Tx<'_>,
    (app, user): (AppUuid, UserId),
    before: &ExternalUserId,
    name: &ExternalUserId,
) -> Result<(), StoreError> {
    let now = tx.now();
    tx.execute_one(&RENAME, args![user, name, now]).await?;
    tx.execute_one(&ADD, args![app, before, user, now]).await
}
