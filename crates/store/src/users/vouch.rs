//! Keeps what the app's own server says of a user at each log-in.

use mayday_core::time::Timestamp;

use super::UserRow;
use crate::args;
use crate::error::StoreError;
use crate::sql::Sql;
use crate::tx::Tx;

static VOUCH: Sql = Sql::new(
    "UPDATE users SET email = $2, name = $3, updated_at = $4, vouched_email = $5, vouched_at = $6
     WHERE id = $1",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&VOUCH];

/// What a token's claims say of its user.
#[derive(Clone, Copy)]
pub(crate) struct Vouched<'a> {
    /// The address.
    pub(crate) email: &'a str,
    /// The name, if there is one.
    pub(crate) name: Option<&'a str>,
    /// When the token was issued.
    pub(crate) at: Timestamp,
}

/// Keeps it: the address as the one that the user is joined and mailed by, and both in a
/// profile that has none, or that has the address as it was vouched for before. What the
/// user wrote in the profile stays. A token that was issued before the last one that
/// vouched changes nothing: it may not know that the address is somebody else's now.
///
/// The caller holds the user's lock.
pub(crate) async fn vouch(
    tx: &mut Tx<'_>,
    user: &UserRow,
    said: Vouched<'_>,
) -> Result<(), StoreError> {
    let kept = user.vouched_email.as_deref();
    let older = user.vouched_at.is_some_and(|last| said.at < last);
    let same = kept == Some(said.email) && user.vouched_at == Some(said.at);
    let profile = &user.profile;
    let written = profile.email.as_deref().filter(|own| kept != Some(*own));
    let email = Some(written.unwrap_or(said.email));
    let name = profile.name.as_deref().or(said.name);
    let unchanged = profile.email.as_deref() == email && profile.name.as_deref() == name;
    if older || (same && unchanged) {
        return Ok(());
    }
    let updated_at = if unchanged { user.updated_at } else { tx.now() };
    let values = args![user.id, email, name, updated_at, said.email, said.at];
    tx.execute_one(&VOUCH, values).await
}
