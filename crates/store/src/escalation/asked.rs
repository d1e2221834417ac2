//! Who was asked by phone and may be answering by phone.

use mayday_core::escalation::Channel;

use super::AttemptRow;
use super::attempts;
use crate::args;
use crate::error::StoreError;
use crate::sql::Sql;
use crate::tx::Tx;

/// Attempts that one number is looked through for. A number of more open incidents
/// than this at once is no contact's.
const MAX_ASKED: u32 = 50;

static ASKED: Sql = Sql::new(
    "SELECT a.id FROM escalation_attempts a JOIN incidents i ON i.id = a.incident_id \
     WHERE a.address = $1 AND a.channel = $2 AND a.purpose <> 'all_clear' \
       AND a.sending_at IS NOT NULL AND i.state IN ('active', 'acknowledged') \
     ORDER BY a.sending_at DESC LIMIT $3",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&ASKED];

/// What may have gone out to a number (E.164) by this channel about incidents that
/// are open, the latest first.
pub async fn asked(
    tx: &mut Tx<'_>,
    phone: &str,
    channel: Channel,
) -> Result<Vec<AttemptRow>, StoreError> {
    let values = args![phone, channel.as_str(), MAX_ASKED];
    let mut found = Vec::new();
    for row in tx.fetch_all(&ASKED, values).await? {
        found.extend(attempts::get(tx, row.get(0)?).await?);
    }
    Ok(found)
}
