//! Adds a contact.

use mayday_core::contact::{Contact, MAX_CONTACTS, NewContact};
use mayday_core::ids::{ContactId, UserId};
use mayday_core::notification::NotificationType;

use super::{get, list, order, place};
use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::escalation::listed;
use crate::sql::Sql;
use crate::system_mails::notices;
use crate::tx::Tx;
use crate::users;
use crate::webhooks::notify_now;

static INSERT: Sql = Sql::new(
    "INSERT INTO contacts (id, user_id, name, phone, email, priority, language, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&INSERT];

/// Adds a contact at the wished place, or at the end.
#[derive(Clone, Debug)]
pub struct AddContact {
    /// The new id.
    pub id: ContactId,
    /// The user.
    pub user: UserId,
    /// The contact.
    pub contact: NewContact,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContactAddition {
    /// The contact.
    Added(Contact),
    /// There are [`MAX_CONTACTS`] contacts.
    TooMany,
}

impl Command for AddContact {
    type Output = ContactAddition;

    const NAME: &'static str = "contact.add";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<ContactAddition, StoreError> {
        let user = users::lock(tx, self.user).await?;
        let contacts = list(tx, self.user).await?;
        if let Some(earlier) = contacts.iter().find(|contact| contact.id == self.id) {
            return Ok(ContactAddition::Added(earlier.clone()));
        }
        if contacts.len() >= MAX_CONTACTS {
            return Ok(ContactAddition::TooMany);
        }
        let place = place(self.contact.priority, contacts.len() + 1);
        let mut wanted: Vec<_> = contacts.iter().map(|contact| contact.id).collect();
        wanted.insert(place - 1, self.id);
        self.append(tx, wanted.len()).await?;
        let contacts = list(tx, self.user).await?;
        order::write(tx, self.user, &contacts, &wanted).await?;
        listed::contacts_changed(tx, self.user).await?;
        notices::contact_added(tx, (user.app, user.id), &self.contact).await?;
        let data = [("contactId", self.id.to_string().into())];
        notify_now(
            tx,
            (user.app, user.id),
            NotificationType::ContactChanged,
            data,
        )
        .await?;
        Ok(ContactAddition::Added(get(tx, self.user, self.id).await?))
    }
}

impl AddContact {
    async fn append(&self, tx: &mut Tx<'_>, place: usize) -> Result<(), StoreError> {
        let now = tx.now();
        let place = i64::try_from(place).unwrap_or(i64::MAX);
        let contact = &self.contact;
        let values = args![
            self.id,
            self.user,
            &contact.name,
            &contact.phone,
            &contact.email,
            place,
            &contact.language,
            now,
        ];
        tx.execute_one(&INSERT, values).await
    }
}
