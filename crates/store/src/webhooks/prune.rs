//! Lets go of the log after its time, and of secrets that sign no more; counts what
//! waits.

use std::time::Duration;

use mayday_core::ids::EndpointId;

use super::backlog;
use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::sql::Sql;
use crate::tx::Tx;

/// How long a delivery is kept after its last change.
pub const DELIVERIES_KEPT: Duration = Duration::from_hours(30 * 24);

/// Ended deliveries that are kept of one endpoint.
pub const MAX_ENDED: u32 = 50_000;

/// Most deliveries that one [`PruneDeliveries`] removes for their age, and of each
/// endpoint for their number.
const ROWS: i64 = 200;

static OLD: Sql = Sql::new(
    "SELECT id FROM webhook_deliveries WHERE state <> 'pending' AND updated_at <= $1
     ORDER BY updated_at LIMIT $2",
);
static ENDPOINTS: Sql = Sql::new("SELECT DISTINCT endpoint_id FROM webhook_deliveries");
static SURPLUS: Sql = Sql::new(
    "SELECT id FROM webhook_deliveries WHERE endpoint_id = $1 AND state <> 'pending'
     ORDER BY id DESC LIMIT $2 OFFSET $3",
);
static DELETE_ATTEMPTS: Sql = Sql::per_dialect(
    "DELETE FROM webhook_attempts WHERE delivery_id IN
        (SELECT unhex(value) FROM json_each($1))",
    "DELETE FROM webhook_attempts WHERE delivery_id = ANY($1)",
);
static DELETE: Sql = Sql::per_dialect(
    "DELETE FROM webhook_deliveries WHERE id IN (SELECT unhex(value) FROM json_each($1))",
    "DELETE FROM webhook_deliveries WHERE id = ANY($1)",
);
static FORGET_SECRETS: Sql = Sql::new("DELETE FROM webhook_secrets WHERE expires_at <= $1");

pub(crate) const STATEMENTS: &[&Sql] = &[
    &OLD,
    &ENDPOINTS,
    &SURPLUS,
    &DELETE_ATTEMPTS,
    &DELETE,
    &FORGET_SECRETS,
];

/// One bounded step. Output: how many rows went; call again while it is not 0.
#[derive(Clone, Copy, Debug)]
pub struct PruneDeliveries {
    /// Ended deliveries that are kept of one endpoint: [`MAX_ENDED`].
    pub max_ended: u32,
    /// Deliveries that may wait for one endpoint: [`MAX_PENDING`](super::MAX_PENDING).
    pub max_pending: u32,
}

impl Command for PruneDeliveries {
    type Output = u64;
    const NAME: &'static str = "webhook.prune";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64, StoreError> {
        let now = tx.now();
        let mut gone = tx.execute(&FORGET_SECRETS, args![now]).await?;
        let old = args![now.minus(DELIVERIES_KEPT), ROWS];
        let mut ids = Vec::new();
        for row in tx.fetch_all(&OLD, old).await? {
            ids.push(row.get(0)?);
        }
        for row in tx.fetch_all(&ENDPOINTS, args![]).await? {
            let endpoint: EndpointId = row.get(0)?;
            backlog::count(tx, endpoint, self.max_pending).await?;
            let surplus = args![endpoint, ROWS, self.max_ended];
            for row in tx.fetch_all(&SURPLUS, surplus).await? {
                ids.push(row.get(0)?);
            }
        }
        let ids: Vec<uuid::Uuid> = ids;
        if !ids.is_empty() {
            tx.execute(&DELETE_ATTEMPTS, args![ids.as_slice()]).await?;
            gone += tx.execute(&DELETE, args![ids.as_slice()]).await?;
        }
        Ok(gone)
    }
}
