//! The body of a cancel request (contract: SOS, Cancel).

use std::fmt;

use serde_json::{Map, Value};

use crate::device::MAX_DEVICE_TEXT_BYTES;
use crate::field::FieldError;

/// The member that carries a PIN.
const PIN_MEMBER: &str = "signature";

/// What a cancel request says. A PIN comes as `signature` and is taken out
/// wherever it stands, before anything can record or log it.
#[derive(Clone, Default, PartialEq)]
pub struct CancelRequest {
    /// `deviceId`: the device whose owner's incident is meant; absent: the
    /// caller's own.
    pub device_id: Option<String>,
    /// The body as recorded, without any PIN.
    pub recorded: Map<String, Value>,
}

impl CancelRequest {
    /// Reads a body; an empty one cancels the caller's own incident.
    pub fn parse(body: &[u8]) -> Result<Self, FieldError> {
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self::default());
        }
        let mut recorded: Map<String, Value> = serde_json::from_slice(body).map_err(|error| {
            // The parser's message names a place and a kind, never the content.
            let place = format!("line {} column {}", error.line(), error.column());
            FieldError::new("", format!("the body is no JSON object: see {place}"))
        })?;
        for value in recorded.values_mut() {
            remove_pin(value);
        }
        recorded.remove(PIN_MEMBER);
        let device_id = match recorded.get("deviceId") {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) if text.trim().is_empty() => None,
            Some(Value::String(text)) => Some(text.clone()),
            Some(Value::Number(number)) => Some(number.to_string()),
            Some(_) => return Err(FieldError::new("/deviceId", "deviceId must be text")),
        };
        if let Some(text) = &device_id
            && (text.len() > MAX_DEVICE_TEXT_BYTES || text.contains('\0'))
        {
            let message = format!("deviceId has more than {MAX_DEVICE_TEXT_BYTES} bytes or a NUL");
            return Err(FieldError::new("/deviceId", message));
        }
        Ok(Self {
            device_id,
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
    use super::*;

    #[test]
    fn an_empty_body_means_the_own_incident() {
        for body in ["", "  ", "{}", r#"{"deviceId":null}"#, r#"{"deviceId":""}"#] {
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
        for (body, pointer) in [
            (r#"{"deviceId":[]}"#, "/deviceId"),
            (r#"{"deviceId":"a\u0000"}"#, "/deviceId"),
            ("[]", ""),
            ("{", ""),
        ] {
            assert_eq!(
                CancelRequest::parse(body.as_bytes()).unwrap_err().pointer,
                pointer
            );
        }
    }

    #[test]
    fn the_pin_is_gone_from_what_is_recorded_and_shown() {
        let body = br#"{"signature":"4711","reason":"false alarm","x":[{"signature":"4711"}]}"#;
        let request = CancelRequest::parse(body).unwrap();
        let recorded = serde_json::to_string(&request.recorded).unwrap();
        assert_eq!(recorded, r#"{"reason":"false alarm","x":[{}]}"#);
        assert!(!format!("{request:?}").contains("4711"));
        let broken = CancelRequest::parse(br#"{"signature":"4711"#).unwrap_err();
        assert!(!broken.message.contains("4711"));
    }
}
