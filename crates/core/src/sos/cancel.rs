//! The body of a cancel request (contract: SOS, Cancel).

use std::collections::BTreeMap;
use std::fmt;

use serde_json::value::RawValue;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::device::MAX_DEVICE_TEXT_BYTES;
use crate::field::FieldError;

use super::reader::{MAX_ANNOTATION_DEPTH, Reader, is_deeper};

/// The member that carries a PIN.
const PIN_MEMBER: &str = "signature";

/// What a cancel request says. A PIN comes as `signature` and is taken out
/// wherever it stands, before anything can record or log it.
#[derive(Clone, Default, PartialEq)]
pub struct CancelRequest {
    /// `deviceId`: the device whose owner's incident is meant; absent: the
    /// caller's own.
    pub device_id: Option<String>,
    /// The PIN, for whoever judges it: it goes no further.
    pub pin: Option<Zeroizing<String>>,
    /// The body as recorded, without any PIN and without members that are nested
    /// too deep to be read back.
    pub recorded: Map<String, Value>,
}

impl CancelRequest {
    /// Reads a body; an empty one cancels the caller's own incident.
    pub fn parse(body: &[u8]) -> Result<Self, FieldError> {
        if matches!(body.trim_ascii(), b"" | b"null") {
            return Ok(Self::default());
        }
        // As a trigger is read: bytes that are no UTF-8 and text that is none
        // must not keep anybody from taking back what was heard with them.
        let text = String::from_utf8_lossy(body);
        let members: BTreeMap<String, Box<RawValue>> =
            serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|error| {
                // The parser's message names a place and a kind, never the content.
                let place = format!("line {} column {}", error.line(), error.column());
                FieldError::new("", format!("the body is no JSON object: see {place}"))
            })?;
        let readable = members
            .into_iter()
            .filter_map(|(name, raw)| Some((name, serde_json::from_str(raw.get()).ok()?)));
        let mut recorded: Map<String, Value> = readable.collect();
        for value in recorded.values_mut() {
            remove_pin(value);
        }
        let pin = recorded.remove(PIN_MEMBER).and_then(shown);
        if let Some(Value::Array(_) | Value::Object(_) | Value::Bool(_)) = recorded.get("deviceId")
        {
            return Err(FieldError::new("/deviceId", "deviceId must be text"));
        }
        recorded.retain(|_, value| !is_deeper(value, MAX_ANNOTATION_DEPTH));
        // What the trigger left out of its incident is not asked for here.
        let device_id = Reader::new(body)
            .word("deviceId", MAX_DEVICE_TEXT_BYTES)
            .filter(|text| !text.trim().is_empty());
        Ok(Self {
            device_id,
            pin,
            recorded,
        })
    }
}

impl fmt::Debug for CancelRequest {
    /// Never the other members: they are the client's own words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelRequest")
            .field("device_id", &self.device_id)
            .finish_non_exhaustive()
    }
}

/// The text of a PIN. One that is no text cannot be right, and is judged all the same.
fn shown(pin: Value) -> Option<Zeroizing<String>> {
    match pin {
        Value::Null => None,
        Value::String(text) => Some(Zeroizing::new(text)),
        other => Some(Zeroizing::new(other.to_string())),
    }
}

/// Removes the PIN from nested objects. The parser bounds the nesting.
fn remove_pin(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.remove(PIN_MEMBER);
            members.values_mut().for_each(remove_pin);
        }
        Value::Array(items) => items.iter_mut().for_each(remove_pin),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_empty_body_means_the_own_incident() {
        for body in [
            "",
            "  ",
            "{}",
            " null",
            r#"{"deviceId":null}"#,
            r#"{"deviceId":""}"#,
        ] {
            assert_eq!(
                CancelRequest::parse(body.as_bytes()).unwrap().device_id,
                None
            );
        }
    }

    #[test]
    fn the_device_may_be_text_or_a_number() {
        for body in [r#"{"deviceId":"305419896"}"#, r#"{"deviceId":305419896}"#] {
            let request = CancelRequest::parse(body.as_bytes()).unwrap();
            assert_eq!(request.device_id.as_deref(), Some("305419896"));
        }
        for (body, pointer) in [(r#"{"deviceId":[]}"#, "/deviceId"), ("[]", ""), ("{", "")] {
            assert_eq!(
                CancelRequest::parse(body.as_bytes()).unwrap_err().pointer,
                pointer
            );
        }
    }

    #[test]
    fn a_device_is_read_as_the_trigger_reads_it() {
        let long = format!(r#"{{"deviceId":"{}"}}"#, "L".repeat(129));
        for body in [
            long.as_bytes(),
            br#"{"deviceId":"a\u0000b"}"#,
            br#"{"deviceId":"\ud800"}"#,
            br#"{"deviceId":"7","reason":"\ud800"}"#,
            b"{\"deviceId\":\"a\xff\"}",
        ] {
            let heard = crate::sos::Trigger::parse(body).device_id;
            let request = CancelRequest::parse(body).unwrap();
            assert_eq!(request.device_id, heard, "{body:?}");
        }
    }

    #[test]
    fn what_is_nested_too_deep_is_not_recorded_and_cancels_all_the_same() {
        for (depth, kept) in [
            (8, true),
            (9, false),
            (126, false),
            (127, false),
            (128, false),
        ] {
            let deep = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
            let body = format!(r#"{{"reason":"false alarm","x":{deep}}}"#);
            let request = CancelRequest::parse(body.as_bytes()).unwrap();
            assert_eq!(request.recorded.contains_key("x"), kept, "{depth}");
            assert!(request.recorded.contains_key("reason"), "{depth}");
            let again = serde_json::to_string(&json!({"inside": request.recorded})).unwrap();
            serde_json::from_str::<Value>(&again).unwrap();
        }
        let deep = format!(r#"{{"deviceId":{}{}}}"#, "[".repeat(9), "]".repeat(9));
        let fault = CancelRequest::parse(deep.as_bytes()).unwrap_err();
        assert_eq!(fault.pointer, "/deviceId");
        let deep = format!(r#"{{"signature":{}{}}}"#, "[".repeat(9), "]".repeat(9));
        let judged = CancelRequest::parse(deep.as_bytes()).unwrap();
        assert!(judged.pin.is_some() && judged.recorded.is_empty());
    }

    #[test]
    fn the_pin_is_gone_from_what_is_recorded_and_shown() {
        let body = br#"{"signature":"4711","reason":"false alarm","x":[{"signature":"4711"}]}"#;
        let request = CancelRequest::parse(body).unwrap();
        let recorded = serde_json::to_string(&request.recorded).unwrap();
        assert_eq!(recorded, r#"{"reason":"false alarm","x":[{}]}"#);
        assert!(!format!("{request:?}").contains("4711"));
        assert_eq!(request.pin.as_ref().map(|pin| pin.as_str()), Some("4711"));
        let none = CancelRequest::parse(br#"{"signature":null}"#).unwrap();
        assert_eq!(none.pin, None);
        let broken = CancelRequest::parse(br#"{"signature":"4711"#).unwrap_err();
        assert!(!broken.message.contains("4711"));
    }
}
