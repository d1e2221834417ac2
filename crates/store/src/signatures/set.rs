//! Sets and changes the PINs of a user.

use mayday_core::ids::{AppUuid, SessionId, UserId};
use mayday_core::mail::SystemMailKind;
use mayday_core::notification::NotificationType;
use mayday_core::sso::pin::PinHashes;

use super::{get, mail, place};
use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::sql::Sql;
use crate::tx::Tx;
use crate::users;
use crate::webhooks::notify_now;

static PUT: Sql = Sql::new(
    "INSERT INTO signatures (id, sealed, key_id, version, failures, locks, created_at, updated_at)
     VALUES ($1, $2, $3, $4, 0, 0, $5, $5)
     ON CONFLICT (id) DO UPDATE SET sealed = excluded.sealed, key_id = excluded.key_id,
        version = excluded.version, failures = 0, locks = 0, locked_until = NULL,
        updated_at = excluded.updated_at",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&PUT];

/// Replaces a user's PINs.
#[derive(Clone, Debug)]
pub struct SetSignature {
    /// The app.
    pub app: AppUuid,
    /// The user.
    pub user: UserId,
    /// The session that asks: its user is mailed.
    pub session: SessionId,
    /// The version that was judged; `None`: the user has none.
    pub before: Option<i64>,
    /// The new hashes. A change leaves none of them all as they were: the same ones are
    /// those of an earlier run.
    pub hashes: PinHashes,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureSet {
    /// They are in force.
    Set,
    /// They were changed meanwhile.
    Changed,
}

impl Command for SetSignature {
    type Output = SignatureSet;

    const NAME: &'static str = "signature.set";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<SignatureSet, StoreError> {
        users::lock(tx, self.user).await?;
        let now_there = get(tx, self.user).await?;
        // An earlier run whose commit went unanswered.
        if now_there
            .as_ref()
            .is_some_and(|row| row.hashes == self.hashes)
        {
            return Ok(SignatureSet::Set);
        }
        if now_there.map(|row| row.version) != self.before {
            return Ok(SignatureSet::Changed);
        }
        put(tx, self.user, &self.hashes, self.before).await?;
        tell(tx, (self.app, self.user), self.session).await?;
        Ok(SignatureSet::Set)
    }
}

/// Writes the hashes; failures and locks are forgotten.
pub(super) async fn put(
    tx: &mut Tx<'_>,
    user: UserId,
    hashes: &PinHashes,
    before: Option<i64>,
) -> Result<(), StoreError> {
    let plain = serde_json::to_vec(hashes)
        .map(zeroize::Zeroizing::new)
        .map_err(|error| StoreError::column(0, error.to_string()))?;
    let sealed = tx.seal(place("signatures", user), &plain).await?;
    let now = tx.now();
    let version = before.unwrap_or(0) + 1;
    let values = args![user, &sealed.bytes, &sealed.key_id, version, now];
    tx.execute_one(&PUT, values).await
}

/// Tells the partner and the user that the PIN was changed.
pub(super) async fn tell(
    tx: &mut Tx<'_>,
    about: (AppUuid, UserId),
    session: SessionId,
) -> Result<(), StoreError> {
    notify_now(tx, about, NotificationType::SignatureUpdated, []).await?;
    mail(tx, about, session, SystemMailKind::SignatureUpdated).await
}
