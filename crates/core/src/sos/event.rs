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
    /// Somebody else sent it for the owner's device: its time is of another clock
    /// than that of the phone which the event is for.
    pub relayed: bool,
}

impl Answered<'_> {
    /// Whether the owner's phone waits for an event of the time that it published.
    fn tells_the_phones_time(&self) -> bool {
        let published = self.transport == Transport::Mqtt && self.trigger.time.is_some();
        published && !self.relayed
    }
}

/// The body of an event of `incident` as it stands after the change at `now`,
/// without what the store adds when it numbers the event (`type`, `eventId`,
/// `appId`, `incidentId`, `snapshotVersion`) and without `userId`, which
/// depends on the topic that was subscribed.
///
/// Clients take an event's time from `updatedAt` and reject what is more than
/// 30 s off their clock. So the answer to the phone's own MQTT trigger carries the
/// published time in both `occurredAt` and `updatedAt`, to the last digit; other
/// events, and answers to a trigger that a gateway sent or that told no time, carry
/// our time shifted to the phone's clock.
pub fn event_body(
    incident: &Incident,
    now: Timestamp,
    answered: Option<Answered<'_>>,
) -> Map<String, Value> {
    let shifted = incident.on_phone_clock(now).to_string();
    let (occurred_at, updated_at) = match answered {
        None => (now.to_string(), shifted),
        Some(answered) => {
            let occurred_at = answered.trigger.occurred_at(now);
            if answered.tells_the_phones_time() {
                (occurred_at.clone(), occurred_at)
            } else {
                (occurred_at, shifted)
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
