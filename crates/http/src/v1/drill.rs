//! `/v1/sdk/sos/drill`: the whole path of an SOS on trial. camelCase.

pub(crate) mod show;
pub(crate) mod start;
pub(crate) mod stop;

use mayday_app::DrillReport;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

/// A drill.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DrillAnswer {
    /// The drill that runs now.
    drill: DrillView,
}

/// The latest drill, if there is one.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DrillShown {
    /// Null before the first.
    drill: Option<DrillView>,
}

/// A drill and its report. Every member is always present.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Drill)]
struct DrillView {
    /// The id.
    #[schema(example = "0199d7a1-52c4-7e0f-8d6b-2a9c3e5f7b01")]
    id: Uuid,
    /// `running` or `ended`.
    #[schema(example = "running")]
    state: &'static str,
    /// When it was started.
    #[schema(format = DateTime, example = "2026-09-09T10:15:30.123Z")]
    started_at: String,
    /// When somebody acknowledged it.
    #[schema(format = DateTime)]
    acknowledged_at: Option<String>,
    /// When it ended.
    #[schema(format = DateTime)]
    ended_at: Option<String>,
    /// `acknowledged`, `unanswered` (nobody was left to ask), `stopped` (by the user
    /// or an operator), `real_sos` or `timed_out`.
    ended_because: Option<&'static str>,
    /// How far each message got, one item per actuator, as in an incident.
    #[schema(value_type = Vec<Object>, example = json!([]))]
    actuators: Vec<Value>,
}

impl From<DrillReport> for DrillView {
    fn from(report: DrillReport) -> Self {
        let DrillReport { drill, incident } = report;
        let (ended_at, ended_because) = drill.ended.unzip();
        Self {
            id: drill.incident.uuid(),
            state: if drill.ended.is_some() {
                "ended"
            } else {
                "running"
            },
            started_at: drill.started_at.to_string(),
            acknowledged_at: incident.acknowledged_at.map(|at| at.to_string()),
            ended_at: ended_at.map(|at| at.to_string()),
            ended_because: ended_because.map(mayday_core::drill::DrillEnd::as_str),
            actuators: incident.actuators.items,
        }
    }
}
