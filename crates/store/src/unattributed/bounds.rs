//! Keeps unattributed SOS from growing without limit, and nobody's cry from being
//! lost in silence.
//!
//! Of too many, those go first that are settled, then those of which a later row
//! tells of the same device, then the oldest. Where an app has too many, they are
//! those of the gateway that holds most: a few noisy ones push out nobody else's.
//! Operators are told when one goes that nobody has settled.

use mayday_core::ids::{AppUuid, IncidentId, RecordId, UserId};
use mayday_core::time::Timestamp;
use serde_json::json;

use crate::alerts::{self, AlertKind, NewAlert};
use crate::args;
use crate::error::StoreError;
use crate::sql::Sql;
use crate::tx::Tx;

/// Unattributed SOS that are kept of one gateway at most.
pub const KEPT_PER_GATEWAY: i64 = 500;
/// Unattributed SOS that are kept of one app at most.
pub const KEPT_PER_APP: i64 = 5_000;
/// How many one cry lets go at most; one more than comes, so that the bound is
/// reached again even after it was lowered.
const GO_AT_ONCE: i64 = 2;

static BEYOND_OF_GATEWAY: Sql = Sql::new(
    "SELECT id, standing, device_key FROM unattributed WHERE user_id = $1
     ORDER BY standing DESC, last_received_at DESC LIMIT $2 OFFSET $3",
);
static IS_BEYOND_OF_APP: Sql =
    Sql::new("SELECT 1 FROM unattributed WHERE app_id = $1 LIMIT 1 OFFSET $2");
static SETTLED_OF_APP: Sql = Sql::new(
    "SELECT id, standing, device_key FROM unattributed WHERE app_id = $1 AND standing = 0
     ORDER BY last_received_at LIMIT 1",
);
static OF_BUSIEST: Sql = Sql::new(
    "SELECT id, standing, device_key FROM unattributed WHERE user_id =
        (SELECT user_id FROM unattributed WHERE app_id = $1
         GROUP BY user_id ORDER BY COUNT(*) DESC, user_id LIMIT 1)
     ORDER BY standing, last_received_at LIMIT 1",
);
static DELETE: Sql = Sql::new("DELETE FROM unattributed WHERE id = $1");
static SETTLE: Sql = Sql::new(
    "UPDATE unattributed SET incident_id = COALESCE(incident_id, $2), settled_at = $3, standing = 0
     WHERE id = $1 AND settled_at IS NULL",
);
static PRUNE: Sql = Sql::new(
    "DELETE FROM unattributed WHERE id IN
        (SELECT id FROM unattributed WHERE settled_at <= $1 ORDER BY settled_at LIMIT $2)",
);

pub(crate) const STATEMENTS: &[&Sql] = &[
    &BEYOND_OF_GATEWAY,
    &IS_BEYOND_OF_APP,
    &SETTLED_OF_APP,
    &OF_BUSIEST,
    &DELETE,
    &SETTLE,
    &PRUNE,
];

/// `standing` of one that is settled.
const SETTLED: i64 = 0;

/// Lets go of what is beyond the bounds, after a row was added.
pub(super) async fn keep_within(
    tx: &mut Tx<'_>,
    app: AppUuid,
    gateway: UserId,
) -> Result<(), StoreError> {
    let of_gateway = args![gateway, GO_AT_ONCE, KEPT_PER_GATEWAY];
    let beyond = tx.fetch_all(&BEYOND_OF_GATEWAY, of_gateway).await?;
    if let Some(lost) = let_go(tx, &beyond).await? {
        let key = gateway.to_string();
        tell(tx, app, Some(gateway), &key, KEPT_PER_GATEWAY, &lost).await?;
    }
    for _ in 0..GO_AT_ONCE {
        let is_beyond = tx
            .fetch_optional(&IS_BEYOND_OF_APP, args![app, KEPT_PER_APP])
            .await?;
        if is_beyond.is_none() {
            break;
        }
        let mut goes = tx.fetch_all(&SETTLED_OF_APP, args![app]).await?;
        if goes.is_empty() {
            goes = tx.fetch_all(&OF_BUSIEST, args![app]).await?;
        }
        if let Some(lost) = let_go(tx, &goes).await? {
            tell(tx, app, None, &app.to_string(), KEPT_PER_APP, &lost).await?;
        }
    }
    Ok(())
}

/// Lets go of rows; the device of the first one that nobody had settled.
async fn let_go(tx: &mut Tx<'_>, rows: &[crate::row::Row]) -> Result<Option<String>, StoreError> {
    let mut lost = None;
    for row in rows {
        let id: RecordId = row.get(0)?;
        tx.execute_one(&DELETE, args![id]).await?;
        let alert = id.to_string();
        if row.get::<i64>(1)? == SETTLED {
            alerts::close(tx, AlertKind::UnattributedSos, &alert).await?;
        } else {
            // Nobody has dealt with it, and its alert must not look as if.
            alerts::close_as_replaced(tx, AlertKind::UnattributedSos, &alert).await?;
            lost = lost.or(Some(row.get(2)?));
        }
    }
    Ok(lost)
}

/// Tells operators once that rows are being replaced.
async fn tell(
    tx: &mut Tx<'_>,
    app: AppUuid,
    gateway: Option<UserId>,
    key: &str,
    limit: i64,
    first_device: &str,
) -> Result<(), StoreError> {
    let alert = NewAlert {
        app,
        kind: AlertKind::UnattributedFull,
        key,
        user: gateway,
        incident: None,
        detail: json!({
            "limit": limit,
            "first_replaced_device": first_device,
            "what": "unattributed SOS are replaced, repeats and the oldest first: close the \
                     alerts of those that are dealt with",
        }),
    };
    alerts::raise(tx, alert).await
}

/// Notes that a kept SOS has become an incident after all, or that an operator has
/// dealt with it.
pub(crate) async fn settle(
    tx: &mut Tx<'_>,
    record: RecordId,
    incident: Option<IncidentId>,
) -> Result<(), StoreError> {
    let now = tx.now();
    tx.execute(&SETTLE, args![record, incident, now]).await?;
    alerts::close(tx, AlertKind::UnattributedSos, &record.to_string()).await
}

/// Removes some that were settled before; how many.
pub(crate) async fn prune(
    tx: &mut Tx<'_>,
    before: Timestamp,
    limit: i64,
) -> Result<u64, StoreError> {
    tx.execute(&PRUNE, args![before, limit]).await
}
