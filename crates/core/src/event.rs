//! Incident events as they are stored, numbered and sent (contract: MQTT, Events).

use serde::{Deserialize, Serialize};

use crate::ids::{AppUuid, EventId, IncidentId, UserId};
use crate::time::Timestamp;

/// The word in an event's `type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EventType {
    /// A trigger or update was stored.
    #[serde(rename = "processed")]
    Processed,
    /// An actuator moved.
    #[serde(rename = "sos.actuator_update")]
    ActuatorUpdate,
    /// A contact or an operator acknowledged.
    #[serde(rename = "sos_ack")]
    Acknowledged,
    /// Everybody was asked and nobody answered.
    #[serde(rename = "sos.unanswered")]
    Unanswered,
    /// The phone in distress has been silent for too long.
    #[serde(rename = "sos.phone_silent")]
    PhoneSilent,
    /// It speaks again.
    #[serde(rename = "sos.phone_heard")]
    PhoneHeard,
    /// Its battery is low.
    #[serde(rename = "sos.battery_low")]
    BatteryLow,
    /// The incident was cancelled.
    #[serde(rename = "cancelled")]
    Cancelled,
    /// The incident was resolved.
    #[serde(rename = "resolved")]
    Resolved,
}

impl EventType {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Processed => "processed",
            Self::ActuatorUpdate => "sos.actuator_update",
            Self::Acknowledged => "sos_ack",
            Self::Unanswered => "sos.unanswered",
            Self::PhoneSilent => "sos.phone_silent",
            Self::PhoneHeard => "sos.phone_heard",
            Self::BatteryLow => "sos.battery_low",
            Self::Cancelled => "cancelled",
            Self::Resolved => "resolved",
        }
    }

    /// The type of a word read from the store.
    pub fn parse(word: &str) -> Option<Self> {
        [
            Self::Processed,
            Self::ActuatorUpdate,
            Self::Acknowledged,
            Self::Unanswered,
            Self::PhoneSilent,
            Self::PhoneHeard,
            Self::BatteryLow,
            Self::Cancelled,
            Self::Resolved,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == word)
    }

    /// Whether nothing follows it in its incident.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Cancelled | Self::Resolved)
    }
}

/// An event of a user's incident, as the store holds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UserEvent {
    /// The user whose incident it is; fan-out is keyed by this, never by topic text.
    pub user: UserId,
    /// Raised by one for each event of the user, in commit order.
    pub seq: i64,
    /// Clients drop a second event with the same id.
    pub event_id: EventId,
    /// The user's app.
    pub app: AppUuid,
    /// The incident.
    pub incident: IncidentId,
    /// What happened.
    pub kind: EventType,
    /// Strictly increasing per incident over all its events.
    pub snapshot_version: i64,
    /// When it was written, by the server's clock.
    pub created_at: Timestamp,
    /// The JSON object as sent, but without `userId`, which depends on the
    /// topic form that was subscribed.
    pub body: serde_json::Map<String, serde_json::Value>,
}

impl UserEvent {
    /// The payload for a topic: `user_id` is the UUID on the UUID topic, the
    /// external id on the alias topic.
    pub fn render(&self, user_id: &str) -> Vec<u8> {
        let mut body = self.body.clone();
        body.insert("userId".to_owned(), user_id.into());
        serde_json::to_vec(&body).unwrap_or_default()
    }
}
