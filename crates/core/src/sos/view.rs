//! Parts of an incident as they are shown (contract: SOS, Incident).

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use crate::ids::SampleId;
use crate::telemetry::Position;
use crate::time::Timestamp;

use super::payload::{Fix, Trigger};
use super::reader::Reader;

/// `positionSnapshot`: the newest known position, or the last known one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PositionSnapshot {
    /// Where.
    pub fix: Fix,
    /// How it became known.
    pub source: PositionSource,
    /// When it was measured, by the phone's clock: its age.
    pub time: Timestamp,
}

/// `positionSnapshot.source`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PositionSource {
    /// A trigger of this incident.
    Sos,
    /// Telemetry received since the incident was opened.
    Telemetry,
    /// Telemetry from before; the incident is flagged `stale_position`.
    LastKnown,
}

impl PositionSource {
    /// The word on the wire and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sos => "sos",
            Self::Telemetry => "telemetry",
            Self::LastKnown => "last_known",
        }
    }

    /// The source of a stored word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Sos, Self::Telemetry, Self::LastKnown]
            .into_iter()
            .find(|source| source.as_str() == word)
    }
}

impl PositionSnapshot {
    /// A position that telemetry brought.
    pub fn of_telemetry(position: &Position, source: PositionSource) -> Self {
        Self {
            fix: Fix {
                latitude: position.latitude,
                longitude: position.longitude,
                altitude: position.altitude,
            },
            source,
            time: position.time,
        }
    }
}

/// `creationTelemetry` of a history item: what the trigger itself measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Opening {
    /// `creationTelemetryId` of the incident.
    pub id: SampleId,
    /// The published time verbatim, or the time of receipt.
    pub occurred_at: String,
    /// Degrees; absent when the trigger had no fix.
    pub latitude: Option<f64>,
    /// Degrees; absent when the trigger had no fix.
    pub longitude: Option<f64>,
    /// Metres.
    pub altitude: Option<f64>,
    /// As sent.
    pub device_battery: Option<Value>,
    /// As sent.
    pub device_coverage: Option<Value>,
    /// 0 to 100, as sent.
    pub mobile_battery: Option<Number>,
    /// As sent.
    pub mobile_coverage: Option<Value>,
}

impl Opening {
    /// What a trigger received at `now` measured.
    pub fn of_trigger(id: SampleId, trigger: &Trigger, now: Timestamp) -> Self {
        Self {
            id,
            occurred_at: trigger.occurred_at(now),
            latitude: trigger.fix.map(|fix| fix.latitude),
            longitude: trigger.fix.map(|fix| fix.longitude),
            altitude: trigger.fix.and_then(|fix| fix.altitude),
            device_battery: trigger.device_battery.clone(),
            device_coverage: trigger.device_coverage.clone(),
            mobile_battery: trigger.mobile_battery.clone(),
            mobile_coverage: trigger.mobile_coverage.clone(),
        }
    }

    /// What can be read of a stored one that cannot be read whole, and otherwise
    /// this id and this time: no measurement hides an incident.
    pub fn salvaged(stored: &str, id: SampleId, occurred_at: Timestamp) -> Self {
        let mut json = Reader::new(stored.as_bytes());
        let known = json.word("id", stored.len());
        let told = json.word("occurredAt", stored.len());
        Self {
            id: known.and_then(|id| id.parse().ok()).unwrap_or(id),
            occurred_at: told.unwrap_or_else(|| occurred_at.to_string()),
            latitude: json.number("latitude"),
            longitude: json.number("longitude"),
            altitude: json.number("altitude"),
            device_battery: json.annotation("deviceBattery"),
            device_coverage: json.annotation("deviceCoverage"),
            mobile_battery: json.written_within("mobileBattery", 0.0, 100.0),
            mobile_coverage: json.annotation("mobileCoverage"),
        }
    }
}

/// A point of an incident's trail.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrailPoint {
    /// When it was measured, by the phone's clock.
    pub occurred_at: Timestamp,
    /// Degrees.
    pub latitude: f64,
    /// Degrees.
    pub longitude: f64,
    /// Metres.
    pub altitude: Option<f64>,
}

impl From<Position> for TrailPoint {
    fn from(position: Position) -> Self {
        Self {
            occurred_at: position.time,
            latitude: position.latitude,
            longitude: position.longitude,
            altitude: position.altitude,
        }
    }
}

#[cfg(test)]
mod tests;
