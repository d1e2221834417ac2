//! Incidents: the rows, and everything a command does with them (contract: SOS).
//!
//! A command locks the owner's row first, reads the open incident, lets
//! `mayday_core::sos` decide and change it, and writes incident, report,
//! numbered event, redelivery keys and jobs in one transaction.

pub(crate) mod cancel;
pub(crate) mod devices;
pub(crate) mod duress;
pub(crate) mod end;
pub(crate) mod gateways;
pub(crate) mod history;
pub(crate) mod keys;
pub(crate) mod operate;
pub(crate) mod prune;
pub(crate) mod reports;
pub(crate) mod resolve;
pub(crate) mod row;
pub(crate) mod silent;
pub(crate) mod trail;
pub(crate) mod trigger;
pub(crate) mod vitals;

use std::collections::HashSet;

use mayday_core::ids::{IncidentId, UserId};
use mayday_core::sos::Incident;

pub use cancel::{CancelOutcome, CancelSos};
pub use duress::{asked_by, continued_for};
pub use gateways::{CancelRecord, recorded_cancels};
pub use history::{HistoryCursor, InvalidCursor, history};
pub use keys::PruneTriggerKeys;
pub use operate::{
    ActionRow, ListedIncident, OperatorAction, ResolveIncident, actions_of, listed, page,
    record_action,
};
pub use prune::{EVENTS_KEPT, PruneSosRecords, RECORDS_KEPT};
pub use reports::{MAX_REPORTED_POINTS, kept_bodies, reported_trail};
pub use resolve::ResolveSos;
pub use silent::{RaiseSilent, SILENT_AFTER, SilentCandidate, silent_candidates};
pub use trail::{StoreTrail, TRAIL_COPY_JOB, stored_trail};
pub use trigger::{TriggerOutcome, TriggerSos};
pub use vitals::{NoteVitals, WatchedIncident, vitals_of, watched};

use crate::args;
use crate::error::StoreError;
use crate::sql::Sql;
use crate::tx::Tx;

/// The columns of an incident, in the order in which `row.rs` reads them.
macro_rules! columns {
    () => {
        "id, app_id, user_id, state, created_at, updated_at, acknowledged_at, cancelled_at, \
         resolved_at, source, trigger_source, relay_source, owner, originator_node_id, \
         relay_node_id, device_id, hardware_id, message, latitude, longitude, altitude, \
         position_source, position_at, actuators, opening, flags, client_incident_id, \
         correlation_id, cycle_key, snapshot_version, round, triggers, last_trigger_at, \
         exhausted_at, phone_offset, drill, round_began_at"
    };
}
pub(crate) use columns;

static OPEN: Sql = Sql::new(concat!(
    "SELECT ",
    columns!(),
    " FROM incidents WHERE user_id = $1 AND state IN ('active', 'acknowledged')
     AND NOT drill AND NOT hidden"
));
static LATEST: Sql = Sql::new(concat!(
    "SELECT ",
    columns!(),
    " FROM incidents WHERE user_id = $1 AND NOT drill AND NOT hidden
     ORDER BY created_at DESC, id DESC LIMIT 1"
));
static BY_ID: Sql = Sql::new(concat!(
    "SELECT ",
    columns!(),
    " FROM incidents WHERE id = $1"
));

static HIDDEN_OF: Sql = Sql::new("SELECT id FROM incidents WHERE user_id = $1 AND hidden");

pub(crate) const STATEMENTS: &[&Sql] = &[
    &OPEN,
    &LATEST,
    &BY_ID,
    &HIDDEN_OF,
    &row::INSERT,
    &row::UPDATE,
];

/// How often a device's owner is looked up again because the registry changed
/// between look-up and lock.
const RESOLVE_ATTEMPTS: usize = 4;

/// The user's open incident, drills and hidden ones aside.
pub async fn open_of(tx: &mut Tx<'_>, user: UserId) -> Result<Option<Incident>, StoreError> {
    let found = tx.fetch_optional(&OPEN, args![user]).await?;
    found.as_ref().map(row::read).transpose()
}

/// The user's newest incident, open or not.
pub async fn latest_of(tx: &mut Tx<'_>, user: UserId) -> Result<Option<Incident>, StoreError> {
    let found = tx.fetch_optional(&LATEST, args![user]).await?;
    found.as_ref().map(row::read).transpose()
}

/// The user's incidents that whoever holds the phone must not learn of.
pub async fn hidden_of(tx: &mut Tx<'_>, user: UserId) -> Result<HashSet<IncidentId>, StoreError> {
    let rows = tx.fetch_all(&HIDDEN_OF, args![user]).await?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// An incident by its id.
pub async fn get(tx: &mut Tx<'_>, id: IncidentId) -> Result<Option<Incident>, StoreError> {
    let found = tx.fetch_optional(&BY_ID, args![id]).await?;
    found.as_ref().map(row::read).transpose()
}
