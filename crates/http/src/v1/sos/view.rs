//! Incidents as they stand on the wire (contract: SOS, Incident). Every member
//! is always present; what is not known is null.

use mayday_core::sos::{Actuators, Incident, PositionSnapshot};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

/// An incident.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Incident)]
pub(super) struct IncidentView {
    /// The id.
    #[schema(example = "0199d7a2-1b7c-7d11-8f20-6e5d4c3b2a19")]
    id: Uuid,
    /// `active`, `acknowledged`, `resolved` or `cancelled`; open are the first two.
    #[schema(example = "active")]
    state: &'static str,
    /// The same word.
    #[schema(example = "active")]
    status: &'static str,
    /// When the first trigger was received.
    #[schema(format = DateTime, example = "2026-09-09T10:15:30.481Z")]
    created_at: String,
    /// When it last changed.
    #[schema(format = DateTime, example = "2026-09-09T10:15:30.481Z")]
    updated_at: String,
    /// When a contact or an operator acknowledged.
    #[schema(format = DateTime)]
    acknowledged_at: Option<String>,
    /// When it was cancelled.
    #[schema(format = DateTime)]
    cancelled_at: Option<String>,
    /// When it was resolved.
    #[schema(format = DateTime)]
    resolved_at: Option<String>,
    /// As at opening; never overwritten.
    #[schema(example = "button_ui")]
    source: Option<String>,
    /// As at opening; never overwritten.
    #[schema(example = "button_ui")]
    trigger_source: Option<String>,
    /// As at opening; never overwritten.
    relay_source: Option<String>,
    /// As at opening; never overwritten.
    originator_node_id: Option<u32>,
    /// As at opening; never overwritten.
    relay_node_id: Option<u32>,
    /// The device that cried for help.
    #[schema(example = "305419896")]
    device_id: Option<String>,
    /// Another text for the same device.
    #[schema(example = "CF:82:12:34:56:78")]
    hardware_id: Option<String>,
    /// `app`, `device` or `external`, as at opening.
    #[schema(example = "app")]
    owner: Option<String>,
    /// The latest words of the person in distress.
    #[schema(example = "Fell near the ridge")]
    message: Option<String>,
    /// The newest known position.
    position_snapshot: Option<PositionView>,
    /// Who is being told, and by which way.
    actuators: ActuatorsView,
    /// The sample that came with the first trigger.
    #[schema(example = "0199d7a2-1b7c-7d11-8f20-6e5d4c3b2a1a")]
    creation_telemetry_id: Uuid,
    /// What was odd: `no_position`, `stale_position`, `unknown_device`,
    /// `malformed_payload`, `oversized`, `retained`, `clock_skew`,
    /// `user_mismatch`, `stale_credentials`, `cancel_requested`.
    #[schema(example = json!([]))]
    flags: Vec<&'static str>,
}

/// Somebody else's incident, as far as a gateway may know it.
///
/// Closed: a whole incident would be one of these too, and fit no `oneOf`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct IncidentBrief {
    /// The id.
    #[schema(example = "0199d7a2-1b7c-7d11-8f20-6e5d4c3b2a19")]
    id: Uuid,
    /// As in an incident.
    #[schema(example = "active")]
    state: &'static str,
    /// The same word.
    #[schema(example = "active")]
    status: &'static str,
    /// As in an incident.
    #[schema(example = json!(["cancel_requested"]))]
    flags: Vec<&'static str>,
}

/// A position and where it is known from.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PositionSnapshot)]
struct PositionView {
    /// Degrees.
    #[schema(example = 41.387_421)]
    latitude: f64,
    /// Degrees.
    #[schema(example = 2.168_612)]
    longitude: f64,
    /// Metres.
    #[schema(example = 12.4)]
    altitude: Option<f64>,
    /// `sos` (a trigger), `telemetry` (since the opening) or `last_known`
    /// (from before; flagged `stale_position`).
    #[schema(example = "sos")]
    source: &'static str,
    /// When it was measured.
    #[schema(format = DateTime, example = "2026-09-09T10:15:30.123Z")]
    timestamp: String,
}

/// The escalation, one item per actuator.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Actuators)]
struct ActuatorsView {
    /// Strictly increasing over the incident's events; drop what is not newer.
    #[schema(example = 1)]
    snapshot_version: i64,
    /// One item per actuator type.
    #[schema(value_type = Vec<Object>, example = json!([]))]
    items: Vec<Value>,
}

impl From<Incident> for IncidentView {
    fn from(incident: Incident) -> Self {
        let state = incident.state.as_str();
        let origin = incident.origin;
        Self {
            id: incident.id.uuid(),
            state,
            status: state,
            created_at: incident.created_at.to_string(),
            updated_at: incident.updated_at.to_string(),
            acknowledged_at: incident.acknowledged_at.map(|time| time.to_string()),
            cancelled_at: incident.cancelled_at.map(|time| time.to_string()),
            resolved_at: incident.resolved_at.map(|time| time.to_string()),
            source: origin.source,
            trigger_source: origin.trigger_source,
            relay_source: origin.relay_source,
            originator_node_id: origin.originator_node_id,
            relay_node_id: origin.relay_node_id,
            device_id: incident.device_id,
            hardware_id: incident.hardware_id,
            owner: origin.owner,
            message: incident.message,
            position_snapshot: incident.position.map(Into::into),
            actuators: incident.actuators.into(),
            creation_telemetry_id: incident.opening.id.uuid(),
            flags: incident.flags.shown(),
        }
    }
}

impl From<&Incident> for IncidentBrief {
    fn from(incident: &Incident) -> Self {
        let state = incident.state.as_str();
        Self {
            id: incident.id.uuid(),
            state,
            status: state,
            flags: incident.flags.shown(),
        }
    }
}

impl From<PositionSnapshot> for PositionView {
    fn from(position: PositionSnapshot) -> Self {
        Self {
            latitude: position.fix.latitude,
            longitude: position.fix.longitude,
            altitude: position.fix.altitude,
            source: position.source.as_str(),
            timestamp: position.time.to_string(),
        }
    }
}

impl From<Actuators> for ActuatorsView {
    fn from(actuators: Actuators) -> Self {
        Self {
            snapshot_version: actuators.snapshot_version,
            items: actuators.items,
        }
    }
}
