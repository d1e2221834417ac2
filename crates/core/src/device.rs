//! Devices: what identifies one and what a registration may hold (contract:
//! Telemetry and devices).

use serde_json::{Map, Value};

use crate::field::FieldError;
use crate::ids::{DeviceId, UserId};
use crate::time::Timestamp;

/// Longest text that identifies a device, in bytes.
pub const MAX_DEVICE_TEXT_BYTES: usize = 128;
/// Longest firmware version or model, in bytes.
const MAX_DETAIL_BYTES: usize = 64;
/// How many devices a user may list.
pub const MAX_DEVICES_PER_USER: usize = 100;
/// The model of a device that an SOS registered.
pub const SOS_HARDWARE_MODEL: &str = "EIXAM R1";
/// The firmware version of a device that an SOS registered.
pub const SOS_FIRMWARE_VERSION: &str = "unknown";

/// What two texts that name the same device have in common: they are matched
/// case-insensitively.
pub fn device_key(text: &str) -> String {
    text.trim().to_lowercase()
}

/// Whether a text is the friendly name of a device (`Meshtastic_1aa8`), which
/// identifies nothing.
pub fn is_friendly_name(text: &str) -> bool {
    device_key(text).starts_with("meshtastic_")
}

/// What a program writes where it knows no device, and the addresses that Android
/// (02:00..) and radios give in place of a true one; as [`device_key`] has them.
const PLACEHOLDERS: [&str; 8] = [
    "null",
    "nil",
    "none",
    "undefined",
    "unknown",
    "n/a",
    "02:00:00:00:00:00",
    "ff:ff:ff:ff:ff:ff",
];

/// Whether a text can identify a device: it is neither blank, nor a friendly name, nor a
/// placeholder. Under any other text nothing is learnt from an SOS or looked for, since
/// many people's devices share it.
pub fn is_identifier(text: &str) -> bool {
    let key = device_key(text);
    // Dashes and noughts alone say as little as nothing.
    let says_something = key.chars().any(|c| c.is_alphanumeric() && c != '0');
    says_something && !is_friendly_name(text) && !PLACEHOLDERS.contains(&key.as_str())
}

/// A registered device of a user.
#[derive(Clone, Debug, PartialEq)]
pub struct Device {
    /// The id of the registration.
    pub id: DeviceId,
    /// Who lists it.
    pub user: UserId,
    /// The canonical identifier, as given.
    pub hardware_id: String,
    /// Another text that names it, learnt from an SOS.
    pub alias: Option<String>,
    /// `firmware_version`.
    pub firmware_version: Option<String>,
    /// `hardware_model`.
    pub hardware_model: Option<String>,
    /// `paired_at`.
    pub paired_at: Option<Timestamp>,
    /// When it was first listed by this user.
    pub created_at: Timestamp,
    /// When it was last registered.
    pub updated_at: Timestamp,
    /// Whether relays of this device are this user's.
    pub ownership: Ownership,
}

/// Whose SOS a relay of the device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// The user's who lists it: nobody listed it earlier.
    Owner,
    /// Somebody else's, who listed it earlier and still does.
    Contested,
}

impl Ownership {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Contested => "contested",
        }
    }
}

/// A registration as a client asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceDraft {
    /// `hardware_id`.
    pub hardware_id: String,
    /// `firmware_version`; absent keeps what is known.
    pub firmware_version: Option<String>,
    /// `hardware_model`; absent keeps what is known.
    pub hardware_model: Option<String>,
    /// `paired_at`; absent keeps what is known.
    pub paired_at: Option<Timestamp>,
}

impl DeviceDraft {
    /// Checks the members of a `POST /devices` body and names each faulty one.
    pub fn parse(members: &Map<String, Value>) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        let hardware_id = hardware_id(members).map_err(|error| errors.push(error));
        let mut detail = |name| detail(members, name).map_err(|error| errors.push(error));
        let (firmware_version, hardware_model) =
            (detail("firmware_version"), detail("hardware_model"));
        let paired_at = paired_at(members).map_err(|error| errors.push(error));
        match (hardware_id, firmware_version, hardware_model, paired_at) {
            (Ok(hardware_id), Ok(firmware_version), Ok(hardware_model), Ok(paired_at)) => {
                Ok(Self {
                    hardware_id,
                    firmware_version,
                    hardware_model,
                    paired_at,
                })
            }
            _ => Err(errors),
        }
    }
}

