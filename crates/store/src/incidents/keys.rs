//! Which triggers were heard before (contract: SOS, Redelivery).

use mayday_core::ids::{IncidentId, RecordId, UserId};
use mayday_core::sos::{REMEMBERED_FOR, TriggerKey};
use mayday_core::time::Timestamp;

use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::sql::Sql;
use crate::tx::Tx;

// An incident that went with the account of its user was never heard of, nor was
// a record that others pushed out: it is kept again.
static FIND: Sql = Sql::new(
    "SELECT k.incident_id, k.record_id FROM trigger_keys k
     WHERE k.user_id = $1 AND k.digest = $2 AND k.expires_at > $3 AND (k.incident_id IS NULL
        OR EXISTS (SELECT 1 FROM incidents i WHERE i.id = k.incident_id))
        AND (k.record_id IS NULL
        OR EXISTS (SELECT 1 FROM unattributed u WHERE u.id = k.record_id))",
);
static REMEMBER: Sql = Sql::new(
    "INSERT INTO trigger_keys (user_id, digest, incident_id, record_id, expires_at)
     VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (user_id, digest) DO UPDATE SET incident_id = excluded.incident_id,
        record_id = excluded.record_id, expires_at = excluded.expires_at",
);
static PRUNE: Sql = Sql::per_dialect(
    "DELETE FROM trigger_keys WHERE rowid IN
        (SELECT rowid FROM trigger_keys WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)",
    "DELETE FROM trigger_keys WHERE ctid IN
        (SELECT ctid FROM trigger_keys WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&FIND, &REMEMBER, &PRUNE];

/// Most keys that one [`PruneTriggerKeys`] forgets.
const PRUNE_LIMIT: i64 = 1_000;

/// What a trigger became when it was heard first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// It opened or updated this incident.
    Incident(IncidentId),
    /// It was kept as an unattributed SOS.
    Record(RecordId),
}

/// What the trigger with one of these keys became.
pub(super) async fn find(
    tx: &mut Tx<'_>,
    sender: UserId,
    keys: &[TriggerKey],
    now: Timestamp,
) -> Result<Option<Heard>, StoreError> {
    for key in keys {
        let found = tx
            .fetch_optional(&FIND, args![sender, key.0.as_slice(), now])
            .await?;
        let Some(row) = found else { continue };
        if let Some(incident) = row.get(0)? {
            return Ok(Some(Heard::Incident(incident)));
        }
        if let Some(record) = row.get(1)? {
            return Ok(Some(Heard::Record(record)));
        }
    }
    Ok(None)
}

/// Remembers a trigger.
pub(super) async fn remember(
    tx: &mut Tx<'_>,
    sender: UserId,
    keys: &[TriggerKey],
    heard: Heard,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (incident, record) = match heard {
        Heard::Incident(incident) => (Some(incident), None),
        Heard::Record(record) => (None, Some(record)),
    };
    let until = now.plus(REMEMBERED_FOR);
    for key in keys {
        let values = args![sender, key.0.as_slice(), incident, record, until];
        tx.execute_one(&REMEMBER, values).await?;
    }
    Ok(())
}

/// Forgets some keys that have expired. Output: how many; call again while it
/// is not 0.
#[derive(Clone, Copy, Debug)]
pub struct PruneTriggerKeys;

impl Command for PruneTriggerKeys {
    type Output = u64;
    const NAME: &'static str = "sos.prune_keys";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64, StoreError> {
        let now = tx.now();
        tx.execute(&PRUNE, args![now, PRUNE_LIMIT]).await
    }
}
