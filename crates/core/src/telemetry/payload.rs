//! The telemetry body (contract: Telemetry and devices).
//!
//! Every documented member must be right, in the shapes of old and new clients;
//! unknown members are ignored. What decides where, when and whose a reading is
//! is read here, what only annotates it is checked in [`annotations`]. None of
//! this holds for an SOS, which is never refused for a field.

use crate::device::is_friendly_name;
use crate::field::FieldError;
use crate::relay::{Naming, names_relay};
use crate::time::Timestamp;

use super::annotations;
use super::json::Json;

/// 2020-01-01T00:00:00Z: no client existed before.
const EARLIEST: Timestamp = Timestamp::from_secs(1_577_836_800);
/// How far a phone's clock may run ahead of ours.
const MOST_AHEAD: std::time::Duration = std::time::Duration::from_hours(24);
/// Longest text of a device id or event id, in bytes: they are part of a key.
const MAX_KEY_TEXT_BYTES: usize = 128;

/// A telemetry body that was checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// `timestamp`.
    pub time: Timestamp,
    /// `latitude` in degrees.
    pub latitude: f64,
    /// `longitude` in degrees.
    pub longitude: f64,
    /// `altitude` in metres.
    pub altitude: Option<f64>,
    /// `horizontalAccuracyMeters`.
    pub accuracy_meters: Option<f64>,
    /// `deviceId` as sent.
    pub device_id: Option<Box<str>>,
    /// `hardwareId` as sent.
    pub hardware_id: Option<Box<str>>,
    /// `originatorNodeId`.
    pub originator_node_id: Option<u32>,
    /// `eventId`.
    pub event_id: Option<Box<str>>,
    /// `mobileBattery` in whole percent, 0 to 100.
    pub battery_percent: Option<u8>,
    /// It carries a `relayNodeId` or a relay word: it speaks for another device.
    pub relay: bool,
}

/// Why a body is no reading: each faulty field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed telemetry: {}", messages(.fields))]
pub struct Malformed {
    /// At least one and at most [`Self::MAX_FIELDS`], each once.
    pub fields: Vec<FieldError>,
}

impl Malformed {
    /// Faulty fields that are named at most: the first ones. Every documented
    /// member has room, so that nothing that a body repeats makes them more.
    pub const MAX_FIELDS: usize = 32;
}

fn messages(fields: &[FieldError]) -> String {
    let texts: Vec<&str> = fields.iter().map(|field| field.message.as_str()).collect();
    texts.join("; ")
}

impl Reading {
    /// Checks a body; `now` is the server's time.
    pub fn parse(body: &[u8], now: Timestamp) -> Result<Self, Malformed> {
        let not_json = |error: &dyn std::fmt::Display| Malformed {
            fields: vec![FieldError::new(
                "",
                format!("the body is not JSON: {error}"),
            )],
        };
        let text = std::str::from_utf8(body).map_err(|error| not_json(&error))?;
        let value: Json<'_> = serde_json::from_str(text).map_err(|error| not_json(&error))?;
        if !matches!(value, Json::Object(_)) {
            return Err(Malformed {
                fields: vec![FieldError::new("", "the body must be a JSON object")],
            });
        }
        let mut fields = Fields {
            object: &value,
            errors: Vec::new(),
        };
        let reading = fields.reading(now);
        match reading {
            Some(reading) if fields.errors.is_empty() => Ok(reading),
            _ => Err(Malformed {
                fields: fields.errors,
            }),
        }
    }

    /// What it says about the device that it speaks for.
    pub fn naming(&self) -> Naming<'_> {
        Naming {
            relay: self.relay,
            device_id: self.device_id.as_deref(),
            hardware_id: self.hardware_id.as_deref(),
            originator_node_id: self.originator_node_id,
        }
    }

    /// The text that names the measuring device: `deviceId`, else `hardwareId`.
    pub fn device(&self) -> Option<&str> {
        self.device_id.as_deref().or(self.hardware_id.as_deref())
    }
}

/// Takes members of the body and notes what is wrong with them.
struct Fields<'v, 'a> {
    object: &'v Json<'a>,
    errors: Vec<FieldError>,
}

impl Fields<'_, '_> {
    fn reading(&mut self, now: Timestamp) -> Option<Reading> {
        let time = self.time(now);
        let latitude = self.degrees("latitude", 90.0);
        let longitude = self.degrees("longitude", 180.0);
        let altitude = self.number("altitude");
        let accuracy_meters = self.accuracy();
        self.annotations();
        self.radio();
        let relay_node = self.node("relayNodeId");
        self.node("nodeId");
        let words = ["source", "triggerSource", "relaySource"].map(|name| self.text(name));
        let relay = relay_node.is_some() || names_relay(words.iter().map(Option::as_deref));
        let (device_id, hardware_id) = (self.device_text(), self.key_text("hardwareId"));
        let (event_id, originator) = (self.key_text("eventId"), self.node("originatorNodeId"));
        Some(Reading {
            time: time?,
            latitude: latitude?,
            longitude: longitude?,
            altitude,
            accuracy_meters,
            device_id,
            hardware_id,
            originator_node_id: originator,
            event_id,
            battery_percent: self.battery(),
            relay,
        })
    }

    fn fault(&mut self, name: &str, what: &str) {
        if self.errors.len() >= Malformed::MAX_FIELDS {
            return;
        }
        self.errors.push(FieldError::new(
            format!("/{name}"),
            format!("{name} {what}"),
        ));
    }

