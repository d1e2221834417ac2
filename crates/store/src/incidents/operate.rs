//! Incidents as operators see and end them, and who among the operators did what.

use mayday_core::ids::{AppUuid, IncidentId, RecordId};
use mayday_core::sos::{End, Incident};
use mayday_core::time::Timestamp;

use super::{columns, end::end, get, row};
use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::row::Row;
use crate::sql::Sql;
use crate::tx::Tx;
use crate::users;
use crate::webhooks::Doer;

/// Most actions of one incident that are read.
const MAX_ACTIONS: i64 = 200;

/// What operators see beside the incident itself, behind its columns.
macro_rules! listed {
    () => {
        concat!(
            "SELECT ",
            columns!(),
            ", hidden,
             (SELECT COALESCE(u.known_as, u.external_id) FROM users u WHERE u.id = incidents.user_id)
             FROM incidents"
        )
    };
}

static PAGE: Sql = Sql::new(concat!(
    listed!(),
    " WHERE app_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3"
));
static OPEN_PAGE: Sql = Sql::new(concat!(
    listed!(),
    " WHERE app_id = $1 AND id < $2 AND state IN ('active', 'acknowledged')
      ORDER BY id DESC LIMIT $3"
));
static ONE: Sql = Sql::new(concat!(listed!(), " WHERE app_id = $1 AND id = $2"));
static RECORD: Sql = Sql::new(
    "INSERT INTO incident_actions (id, incident_id, action, operator, at)
     VALUES ($1, $2, $3, $4, $5)",
);
static ACTIONS: Sql = Sql::new(
    "SELECT action, operator, at FROM incident_actions WHERE incident_id = $1
     ORDER BY at, id LIMIT $2",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&PAGE, &OPEN_PAGE, &ONE, &RECORD, &ACTIONS];

/// An incident as operators see it.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedIncident {
    /// The incident.
    pub incident: Incident,
    /// Hidden from the phone of the person in distress.
    pub hidden: bool,
    /// The partner's id of its owner.
    pub external_id: String,
}

/// What an operator did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperatorAction {
    /// Ended it as handled.
    Resolve,
    /// Revoked a contact's tracking link.
    RevokeLink,
}

impl OperatorAction {
    /// The word in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Resolve => "resolve",
            Self::RevokeLink => "revoke_link",
        }
    }
}

/// Something that an operator did with an incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionRow {
    /// [`OperatorAction::as_str`].
    pub action: String,
    /// Who.
    pub operator: String,
    /// When.
    pub at: Timestamp,
}

/// An app's incidents, drills and hidden ones too, newest first, those older than
/// `before`.
pub async fn page(
    tx: &mut Tx<'_>,
    app: AppUuid,
    only_open: bool,
    before: Option<IncidentId>,
    limit: u32,
) -> Result<Vec<ListedIncident>, StoreError> {
    let before = before.unwrap_or(IncidentId(uuid::Uuid::max()));
    let statement = if only_open { &OPEN_PAGE } else { &PAGE };
    let rows = tx.fetch_all(statement, args![app, before, limit]).await?;
    rows.iter().map(read).collect()
}

/// An incident of the app.
pub async fn listed(
    tx: &mut Tx<'_>,
    app: AppUuid,
    id: IncidentId,
) -> Result<Option<ListedIncident>, StoreError> {
    let row = tx.fetch_optional(&ONE, args![app, id]).await?;
    row.as_ref().map(read).transpose()
}

/// What operators did with an incident, the first first.
pub async fn actions_of(
    tx: &mut Tx<'_>,
    incident: IncidentId,
) -> Result<Vec<ActionRow>, StoreError> {
    let rows = tx.fetch_all(&ACTIONS, args![incident, MAX_ACTIONS]).await?;
    let read = |row: &Row| {
        Ok(ActionRow {
            action: row.get(0)?,
            operator: row.get(1)?,
            at: row.get(2)?,
        })
    };
    rows.iter().map(read).collect()
}

/// Records what an operator did, in the transaction that does it.
pub async fn record_action(
    tx: &mut Tx<'_>,
    incident: IncidentId,
    action: OperatorAction,
    operator: &str,
) -> Result<(), StoreError> {
    let id = RecordId::generate(tx.clock(), tx.entropy());
    let now = tx.now();
    tx.execute_one(&RECORD, args![id, incident, action.as_str(), operator, now])
        .await
}

/// An operator ends an incident as handled. Output: whether it ended now; `None`:
/// the app has no such incident.
#[derive(Clone, Debug)]
pub struct ResolveIncident {
    /// The app.
    pub app: AppUuid,
    /// Which incident.
    pub incident: IncidentId,
    /// Who ends it.
    pub operator: String,
}

impl Command for ResolveIncident {
    type Output = Option<bool>;
    const NAME: &'static str = "sos.resolve_by_operator";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Option<bool>, StoreError> {
        let Some(seen) = get(tx, self.incident).await? else {
            return Ok(None);
        };
        if seen.app != self.app {
            return Ok(None);
        }
        users::lock(tx, seen.user).await?;
        let Some(mut incident) = get(tx, self.incident).await? else {
            return Ok(None);
        };
        if !incident.state.is_open() {
            return Ok(Some(false));
        }
        let by = Doer::Operator(self.operator.clone());
        end(tx, &mut incident, End::Resolved, by).await?;
        record_action(tx, incident.id, OperatorAction::Resolve, &self.operator).await?;
        Ok(Some(true))
    }
}

fn read(row: &Row) -> Result<ListedIncident, StoreError> {
    let behind = columns!().split(',').count();
    Ok(ListedIncident {
        incident: row::read(row)?,
        hidden: row.get(behind)?,
        external_id: row.get(behind + 1)?,
    })
}

#[cfg(test)]
mod tests;
