//! What an event says (contract: MQTT, Events).

use serde_json::{Map, Value};

use super::incident::Incident;
use super::payload::Trigger;
use crate::time::Timestamp;
use crate::transport::Transport;

/// The trigger that a `processed` event answers.
#[derive(Clone, Copy, Debug)]
pub struct Answered<'a> {
    /// What it said.
    pub trigger: &'a Trigger,
    /// How it came.
    pub transport: Transport,
}

/// The body of an event of `incident` as it stands after the change at `now`,
/// without what the store adds when it numbers the event (`type`, `eventId`,
/// `appId`, `incidentId`, `snapshotVersion`) and without `userId`, which
/// depends on the topic that was subscribed.
///
/// Clients take an event's time from `updatedAt` and reject what is more than
/// 30 s off their clock. So the answer to an MQTT trigger carries the published
/// time in both `occurredAt` and `updatedAt`, to the last digit; other events
/// carry our time shifted to the phone's clock.
pub fn event_body(
    incident: &Incident,
    now: Timestamp,
    answered: Option<Answered<'_>>,
) -> Map<String, Value> {
    let shifted = incident.on_phone_clock(now).to_string();
    let (occurred_at, updated_at) = match answered {
        None => (now.to_string(), shifted),
        Some(Answered { trigger, transport }) => {
            let occurred_at = trigger.occurred_at(now);
            match transport {
                Transport::Mqtt => (occurred_at.clone(), occurred_at),
                Transport::Http => (occurred_at, shifted),
            }
        }
    };
    let mut body = Map::new();
    let mut put = |name: &str, value: Value| body.insert(name.to_owned(), value);
    put("status", incident.state.as_str().into());
    put("occurredAt", occurred_at.into());
    put("openedAt", incident.created_at.to_string().into());
    put("updatedAt", updated_at.into());
    if let Some(at) = incident.resolved_at {
        put("resolvedAt", at.to_string().into());
    }
    if let Some(at) = incident.cancelled_at {
        put("cancelledAt", at.to_string().into());
    }
    put("actuators", actuators(incident));
    let echo = &incident.echo;
    for (name, text) in [
        ("clientIncidentId", &echo.client_incident_id),
        ("correlationId", &echo.correlation_id),
        ("cycleKey", &echo.cycle_key),
    ] {
        if let Some(text) = text {
            put(name, text.as_str().into());
        }
    }
    body
}

fn actuators(incident: &Incident) -> Value {
    serde_json::json!({
        "snapshotVersion": incident.actuators.snapshot_version,
        "items": incident.actuators.items,
    })
}

#[cfg(test)]
mod tests;
