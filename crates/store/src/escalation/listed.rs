//! Who is listed and how they may be written to changes while an incident runs: its
//! plan is another from then on.

use mayday_core::ids::UserId;

use super::timer;
use crate::args;
use crate::error::StoreError;
use crate::sql::Sql;
use crate::tx::Tx;

/// Incidents that are looked at anew; a user has one open, and perhaps a drill and a
/// hidden one. A number that more list is no contact's.
const MAX_WOKEN: u32 = 50;

static OPEN_OF: Sql = Sql::new(
    "SELECT id FROM incidents WHERE user_id = $1 AND state IN ('active', 'acknowledged') \
     LIMIT $2",
);
static OPEN_ABOUT: Sql = Sql::new(
    "SELECT DISTINCT a.incident_id FROM escalation_attempts a \
        JOIN incidents i ON i.id = a.incident_id \
     WHERE a.address = $1 AND a.sending_at IS NOT NULL AND i.state IN ('active', 'acknowledged') \
     LIMIT $2",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&OPEN_OF, &OPEN_ABOUT];

/// A user's contacts are others from now on. The caller holds the user's lock.
pub(crate) async fn contacts_changed(tx: &mut Tx<'_>, user: UserId) -> Result<(), StoreError> {
    for row in tx.fetch_all(&OPEN_OF, args![user, MAX_WOKEN]).await? {
        timer::wake(tx, row.get(0)?).await?;
    }
    Ok(())
}

/// A phone wants messages no more, or again.
pub(crate) async fn word_of(tx: &mut Tx<'_>, phone: &str) -> Result<(), StoreError> {
    for row in tx.fetch_all(&OPEN_ABOUT, args![phone, MAX_WOKEN]).await? {
        timer::wake(tx, row.get(0)?).await?;
    }
    Ok(())
}
