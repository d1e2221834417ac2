//! Removes a contact.

use mayday_core::ids::{ContactId, UserId};
use mayday_core::notification::NotificationType;

use super::{list, order};
use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::escalation::{listed, revoke};
use crate::sql::Sql;
use crate::tx::Tx;
use crate::users;
use crate::webhooks::notify_now;

static DELETE: Sql = Sql::new("DELETE FROM contacts WHERE id = $1 AND user_id = $2");

pub(crate) const STATEMENTS: &[&Sql] = &[&DELETE];

/// Removes a contact and closes the gap; their tracking links are revoked. Answers whether it was there.
#[derive(Clone, Copy, Debug)]
pub struct RemoveContact {
    /// Which.
    pub id: ContactId,
    /// The user.
    pub user: UserId,
}

impl Command for RemoveContact {
    type Output = bool;

    const NAME: &'static str = "contact.remove";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        let user = users::lock(tx, self.user).await?;
        if tx.execute(&DELETE, args![self.id, self.user]).await? == 0 {
            return Ok(tx.may_be_done());
        }
        let contacts = list(tx, self.user).await?;
        let wanted: Vec<_> = contacts.iter().map(|contact| contact.id).collect();
        order::write(tx, self.user, &contacts, &wanted).await?;
        revoke::removed(tx, self.id).await?;
        listed::contacts_changed(tx, self.user).await?;
        let data = [("contactId", self.id.to_string().into())];
        notify_now(
            tx,
            (user.app, user.id),
            NotificationType::ContactChanged,
            data,
        )
        .await?;
        Ok(true)
    }
}
