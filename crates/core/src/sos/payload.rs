//! The body of a trigger (contract: SOS, table of the trigger body).

use serde_json::{Number, Value};

use super::flags::{Flag, Flags};
use super::reader::Reader;
use crate::relay::{Naming, names_relay};
use crate::time::Timestamp;

/// Longest id or word that is kept, in bytes; longer ones are left out.
const MAX_WORD_BYTES: usize = 255;
/// Longest device text, in bytes, as for telemetry.
const MAX_DEVICE_BYTES: usize = crate::device::MAX_DEVICE_TEXT_BYTES;
/// Longest message, in bytes; a longer one is cut.
const MAX_MESSAGE_BYTES: usize = 4096;

/// What a trigger says, as far as it could be read. All fields are optional.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trigger {
    /// `timestamp`.
    pub time: Option<SentTime>,
    /// `latitude`, `longitude`, `altitude`.
    pub fix: Option<Fix>,
    /// `userId`: external id or UUID, on the flat topic.
    pub user_id: Option<String>,
    /// `deviceId`.
    pub device_id: Option<String>,
    /// `hardwareId`.
    pub hardware_id: Option<String>,
    /// `identitySource`.
    pub identity_source: Option<String>,
    /// `nodeId`.
    pub node_id: Option<u32>,
    /// `originatorNodeId`.
    pub originator_node_id: Option<u32>,
    /// `relayNodeId`.
    pub relay_node_id: Option<u32>,
    /// `relayDeviceId`.
    pub relay_device_id: Option<String>,
    /// `relayHardwareId`.
    pub relay_hardware_id: Option<String>,
    /// `source`; unknown words are kept.
    pub source: Option<String>,
    /// `triggerSource`; unknown words are kept.
    pub trigger_source: Option<String>,
    /// `relaySource`; unknown words are kept.
    pub relay_source: Option<String>,
    /// `owner`; unknown words are kept.
    pub owner: Option<String>,
    /// `message`.
    pub message: Option<String>,
    /// `clientIncidentId`.
    pub client_incident_id: Option<String>,
    /// `correlationId`.
    pub correlation_id: Option<String>,
    /// `cycleKey`.
    pub cycle_key: Option<String>,
    /// `osWidgetActivation`.
    pub widget: Option<Widget>,
    /// `deviceBattery`: an object, or a number of an older client.
    pub device_battery: Option<Value>,
    /// `deviceCoverage`: an object, or a number of an older client.
    pub device_coverage: Option<Value>,
    /// `mobileBattery`, 0 to 100, as it was written.
    pub mobile_battery: Option<Number>,
    /// `mobileCoverage`: an object, or a number of an older client.
    pub mobile_coverage: Option<Value>,
    /// It holds a `timestamp` or a nonce: the same bytes are then the same trigger.
    /// Text that is no time tells nothing apart, and a second cry is not swallowed
    /// for it.
    pub identifiable: bool,
    /// It could be read to its end. What was cut off may come again with more in it.
    pub whole: bool,
    /// What the body itself shows: `malformed_payload`.
    pub flags: Flags,
}

/// A time as the client wrote it, to be echoed to the last digit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentTime {
    /// Verbatim.
    pub text: String,
    /// What it means.
    pub at: Timestamp,
}

/// A position within range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fix {
    /// Degrees, -90 to 90.
    pub latitude: f64,
    /// Degrees, -180 to 180.
    pub longitude: f64,
    /// Metres.
    pub altitude: Option<f64>,
}

/// `osWidgetActivation`: what a home-screen widget says about one press.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Widget {
    /// `actionId`.
    pub action_id: Option<String>,
    /// `nonce`, new for each press.
    pub nonce: Option<String>,
    /// `timestamp` of the press, verbatim.
    pub timestamp: Option<String>,
}

