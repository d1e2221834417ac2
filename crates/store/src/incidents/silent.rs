//! Open incidents without sign of life (contract: SOS, "a second cry is heard").

use std::time::Duration;

use mayday_core::ids::{AppUuid, IncidentId, UserId};
use mayday_core::time::Timestamp;
use serde_json::json;

use super::get;
use crate::alerts::{self, AlertKind, NewAlert};
use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::sql::Sql;
use crate::tx::Tx;
use crate::users;

/// An open incident is raised to operators when it has been silent this long.
pub const SILENT_AFTER: Duration = Duration::from_hours(24);

static CANDIDATES: Sql = Sql::new(
    "SELECT id, app_id, user_id, last_trigger_at FROM incidents
     WHERE state IN ('active', 'acknowledged') AND NOT drill
        AND last_trigger_at <= $1 AND silent_raised_at IS NULL AND id > $2
     ORDER BY id LIMIT $3",
);
static RAISED: Sql = Sql::new(
    "UPDATE incidents SET silent_raised_at = $2 WHERE id = $1 AND silent_raised_at IS NULL",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&CANDIDATES, &RAISED];

/// An open incident whose last trigger is long ago; telemetry may have shown a
/// sign of life since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SilentCandidate {
    /// The incident.
    pub id: IncidentId,
    /// Its app.
    pub app: AppUuid,
    /// Its owner.
    pub user: UserId,
    /// When it was last heard of by a trigger.
    pub last_trigger_at: Timestamp,
}

/// Open incidents without a trigger since `before` that were not raised yet,
/// in the order of their ids, those after `after`.
pub async fn silent_candidates(
    tx: &mut Tx<'_>,
    before: Timestamp,
    after: Option<IncidentId>,
    limit: u32,
) -> Result<Vec<SilentCandidate>, StoreError> {
    let after = after.unwrap_or(IncidentId(uuid::Uuid::nil()));
    let rows = tx
        .fetch_all(&CANDIDATES, args![before, after, limit])
        .await?;
    rows.iter()
        .map(|row| {
            Ok(SilentCandidate {
                id: row.get(0)?,
                app: row.get(1)?,
                user: row.get(2)?,
                last_trigger_at: row.get(3)?,
            })
        })
        .collect()
}

/// Tells operators that an incident has gone silent; it stays open. Output:
/// whether it was raised now.
#[derive(Clone, Copy, Debug)]
pub struct RaiseSilent {
    /// Which incident.
    pub incident: SilentCandidate,
    /// Its last sign of life.
    pub last_sign_at: Timestamp,
}

impl Command for RaiseSilent {
    type Output = bool;
    const NAME: &'static str = "sos.raise_silent";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        users::lock(tx, self.incident.user).await?;
        let now = tx.now();
        let found = get(tx, self.incident.id).await?;
        let still = found.is_some_and(|found| {
            found.state.is_open() && found.last_trigger_at == self.incident.last_trigger_at
        });
        if !still || tx.execute(&RAISED, args![self.incident.id, now]).await? == 0 {
            return Ok(false);
        }
        let alert = NewAlert {
            app: self.incident.app,
            kind: AlertKind::SilentIncident,
            key: &self.incident.id.to_string(),
            user: Some(self.incident.user),
            incident: Some(self.incident.id),
            detail: json!({"last_sign_at": self.last_sign_at}),
        };
        alerts::raise(tx, alert).await?;
        Ok(true)
    }
}