fn hardware_id(members: &Map<String, Value>) -> Result<String, FieldError> {
    let fault = |message: &str| FieldError::new("/hardware_id", message);
    let text = match members.get("hardware_id") {
        Some(Value::String(text)) => text.trim().to_owned(),
        Some(Value::Number(number)) => number.to_string(),
        None | Some(Value::Null) => return Err(fault("hardware_id is required")),
        Some(_) => return Err(fault("hardware_id must be text")),
    };
    if text.is_empty() {
        return Err(fault("hardware_id is required"));
    }
    if text.len() > MAX_DEVICE_TEXT_BYTES || text.chars().any(char::is_control) {
        return Err(fault(
            "hardware_id must be at most 128 bytes without control characters",
        ));
    }
    if is_friendly_name(&text) {
        return Err(fault(
            "hardware_id is a friendly Bluetooth label: send the canonical identifier of the \
             node instead, such as CF:82:12:34:56:78 or 305419896",
        ));
    }
    Ok(text)
}

fn detail(members: &Map<String, Value>, name: &str) -> Result<Option<String>, FieldError> {
    let fault = |message: &str| FieldError::new(format!("/{name}"), format!("{name} {message}"));
    match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.trim().is_empty() => Ok(None),
        Some(Value::String(text)) => {
            let text = text.trim();
            if text.len() > MAX_DETAIL_BYTES || text.chars().any(char::is_control) {
                return Err(fault("must be at most 64 bytes without control characters"));
            }
            Ok(Some(text.to_owned()))
        }
        Some(_) => Err(fault("must be text")),
    }
}

fn paired_at(members: &Map<String, Value>) -> Result<Option<Timestamp>, FieldError> {
    let fault = |_| {
        FieldError::new(
            "/paired_at",
            "paired_at must be an ISO-8601 time in UTC, such as 2026-09-09T10:15:30.123Z",
        )
    };
    match members.get("paired_at") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Timestamp::parse(text).map(Some).map_err(fault),
        Some(_) => Err(fault(crate::time::InvalidTime)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(body: &Value) -> Result<DeviceDraft, Vec<String>> {
        DeviceDraft::parse(body.as_object().unwrap())
            .map_err(|errors| errors.into_iter().map(|error| error.pointer).collect())
    }

    #[test]
    fn the_text_is_kept_as_given_and_matched_without_case() {
        let draft = parse(&json!({"hardware_id": " CF:82:aB ", "future": 1})).unwrap();
        assert_eq!(draft.hardware_id, "CF:82:aB");
        assert_eq!(device_key(" CF:82:aB "), device_key("cf:82:Ab"));
    }

    #[test]
    fn friendly_names_are_refused() {
        for name in ["Meshtastic_1aa8", "meshtastic_1AA8"] {
            assert_eq!(
                parse(&json!({"hardware_id": name})),
                Err(vec!["/hardware_id".into()])
            );
        }
        assert!(parse(&json!({"hardware_id": "305419896"})).is_ok());
    }

    #[test]
    fn a_blank_text_or_a_friendly_name_identifies_nothing() {
        for text in ["", " ", "\t\u{a0}", "Meshtastic_1aa8", " MESHTASTIC_1AA8 "] {
            assert!(!is_identifier(text), "{text:?}");
        }
        for text in [
            "-",
            "NULL",
            " unknown ",
            "00:00:00:00:00:00",
            "0",
            "\u{200b}",
        ] {
            assert!(!is_identifier(text), "{text:?}");
        }
        for text in [
            "305419896",
            "CF:82:12:34:56:78",
            "Meshtastic",
            "10",
            "00:00:00:00:00:01",
        ] {
            assert!(is_identifier(text), "{text:?}");
        }
    }

    #[test]
    fn every_faulty_field_is_named() {
        for (body, pointers) in [
            (json!({}), vec!["/hardware_id"]),
            (json!({"hardware_id": "  "}), vec!["/hardware_id"]),
            (
                json!({"hardware_id": "x".repeat(129)}),
                vec!["/hardware_id"],
            ),
            (
                json!({"hardware_id": true, "firmware_version": 2}),
                vec!["/hardware_id", "/firmware_version"],
            ),
            (
                json!({"hardware_id": "a", "hardware_model": "x".repeat(65)}),
                vec!["/hardware_model"],
            ),
            (
                json!({"hardware_id": "a", "paired_at": "yesterday"}),
                vec!["/paired_at"],
            ),
            (
                json!({"hardware_id": "a", "paired_at": 5}),
                vec!["/paired_at"],
            ),
        ] {
            let pointers: Vec<String> = pointers.into_iter().map(str::to_owned).collect();
            assert_eq!(parse(&body), Err(pointers), "{body}");
        }
    }

    #[test]
    fn null_and_empty_details_are_absent() {
        let draft = parse(
            &json!({"hardware_id": "a", "firmware_version": "", "hardware_model": null, "paired_at": "2026-09-09T10:15:30Z"}),
        );
        let draft = draft.unwrap();
        assert_eq!((draft.firmware_version, draft.hardware_model), (None, None));
        assert!(draft.paired_at.is_some());
    }
}
