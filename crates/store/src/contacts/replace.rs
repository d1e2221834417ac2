//! Replaces a contact.

use mayday_core::contact::{Contact, NewContact};
use mayday_core::ids::{ContactId, UserId};
use mayday_core::notification::NotificationType;

use super::{get, list, order, place};
use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::escalation::{listed, revoke};
use crate::sql::Sql;
use crate::system_mails::notices;
use crate::tx::Tx;
use crate::users;
use crate::webhooks::notify_now;

static UPDATE: Sql = Sql::new(
    "UPDATE contacts SET name = $3, phone = $4, email = $5, language = $6, updated_at = $7
     WHERE id = $1 AND user_id = $2",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&UPDATE];

/// Replaces a contact whole. Without a wished place it stays where it is: a
/// corrected phone number is no reason to be told last. Links that went to an address
/// which is not theirs any more are revoked. Answers the contact,
/// `None` when the user has none of this id.
#[derive(Clone, Debug)]
pub struct ReplaceContact {
    /// Which.
    pub id: ContactId,
    /// The user.
    pub user: UserId,
    /// What it becomes.
    pub contact: NewContact,
}

impl Command for ReplaceContact {
    type Output = Option<Contact>;

    const NAME: &'static str = "contact.replace";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Self::Output, StoreError> {
        let user = users::lock(tx, self.user).await?;
        let contacts = list(tx, self.user).await?;
        let Some(old) = contacts.iter().find(|contact| contact.id == self.id) else {
            return Ok(None);
        };
        let now = tx.now();
        let new = &self.contact;
        let values = args![
            self.id,
            self.user,
            &new.name,
            &new.phone,
            &new.email,
            &new.language,
            now,
        ];
        tx.execute_one(&UPDATE, values).await?;
        let place = place(new.priority.or(Some(old.priority)), contacts.len());
        let mut wanted: Vec<_> = contacts.iter().map(|contact| contact.id).collect();
        wanted.retain(|id| *id != self.id);
        wanted.insert(place - 1, self.id);
        order::write(tx, self.user, &contacts, &wanted).await?;
        revoke::corrected(tx, old, (&new.phone, &new.email)).await?;
        listed::contacts_changed(tx, self.user).await?;
        if new.email != old.email {
            notices::contact_added(tx, (user.app, user.id), new).await?;
        }
        let data = [("contactId", self.id.to_string().into())];
        notify_now(
            tx,
            (user.app, user.id),
            NotificationType::ContactChanged,
            data,
        )
        .await?;
        get(tx, self.user, self.id).await.map(Some)
    }
}