    fn time(&mut self, now: Timestamp) -> Option<Timestamp> {
        let parsed = match self.object.member("timestamp") {
            None => Err("is required"),
            Some(Json::Text(text)) => Timestamp::parse(text)
                .map_err(|_| "must be an ISO-8601 time in UTC, such as 2026-09-09T10:15:30.123Z"),
            Some(_) => Err("must be text"),
        };
        let checked = parsed.and_then(|time| {
            if time < EARLIEST {
                Err("lies before 2020")
            } else if time > now.plus(MOST_AHEAD) {
                Err("lies more than 24 h ahead")
            } else {
                Ok(time)
            }
        });
        checked.map_err(|what| self.fault("timestamp", what)).ok()
    }

    fn degrees(&mut self, name: &str, most: f64) -> Option<f64> {
        if self.object.member(name).is_none() {
            self.fault(name, "is required");
            return None;
        }
        let degrees = self.number(name)?;
        if degrees.abs() > most {
            self.fault(
                name,
                &format!("must lie between -{most} and {most} degrees"),
            );
            return None;
        }
        Some(degrees)
    }

    fn accuracy(&mut self) -> Option<f64> {
        let meters = self.number("horizontalAccuracyMeters")?;
        if meters < 0.0 {
            self.fault("horizontalAccuracyMeters", "must not be negative");
        }
        Some(meters)
    }

    /// What `annotations` has found to be sound.
    fn battery(&self) -> Option<u8> {
        let Some(Json::Number(percent)) = self.object.member("mobileBattery") else {
            return None;
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "checked: within 0 to 100"
        )]
        (0.0..=100.0)
            .contains(percent)
            .then(|| percent.floor() as u8)
    }

    /// A number, or nothing; anything else is a fault.
    fn number(&mut self, name: &str) -> Option<f64> {
        match self.object.member(name)? {
            Json::Number(number) if number.is_finite() => Some(*number),
            _ => {
                self.fault(name, "must be a number");
                None
            }
        }
    }

    /// A whole number of 32 bits, or nothing.
    fn node(&mut self, name: &str) -> Option<u32> {
        let number = self.number(name)?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "checked: whole and within u32"
        )]
        if number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number) {
            return Some(number as u32);
        }
        self.fault(name, "must be a whole number from 0 to 4294967295");
        None
    }

    /// Text that is not empty, or nothing.
    fn text(&mut self, name: &str) -> Option<Box<str>> {
        match self.object.member(name)? {
            Json::Text(text) if text.is_empty() => None,
            Json::Text(text) => Some(text.as_ref().into()),
            _ => {
                self.fault(name, "must be text");
                None
            }
        }
    }

    /// Text that becomes part of the sample's key.
    fn key_text(&mut self, name: &str) -> Option<Box<str>> {
        let text = self.text(name)?;
        if text.len() > MAX_KEY_TEXT_BYTES || text.chars().any(char::is_control) {
            self.fault(name, "must be at most 128 bytes without control characters");
            return None;
        }
        Some(text)
    }

    /// `deviceId`: a friendly Bluetooth label identifies no device.
    fn device_text(&mut self) -> Option<Box<str>> {
        let text = self.key_text("deviceId")?;
        if is_friendly_name(&text) {
            let what = "is a friendly Bluetooth label: send the canonical identifier of the node \
                        instead, such as CF:82:12:34:56:78 or 305419896";
            self.fault("deviceId", what);
            return None;
        }
        Some(text)
    }

    /// Members that only annotate, in the shapes of old and new clients.
    fn annotations(&mut self) {
        let object = self.object;
        let Json::Object(members) = object else {
            return;
        };
        let members = members.iter().map(|(name, value)| (name.as_ref(), value));
        for (name, fault) in last_faults(members) {
            match fault.inner {
                None => self.fault(name, fault.what),
                Some(inner) => self.fault(&format!("{name}/{inner}"), fault.what),
            }
        }
    }

    /// `radio {generation, fiveGMode, connected}`.
    fn radio(&mut self) {
        let object = self.object;
        let Some(radio) = object.member("radio") else {
            return;
        };
        if !matches!(radio, Json::Object(_)) {
            return self.fault("radio", "must be an object");
        }
        let generation = match radio.member("generation") {
            None => None,
            Some(Json::Text(text)) => Some(text.as_ref()),
            Some(_) => return self.fault("radio/generation", "must be text"),
        };
        if radio.member("connected").is_some_and(|c| *c != Json::Bool) {
            self.fault("radio/connected", "must be true or false");
        }
        match radio.member("fiveGMode") {
            None => {}
            Some(Json::Text(mode)) if mode != "sa" && mode != "nsa" => {
                self.fault("radio/fiveGMode", "must be sa or nsa");
            }
            Some(Json::Text(_)) if generation.is_some_and(|g| g.eq_ignore_ascii_case("5g")) => {}
            Some(Json::Text(_)) => self.fault("radio/fiveGMode", "is only for generation 5g"),
            Some(_) => self.fault("radio/fiveGMode", "must be text"),
        }
    }
}

/// What is wrong with the members that annotate; of equal names the last counts.
///
/// One pass, in which each member meets no more faults than there are names with
/// a rule: a body may repeat a member as often as a packet holds it.
fn last_faults<'v, 'a: 'v>(
    members: impl Iterator<Item = (&'v str, &'v Json<'a>)>,
) -> Vec<(&'v str, annotations::Fault)> {
    let mut faults: Vec<(&str, annotations::Fault)> = Vec::new();
    for (name, value) in members {
        faults.retain(|(earlier, _)| *earlier != name);
        if *value != Json::Null
            && let Some(fault) = annotations::fault(name, value)
        {
            faults.push((name, fault));
        }
    }
    faults
}

#[cfg(test)]
mod tests;
