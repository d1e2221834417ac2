//! Writes a user's order of contacts, and reorders it on request.

use std::collections::HashSet;

use mayday_core::contact::Contact;
use mayday_core::ids::{ContactId, UserId};

use super::list;
use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::escalation::listed;
use crate::sql::Sql;
use crate::tx::Tx;
use crate::users;

/// A place below zero is on its way: no two rows may share one, not even for
/// the length of a statement.
static SET_ASIDE: Sql =
    Sql::new("UPDATE contacts SET priority = $3, updated_at = $4 WHERE id = $1 AND user_id = $2");
static SETTLE: Sql =
    Sql::new("UPDATE contacts SET priority = -priority WHERE user_id = $1 AND priority < 0");

pub(crate) const STATEMENTS: &[&Sql] = &[&SET_ASIDE, &SETTLE];

/// Gives the contacts the places 1..n in the order of `wanted`, which names
/// each of them once.
pub(super) async fn write(
    tx: &mut Tx<'_>,
    user: UserId,
    contacts: &[Contact],
    wanted: &[ContactId],
) -> Result<(), StoreError> {
    let now = tx.now();
    let mut moved = false;
    for (place, id) in (1_u32..).zip(wanted) {
        let stays = contacts
            .iter()
            .any(|contact| contact.id == *id && contact.priority == place);
        if !stays {
            let values = args![*id, user, -i64::from(place), now];
            tx.execute_one(&SET_ASIDE, values).await?;
            moved = true;
        }
    }
    if moved {
        tx.execute(&SETTLE, args![user]).await?;
    }
    Ok(())
}

/// Puts a user's contacts into an order.
#[derive(Clone, Debug)]
pub struct ReorderContacts {
    /// The user.
    pub user: UserId,
    /// Every contact once, first the one to be told first.
    pub order: Vec<ContactId>,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reordering {
    /// The contacts stand in the order.
    Done,
    /// The order does not name each contact once; nothing changed.
    Incomplete,
    /// The order names contacts and the user has none at all.
    NoContacts,
}

impl Command for ReorderContacts {
    type Output = Reordering;

    const NAME: &'static str = "contact.reorder";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Reordering, StoreError> {
        users::lock(tx, self.user).await?;
        let contacts = list(tx, self.user).await?;
        if contacts.is_empty() && !self.order.is_empty() {
            return Ok(Reordering::NoContacts);
        }
        let named: HashSet<_> = self.order.iter().collect();
        let complete = named.len() == self.order.len()
            && named.len() == contacts.len()
            && contacts.iter().all(|contact| named.contains(&contact.id));
        if !complete {
            return Ok(Reordering::Incomplete);
        }
        write(tx, self.user, &contacts, &self.order).await?;
        listed::contacts_changed(tx, self.user).await?;
        Ok(Reordering::Done)
    }
}
