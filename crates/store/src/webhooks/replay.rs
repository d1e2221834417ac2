//! Sends again what was sent, or was not: one delivery or a range. The id and the
//! body stay, so that the receiver recognises a repetition.
//!
//! What waits after a failed attempt has failed, too: whoever has mended the receiver
//! does not wait for the next attempt, which may be a day off. What waits for its first
//! attempt is due already, or is held back until the grace window is over.

use mayday_core::ids::{AppUuid, DeliveryId, EndpointId};
use mayday_core::time::Timestamp;
use uuid::Uuid;

use super::notify::enqueue_anew;
use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::sql::Sql;
use crate::tx::Tx;

/// Deliveries that one [`ReplayRange`] begins anew.
pub const MAX_REPLAYED: u32 = 500;

static RANGE: Sql = Sql::new(
    "SELECT d.id, d.attempts FROM webhook_deliveries d
     JOIN webhook_endpoints e ON e.id = d.endpoint_id
     WHERE d.endpoint_id = $1 AND d.app_id = $2 AND d.id > $3 AND d.created_at >= $4
        AND d.created_at < $5 AND (d.state = 'failed' OR (d.state = 'delivered' AND $6)
            OR (d.state = 'pending' AND d.tries > 0))
        AND e.removed_at IS NULL AND e.disabled_at IS NULL
     ORDER BY d.id LIMIT $7",
);
static ONE: Sql = Sql::new(
    "SELECT d.id, d.attempts FROM webhook_deliveries d
     JOIN webhook_endpoints e ON e.id = d.endpoint_id
     WHERE d.id = $1 AND d.app_id = $2
        AND (d.state IN ('failed', 'delivered') OR (d.state = 'pending' AND d.tries > 0))
        AND e.removed_at IS NULL AND e.disabled_at IS NULL",
);
static RESTART: Sql = Sql::new(
    "UPDATE webhook_deliveries SET state = 'pending', tries = 0, begun = $3, due_at = $2,
        updated_at = $2, failed_at = NULL, error = NULL
     WHERE id = $1
        AND (state IN ('failed', 'delivered') OR (state = 'pending' AND tries > 0))",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&RANGE, &ONE, &RESTART];

/// Begins one delivery anew. Output: `false` when it is due already, was never sent, or
/// its endpoint is disabled or gone.
#[derive(Clone, Copy, Debug)]
pub struct ReplayDelivery {
    /// The app.
    pub app: AppUuid,
    /// Which.
    pub delivery: DeliveryId,
}

impl Command for ReplayDelivery {
    type Output = bool;
    const NAME: &'static str = "webhook.replay";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        let one = args![self.delivery, self.app];
        let Some(row) = tx.fetch_optional(&ONE, one).await? else {
            return Ok(tx.may_be_done());
        };
        restart(tx, row.get(0)?, row.get(1)?).await?;
        Ok(true)
    }
}

/// Begins the deliveries of a time anew, at most [`MAX_REPLAYED`].
#[derive(Clone, Copy, Debug)]
pub struct ReplayRange {
    /// The app.
    pub app: AppUuid,
    /// Which endpoint.
    pub endpoint: EndpointId,
    /// From when on.
    pub since: Timestamp,
    /// Before when.
    pub until: Timestamp,
    /// Those that arrived, too.
    pub delivered_too: bool,
    /// Only those after this one.
    pub after: Option<DeliveryId>,
}

/// What a replay did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// How many were begun anew.
    pub count: u32,
    /// Where to go on; `None`: those were all.
    pub next: Option<DeliveryId>,
}

impl Command for ReplayRange {
    type Output = Replayed;
    const NAME: &'static str = "webhook.replay_range";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Replayed, StoreError> {
        let after = self.after.unwrap_or(DeliveryId(Uuid::nil()));
        let values = args![
            self.endpoint,
            self.app,
            after,
            self.since,
            self.until,
            self.delivered_too,
            MAX_REPLAYED,
        ];
        let rows = tx.fetch_all(&RANGE, values).await?;
        let mut done = Replayed {
            count: 0,
            next: None,
        };
        for row in &rows {
            let delivery = row.get(0)?;
            restart(tx, delivery, row.get(1)?).await?;
            done.count += 1;
            done.next = Some(delivery);
        }
        done.next = done.next.filter(|_| done.count == MAX_REPLAYED);
        Ok(done)
    }
}

async fn restart(tx: &mut Tx<'_>, delivery: DeliveryId, attempts: i64) -> Result<(), StoreError> {
    let now = tx.now();
    tx.execute_one(&RESTART, args![delivery, now, true]).await?;
    // The job of the attempt that it waited for, if it did, is due now.
    enqueue_anew(tx, delivery, attempts, now).await
}
