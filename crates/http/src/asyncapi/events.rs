//! The events of an incident, described for `AsyncAPI`; `core::sos` makes them.
//! Nothing here is ever constructed.

use serde::Serialize;
use utoipa::{OpenApi, ToSchema};
use uuid::Uuid;

/// The schemas.
#[derive(OpenApi)]
#[openapi(components(schemas(
    ProcessedEvent,
    ActuatorEvent,
    AcknowledgedEvent,
    UnansweredEvent,
    PhoneSilentEvent,
    PhoneHeardEvent,
    BatteryLowEvent,
    CancelledEvent,
    ResolvedEvent
)))]
pub(super) struct Events;

/// A trigger or an update was stored.
#[derive(Serialize, ToSchema)]
pub(super) struct ProcessedEvent {
    /// `processed`
    #[serde(rename = "type")]
    #[schema(pattern = "^processed$", example = "processed")]
    kind: String,
    #[serde(flatten)]
    common: Common,
}

/// An actuator moved.
#[derive(Serialize, ToSchema)]
pub(super) struct ActuatorEvent {
    /// `sos.actuator_update`
    #[serde(rename = "type")]
    #[schema(pattern = r"^sos\.actuator_update$", example = "sos.actuator_update")]
    kind: String,
    #[serde(flatten)]
    common: Common,
}

/// A contact or an operator acknowledged.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AcknowledgedEvent {
    /// `sos_ack`
    #[serde(rename = "type")]
    #[schema(pattern = "^sos_ack$", example = "sos_ack")]
    kind: String,
    /// When.
    #[schema(format = DateTime, example = "2026-09-09T10:17:00.000Z")]
    acknowledged_at: String,
    /// Who.
    acknowledged_by: AcknowledgedBy,
    #[serde(flatten)]
    common: Common,
}

/// Who said that they help.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AcknowledgedBy {
    /// `contact` or `operator`.
    #[serde(rename = "type")]
    #[schema(pattern = "^(contact|operator)$", example = "contact")]
    kind: String,
    /// Which contact; null for an operator.
    contact_id: Option<Uuid>,
    /// The name that they gave, or that is known.
    #[schema(example = "Ann Lee")]
    name: String,
    /// `page`, `call`, `sms` or `console`.
    #[schema(pattern = "^(page|call|sms|console)$", example = "page")]
    means: String,
}

/// Everybody was asked in this round and nobody answered.
#[derive(Serialize, ToSchema)]
pub(super) struct UnansweredEvent {
    /// `sos.unanswered`
    #[serde(rename = "type")]
    #[schema(pattern = r"^sos\.unanswered$", example = "sos.unanswered")]
    kind: String,
    /// The round, from 1; a second cry begins the next.
    #[schema(minimum = 1, example = 1)]
    round: u32,
    #[serde(flatten)]
    common: Common,
}

/// The phone in distress has been silent for as long as the policy says.
#[derive(Serialize, ToSchema)]
pub(super) struct PhoneSilentEvent {
    /// `sos.phone_silent`
    #[serde(rename = "type")]
    #[schema(pattern = r"^sos\.phone_silent$", example = "sos.phone_silent")]
    kind: String,
    /// What is known of the phone.
    phone: Phone,
    #[serde(flatten)]
    common: Common,
}

/// It speaks again.
#[derive(Serialize, ToSchema)]
pub(super) struct PhoneHeardEvent {
    /// `sos.phone_heard`
    #[serde(rename = "type")]
    #[schema(pattern = r"^sos\.phone_heard$", example = "sos.phone_heard")]
    kind: String,
    /// What is known of the phone.
    phone: Phone,
    #[serde(flatten)]
    common: Common,
}

/// Its battery is low.
#[derive(Serialize, ToSchema)]
pub(super) struct BatteryLowEvent {
    /// `sos.battery_low`
    #[serde(rename = "type")]
    #[schema(pattern = r"^sos\.battery_low$", example = "sos.battery_low")]
    kind: String,
    /// What is known of the phone.
    phone: Phone,
    #[serde(flatten)]
    common: Common,
}

/// What is known of the phone in distress.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PhoneInDistress)]
struct Phone {
    /// When it last spoke.
    #[schema(format = DateTime, example = "2026-09-09T10:20:00.000Z")]
    last_heard_at: String,
    /// The same, while it is silent.
    #[schema(format = DateTime)]
    silent_since: Option<String>,
    /// What it last said of its battery.
    #[schema(minimum = 0, maximum = 100, example = 14)]
    battery_percent: Option<u8>,
}

/// The incident was cancelled.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CancelledEvent {
    /// `cancelled`
    #[serde(rename = "type")]
    #[schema(pattern = "^cancelled$", example = "cancelled")]
    kind: String,
    /// When.
    #[schema(format = DateTime, example = "2026-09-09T10:20:00.000Z")]
    cancelled_at: String,
    #[serde(flatten)]
    common: Common,
}

/// The incident was resolved.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResolvedEvent {
    /// `resolved`
    #[serde(rename = "type")]
    #[schema(pattern = "^resolved$", example = "resolved")]
    kind: String,
    /// When.
    #[schema(format = DateTime, example = "2026-09-09T10:20:00.000Z")]
    resolved_at: String,
    #[serde(flatten)]
    common: Common,
}

/// What every event says.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SosEvent)]
struct Common {
    /// A second event with the same id is the same event.
    event_id: Uuid,
    /// The app's UUID, not its public id.
    app_id: Uuid,
    /// The UUID, or the partner's id, as the topic has it.
    #[schema(example = "0199d7a0-3f1e-7c5b-9a44-0c2b7f6d1e10")]
    user_id: String,
    /// The incident.
    incident_id: Uuid,
    /// `active`, `acknowledged`, `resolved` or `cancelled`.
    #[schema(
        pattern = "^(active|acknowledged|resolved|cancelled)$",
        example = "active"
    )]
    status: String,
    /// When it happened; in the answer to a trigger its `timestamp`, unchanged.
    #[schema(format = DateTime, example = "2026-09-09T10:15:30.123456Z")]
    occurred_at: String,
    /// When the incident was opened.
    #[schema(format = DateTime, example = "2026-09-09T10:15:30.502Z")]
    opened_at: String,
    /// The time that clients go by, on the phone's clock.
    #[schema(format = DateTime, example = "2026-09-09T10:15:30.123456Z")]
    updated_at: String,
    /// Strictly increases over all events of an incident: drop equal and lower ones.
    #[schema(minimum = 1, example = 1)]
    snapshot_version: u64,
    /// Who was told, and how far that is.
    actuators: Actuators,
    /// Echoed when the trigger named it.
    client_incident_id: Option<String>,
    /// Echoed when the trigger named it.
    correlation_id: Option<String>,
    /// Echoed when the trigger named it.
    cycle_key: Option<String>,
}

/// Who was told.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Actuators {
    /// Of the plan.
    snapshot_version: u64,
    /// One for each kind of actuator.
    items: Vec<serde_json::Value>,
}
