//! Emergency contacts: an ordered list per user, places 1..n without gaps
//! (contract: Emergency contacts).
//!
//! Every change runs under the user's lock, works out the new order in memory
//! and writes the places that changed.

pub(crate) mod add;
pub(crate) mod order;
pub(crate) mod remove;
pub(crate) mod replace;

use mayday_core::contact::{Contact, MAX_CONTACTS};
use mayday_core::ids::{ContactId, UserId};

pub use add::{AddContact, ContactAddition};
pub use order::{ReorderContacts, Reordering};
pub use remove::RemoveContact;
pub use replace::ReplaceContact;

use crate::args;
use crate::error::StoreError;
use crate::row::Row;
use crate::sql::Sql;
use crate::tx::Tx;

static LIST: Sql = Sql::new(
    "SELECT id, name, phone, email, priority, language, created_at, updated_at
     FROM contacts WHERE user_id = $1 ORDER BY priority LIMIT 100",
);
static GET: Sql = Sql::new(
    "SELECT id, name, phone, email, priority, language, created_at, updated_at
     FROM contacts WHERE id = $1 AND user_id = $2",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&LIST, &GET];

/// A user's contacts by ascending priority.
pub async fn list(tx: &mut Tx<'_>, user: UserId) -> Result<Vec<Contact>, StoreError> {
    let rows = tx.fetch_all(&LIST, args![user]).await?;
    rows.iter().map(read).collect()
}

/// A contact that was just written.
async fn get(tx: &mut Tx<'_>, user: UserId, id: ContactId) -> Result<Contact, StoreError> {
    read(&tx.fetch_one(&GET, args![id, user]).await?)
}

/// The place that is given for a wish, in a list that will have `len` entries:
/// beyond the end is clamped, none is the end.
fn place(wish: Option<u32>, len: usize) -> usize {
    let len = len.clamp(1, MAX_CONTACTS);
    wish.map_or(len, |wish| {
        usize::try_from(wish).unwrap_or(len).clamp(1, len)
    })
}

fn read(row: &Row) -> Result<Contact, StoreError> {
    Ok(Contact {
        id: row.get(0)?,
        name: row.get(1)?,
        phone: row.get(2)?,
        email: row.get(3)?,
        priority: row.get(4)?,
        language: row.get(5)?,
        created_at: row.get(6)?,
        updated_at: row.get(7)?,
    })
}

#[cfg(test)]
mod notice_tests;
#[cfg(test)]
mod tests;
