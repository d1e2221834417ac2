//! Which incident is open for whom: what a sample joins at receipt.
//!
//! Loaded at the start and kept by the state store's commits *before* the
//! command that caused them is answered, so that a sample that is submitted
//! after an SOS was acknowledged always joins its trail.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use mayday_core::ids::{IncidentId, UserId};

use crate::args;
use crate::error::StoreError;
use crate::sql::Sql;
use crate::tx::Tx;

static OPEN: Sql = Sql::new(
    "SELECT user_id, id FROM incidents \
     WHERE state IN ('active', 'acknowledged') AND NOT drill AND NOT hidden",
);

static OPEN_OF: Sql = Sql::new(
    "SELECT id FROM incidents WHERE user_id = $1 \
     AND state IN ('active', 'acknowledged') AND NOT drill AND NOT hidden",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&OPEN, &OPEN_OF];

/// The incident that is open for a user, whichever server opened it.
pub async fn open_incident(
    tx: &mut Tx<'_>,
    user: UserId,
) -> Result<Option<IncidentId>, StoreError> {
    let row = tx.fetch_optional(&OPEN_OF, args![user]).await?;
    row.as_ref().map(|row| row.get(0)).transpose()
}

/// The incidents that are open now.
pub(super) async fn load(tx: &mut Tx<'_>) -> Result<Vec<(UserId, IncidentId)>, StoreError> {
    let rows = tx.fetch_all(&OPEN, args![]).await?;
    rows.iter()
        .map(|row| Ok((row.get(0)?, row.get(1)?)))
        .collect()
}

/// The open incidents, by their owner.
#[derive(Debug, Default)]
pub struct OpenIncidents {
    by_user: RwLock<HashMap<UserId, IncidentId>>,
}

impl OpenIncidents {
    /// The incident that is open for a user.
    pub fn of(&self, user: UserId) -> Option<IncidentId> {
        let map = self.by_user.read().unwrap_or_else(PoisonError::into_inner);
        map.get(&user).copied()
    }

    /// An incident was opened.
    pub fn opened(&self, user: UserId, incident: IncidentId) {
        let mut map = self.by_user.write().unwrap_or_else(PoisonError::into_inner);
        map.insert(user, incident);
    }

    /// An incident ended.
    pub fn ended(&self, user: UserId, incident: IncidentId) {
        let mut map = self.by_user.write().unwrap_or_else(PoisonError::into_inner);
        if map.get(&user) == Some(&incident) {
            map.remove(&user);
        }
    }
}
