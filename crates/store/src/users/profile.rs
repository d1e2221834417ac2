//! Changes what users wrote about themselves.

use mayday_core::ids::UserId;
use mayday_core::profile::ProfilePatch;

use super::{UserRow, lock};
use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::sql::Sql;
use crate::tx::Tx;

static UPDATE: Sql = Sql::new(
    "UPDATE users SET name = $2, email = $3, phone = $4, address = $5, updated_at = $6
     WHERE id = $1",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&UPDATE];

/// Applies a checked change to a user's profile and answers the row.
#[derive(Clone, Debug)]
pub struct UpdateProfile {
    /// The user.
    pub user: UserId,
    /// The change.
    pub patch: ProfilePatch,
}

impl Command for UpdateProfile {
    type Output = UserRow;

    const NAME: &'static str = "user.update_profile";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<UserRow, StoreError> {
        let mut user = lock(tx, self.user).await?;
        let profile = self.patch.apply(user.profile.clone());
        if profile == user.profile {
            return Ok(user);
        }
        let now = tx.now();
        let values = args![
            self.user,
            profile.name.as_deref(),
            profile.email.as_deref(),
            profile.phone.as_deref(),
            profile.address.as_deref(),
            now,
        ];
        tx.execute_one(&UPDATE, values).await?;
        user.profile = profile;
        user.updated_at = now;
        Ok(user)
    }
}
