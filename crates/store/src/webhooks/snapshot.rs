//! How the webhooks and Slack channels of an incident stand, as the victim's app is
//! shown it (contract: Escalation, Snapshot).

use mayday_core::escalation::{Channel, Delivery, Item, ItemType, Status};
use mayday_core::ids::{DeliveryId, IncidentId};
use mayday_core::notification::NotificationType;
use mayday_core::time::Timestamp;

use super::channel_of;
use super::shield::readable;
use crate::args;
use crate::error::StoreError;
use crate::row::Row;
use crate::sql::Sql;
use crate::tx::Tx;

// The alarm itself, one per endpoint; what follows it is not the actuator's.
static ALARMS: Sql = Sql::new(
    "SELECT d.id, e.channel, e.name, d.state, d.created_at, d.updated_at, d.delivered_at,
        d.failed_at, d.error
     FROM webhook_deliveries d JOIN webhook_endpoints e ON e.id = d.endpoint_id
     WHERE d.incident_id = $1 AND d.kind = $2 ORDER BY d.id LIMIT $3",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&ALARMS];

/// Endpoints that are shown of each incident: more than an app may have.
const LIMIT: u32 = 100;

/// The items `slack` and `webhook` of an incident that was opened at `since`, in this
/// order; each without deliveries is skipped, and what cannot be read is left out.
pub async fn snapshot_items(
    tx: &mut Tx<'_>,
    incident: IncidentId,
    since: Timestamp,
) -> Result<[Item; 2], StoreError> {
    let kind = NotificationType::SosOpened.as_str();
    let rows = tx.fetch_all(&ALARMS, args![incident, kind, LIMIT]).await?;
    let shown = readable(rows.iter().map(read).collect()).into_iter();
    let (slack, webhook) = shown.partition(|delivery| delivery.channel == Channel::Slack);
    Ok([
        Item::deliveries(ItemType::Slack, slack, since),
        Item::deliveries(ItemType::Webhook, webhook, since),
    ])
}

fn read(row: &Row) -> Result<Delivery, StoreError> {
    let id: DeliveryId = row.get(0)?;
    let channel = channel_of(row, 1)?;
    let (name, state): (String, String) = (row.get(2)?, row.get(3)?);
    let mut delivery = Delivery::scheduled(&id.to_string(), channel, &name, row.get(4)?);
    let updated: Timestamp = row.get(5)?;
    let arrived: Option<Timestamp> = row.get(6)?;
    let error: Option<String> = row.get(8)?;
    let (status, at) = match (arrived, state.as_str()) {
        // What arrived stays so, though it is sent once more.
        (Some(arrived), _) => (Status::Delivered, arrived),
        (None, "failed") => (Status::Failed, row.get::<Option<_>>(7)?.unwrap_or(updated)),
        (None, "skipped") => (Status::Skipped, updated),
        (None, _) => {
            // Only an answer says that it was taken: until then it waits, and what the
            // last attempt met stands beside that.
            delivery.updated_at = updated;
            delivery.error = error;
            return Ok(delivery);
        }
    };
    delivery.note(status, at, error.as_deref());
    Ok(delivery)
}
