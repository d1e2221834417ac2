//! An app's devices, page by page, for administrators.

use mayday_core::device::Device;
use mayday_core::ids::{AppUuid, DeviceId};
use mayday_core::time::Timestamp;

use super::{claim_of, columns, with_ownership};
use crate::args;
use crate::error::StoreError;
use crate::row::Row;
use crate::sql::Sql;
use crate::tx::Tx;

pub(crate) static PAGE: Sql = Sql::new(concat!(
    "SELECT ",
    columns!(),
    ", u.external_id FROM devices d JOIN users u ON u.id = d.user_id
     WHERE d.app_id = $1 AND (d.hardware_key, d.id) > ($2, $3)
     ORDER BY d.hardware_key, d.id LIMIT $4"
));
/// Those that another user lists too, by either text of either.
pub(crate) static CONTESTED: Sql = Sql::new(concat!(
    "SELECT ",
    columns!(),
    ", u.external_id FROM devices d JOIN users u ON u.id = d.user_id
     WHERE d.app_id = $1 AND (d.hardware_key, d.id) > ($2, $3)
        AND (EXISTS (SELECT 1 FROM devices o WHERE o.app_id = d.app_id
                AND o.hardware_key = d.hardware_key AND o.user_id <> d.user_id)
            OR EXISTS (SELECT 1 FROM devices o WHERE o.app_id = d.app_id
                AND o.alias_key = d.hardware_key AND o.user_id <> d.user_id)
            OR EXISTS (SELECT 1 FROM devices o WHERE o.app_id = d.app_id
                AND o.hardware_key = d.alias_key AND o.user_id <> d.user_id))
     ORDER BY d.hardware_key, d.id LIMIT $4"
));
pub(crate) static AT: Sql =
    Sql::new("SELECT hardware_key FROM devices WHERE id = $1 AND app_id = $2");

/// A device as administrators see it.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedDevice {
    /// The device, with whether it is its lister's.
    pub device: Device,
    /// The lister's external id.
    pub external_id: String,
    /// When an administrator decided for the lister.
    pub assigned_at: Option<Timestamp>,
}

/// An app's devices in the order of their identifiers, those after `after`;
/// `contested`: only those that several users list. `None`: the app has no device
/// `after`.
pub async fn page(
    tx: &mut Tx<'_>,
    app: AppUuid,
    contested: bool,
    after: Option<DeviceId>,
    limit: u32,
) -> Result<Option<Vec<ListedDevice>>, StoreError> {
    let from = match after {
        None => (String::new(), DeviceId(uuid::Uuid::nil())),
        Some(id) => match tx.fetch_optional(&AT, args![id, app]).await? {
            Some(row) => (row.get(0)?, id),
            None => return Ok(None),
        },
    };
    let statement = if contested { &CONTESTED } else { &PAGE };
    let values = args![app, &from.0, from.1, limit];
    let rows = tx.fetch_all(statement, values).await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in &rows {
        found.push(listed(tx, app, row).await?);
    }
    Ok(Some(found))
}

async fn listed(tx: &mut Tx<'_>, app: AppUuid, row: &Row) -> Result<ListedDevice, StoreError> {
    let claim = claim_of(row)?;
    Ok(ListedDevice {
        assigned_at: claim.assigned_at,
        device: with_ownership(tx, app, claim).await?,
        external_id: row.get(10)?,
    })
}
