//! How many deliveries may wait for one endpoint.
//!
//! They are counted after some of the attempts and where old ones are let go of, never
//! where something is told: an SOS waits for no count. So a few more than the limit may
//! wait, those that came between two counts.

use mayday_core::ids::EndpointId;

use crate::args;
use crate::error::StoreError;
use crate::sql::Sql;
use crate::tx::Tx;

// Looks at no more entries than there may be.
static COUNT: Sql = Sql::new(
    "SELECT count(*) FROM (SELECT 1 FROM webhook_deliveries
        WHERE endpoint_id = $1 AND state = 'pending' LIMIT $2) AS waiting",
);
static MARK: Sql =
    Sql::new("UPDATE webhook_endpoints SET backlog_full = $2 WHERE id = $1 AND backlog_full <> $2");

pub(crate) const STATEMENTS: &[&Sql] = &[&COUNT, &MARK];

/// Counts what waits for an endpoint, and has no more queued while that is too much.
pub(super) async fn count(
    tx: &mut Tx<'_>,
    endpoint: EndpointId,
    most: u32,
) -> Result<(), StoreError> {
    let waiting: i64 = tx.fetch_one(&COUNT, args![endpoint, most]).await?.get(0)?;
    let full = waiting >= i64::from(most);
    tx.execute(&MARK, args![endpoint, full]).await?;
    Ok(())
}
