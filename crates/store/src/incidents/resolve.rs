//! Closes a user's open incident as handled.

use mayday_core::ids::UserId;
use mayday_core::sos::{End, Incident};

use super::{end::end, open_of};
use crate::command::Command;
use crate::error::StoreError;
use crate::tx::Tx;
use crate::users;
use crate::webhooks::Doer;

/// Resolves the user's open incident. Output: the incident, or `None` when
/// nothing was open.
#[derive(Clone, Copy, Debug)]
pub struct ResolveSos {
    /// Whose incident.
    pub user: UserId,
}

impl Command for ResolveSos {
    type Output = Option<Incident>;
    const NAME: &'static str = "sos.resolve";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Option<Incident>, StoreError> {
        users::lock(tx, self.user).await?;
        let Some(mut incident) = open_of(tx, self.user).await? else {
            return Ok(None);
        };
        end(tx, &mut incident, End::Resolved, Doer::Owner(self.user)).await?;
        Ok(Some(incident))
    }
}
