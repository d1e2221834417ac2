//! Drills: the whole path of an SOS on trial (contract: Escalation).

mod end_long;
mod show;
mod start;
mod stop;

use mayday_core::drill::Drill;
use mayday_core::sos::Incident;

/// A drill and how far its messages got.
#[derive(Clone, Debug)]
pub struct DrillReport {
    /// The drill.
    pub drill: Drill,
    /// The incident that it plays; its actuators are the report.
    pub incident: Incident,
}