impl Trigger {
    /// Reads a body. Never fails: what cannot be read is left out and flagged.
    pub fn parse(body: &[u8]) -> Self {
        let mut json = Reader::new(body);
        let widget = widget(&mut json);
        let time = time(&mut json);
        let identifiable = time.is_some()
            || json.says("nonce")
            || widget.as_ref().is_some_and(|w| w.nonce.is_some());
        let mut trigger = Self {
            time,
            fix: fix(&mut json),
            user_id: json.word("userId", MAX_WORD_BYTES),
            device_id: json.word("deviceId", MAX_DEVICE_BYTES),
            hardware_id: json.word("hardwareId", MAX_DEVICE_BYTES),
            identity_source: json.word("identitySource", MAX_WORD_BYTES),
            node_id: json.node("nodeId"),
            originator_node_id: json.node("originatorNodeId"),
            relay_node_id: json.node("relayNodeId"),
            relay_device_id: json.word("relayDeviceId", MAX_DEVICE_BYTES),
            relay_hardware_id: json.word("relayHardwareId", MAX_DEVICE_BYTES),
            source: json.word("source", MAX_WORD_BYTES),
            trigger_source: json.word("triggerSource", MAX_WORD_BYTES),
            relay_source: json.word("relaySource", MAX_WORD_BYTES),
            owner: json.word("owner", MAX_WORD_BYTES),
            message: json.prose("message", MAX_MESSAGE_BYTES),
            client_incident_id: json.word("clientIncidentId", MAX_WORD_BYTES),
            correlation_id: json.word("correlationId", MAX_WORD_BYTES),
            cycle_key: json.word("cycleKey", MAX_WORD_BYTES),
            widget,
            device_battery: json.annotation("deviceBattery"),
            device_coverage: json.annotation("deviceCoverage"),
            mobile_battery: json.written_within("mobileBattery", 0.0, 100.0),
            mobile_coverage: json.annotation("mobileCoverage"),
            identifiable,
            whole: json.whole,
            flags: Flags::NONE,
        };
        trigger
            .flags
            .insert_if(json.malformed, Flag::MalformedPayload);
        trigger
    }

    /// Whether the body itself says that it speaks for somebody else's device.
    /// A device that another user owns makes a relay too; only the store knows.
    pub fn has_relay_fields(&self) -> bool {
        self.relay_node_id.is_some()
            || names_relay([
                self.source.as_deref(),
                self.trigger_source.as_deref(),
                self.relay_source.as_deref(),
            ])
    }

    /// What it says about the device that it speaks for.
    pub fn naming(&self) -> Naming<'_> {
        Naming {
            relay: self.has_relay_fields(),
            device_id: self.device_id.as_deref(),
            hardware_id: self.hardware_id.as_deref(),
            originator_node_id: self.originator_node_id,
        }
    }

    /// `occurredAt` of the `processed` event: the published time verbatim, or
    /// the time of receipt.
    pub fn occurred_at(&self, received_at: Timestamp) -> String {
        self.time
            .as_ref()
            .map_or_else(|| received_at.to_string(), |sent| sent.text.clone())
    }

    /// When it happened by the phone's clock, or the time of receipt.
    pub fn time_or(&self, received_at: Timestamp) -> Timestamp {
        self.time.as_ref().map_or(received_at, |sent| sent.at)
    }
}

fn time(json: &mut Reader) -> Option<SentTime> {
    let text = json.word("timestamp", MAX_WORD_BYTES)?;
    if let Ok(at) = Timestamp::parse(&text) {
        return Some(SentTime { text, at });
    }
    json.malformed = true;
    None
}

fn fix(json: &mut Reader) -> Option<Fix> {
    let latitude = json.number_within("latitude", -90.0, 90.0);
    let longitude = json.number_within("longitude", -180.0, 180.0);
    let altitude = json.number("altitude");
    if let (Some(latitude), Some(longitude)) = (latitude, longitude) {
        return Some(Fix {
            latitude,
            longitude,
            altitude,
        });
    }
    // Half a position is none, and something went wrong on the way.
    json.malformed |= latitude.is_some() != longitude.is_some();
    None
}

fn widget(json: &mut Reader) -> Option<Widget> {
    let mut inner = json.object("osWidgetActivation")?;
    let widget = Widget {
        action_id: inner.word("actionId", MAX_WORD_BYTES),
        nonce: inner.word("nonce", MAX_WORD_BYTES),
        timestamp: inner.word("timestamp", MAX_WORD_BYTES),
    };
    json.malformed |= inner.malformed;
    Some(widget)
}

#[cfg(test)]
mod tests;
