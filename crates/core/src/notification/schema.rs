//! JSON Schemas of the bodies (2020-12, as OpenAPI 3.1 takes them), and a sample of
//! each, made from the table of types.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::kind::{NotificationType, Shape};
use super::{Envelope, compose};
use crate::time::Timestamp;

/// The schema of a type's body. Members that this version does not know may be
/// added later; those named here are always there.
pub fn schema(kind: NotificationType) -> Value {
    let mut data = Map::new();
    data.insert(
        "type".to_owned(),
        json!({"type": "string", "const": kind.as_str()}),
    );
    data.insert(
        "id".to_owned(),
        json!({
            "type": "string",
            "pattern": "^msg_[0-9a-f]{32}$",
            "description": "The same in every attempt and replay, and equal to webhook-id.",
        }),
    );
    data.insert("occurredAt".to_owned(), time());
    data.insert(
        "appId".to_owned(),
        json!({"type": "string", "description": "The app's public id, as in X-App-ID."}),
    );
    for field in kind.fields() {
        data.insert(field.name.to_owned(), shape(field.shape));
    }
    let required: Vec<_> = data.keys().cloned().collect();
    json!({
        "type": "object",
        "required": ["user", "title", "body", "data"],
        "properties": {
            "user": {"type": "string", "description": "The partner's own id of the user."},
            "title": {"type": "string"},
            "body": {"type": "string"},
            "data": {"type": "object", "required": required, "properties": data},
        },
    })
}

fn time() -> Value {
    json!({"type": "string", "format": "date-time"})
}

fn shape(shape: Shape) -> Value {
    let text_or_null = json!({"type": ["string", "null"]});
    match shape {
        Shape::Id => json!({"type": "string", "format": "uuid"}),
        Shape::Text => json!({"type": "string"}),
        Shape::TextOrNull => text_or_null,
        Shape::Number => json!({"type": "integer"}),
        Shape::Truth => json!({"type": "boolean"}),
        Shape::Flags => json!({"type": "array", "items": {"type": "string"}}),
        Shape::PositionOrNull => json!({
            "type": ["object", "null"],
            "required": ["latitude", "longitude", "altitude", "source", "time"],
            "properties": {
                "latitude": {"type": "number", "minimum": -90, "maximum": 90},
                "longitude": {"type": "number", "minimum": -180, "maximum": 180},
                "altitude": {"type": ["number", "null"]},
                "source": {"type": "string"},
                "time": time(),
            },
        }),
        Shape::ByOrNull => json!({
            "type": ["object", "null"],
            "required": ["kind", "name", "contactId"],
            "properties": {
                "kind": {"type": "string"},
                "name": text_or_null,
                "contactId": text_or_null,
            },
        }),
        Shape::Device => json!({
            "type": "object",
            "required": ["id", "name", "platform"],
            "properties": {"id": text_or_null, "name": text_or_null, "platform": text_or_null},
        }),
    }
}

/// Checks a body against the schema of a type, and that it holds nothing else;
/// the error names the place.
pub fn check(kind: NotificationType, body: &Value) -> Result<(), String> {
    fits(body, &schema(kind), kind.as_str())
}

/// As far as [`schema`] uses JSON Schema.
fn fits(value: &Value, schema: &Value, place: &str) -> Result<(), String> {
    let taken = |word: &str| match &schema["type"] {
        Value::Array(several) => several.iter().any(|one| one == word),
        one => one == word,
    };
    let own = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_i64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let is_number = own == "integer" && taken("number");
    if !taken(own) && !is_number {
        return Err(format!("{place}: {own} is not {}", schema["type"]));
    }
    if schema.get("const").is_some_and(|one| one != value) {
        return Err(format!("{place}: {value} is not {}", schema["const"]));
    }
    let Value::Object(members) = value else {
        return Ok(());
    };
    let required = schema["required"].as_array().into_iter().flatten();
    for name in required.filter_map(Value::as_str) {
        if !members.contains_key(name) {
            return Err(format!("{place}: {name} is missing"));
        }
    }
    for (name, member) in members {
        let Some(known) = schema["properties"].get(name) else {
            return Err(format!("{place}: {name} is not described"));
        };
        fits(member, known, &format!("{place}/{name}"))?;
    }
    Ok(())
}

/// A body as it may be sent.
pub fn sample(kind: NotificationType) -> Value {
    let id = Uuid::from_u128(0x0198_f0c2_7f5a_7cc3_a1de_0f7b_2c9d_4e11);
    let mut data = Map::new();
    for field in kind.fields() {
        data.insert(field.name.to_owned(), sample_of(field.name, field.shape));
    }
    let envelope = Envelope {
        id,
        kind,
        app_id: "shop",
        user: "ana",
        name: Some("Ana"),
        occurred_at: Timestamp::from_secs(1_788_948_930),
        drill: false,
        language: "en",
    };
    compose(&envelope, data)
}

fn sample_of(name: &str, shape: Shape) -> Value {
    match shape {
        Shape::Id => "0198f0c2-7f5a-7b11-8c3d-5e6f70819203".into(),
        Shape::Text => match name {
            "status" => "active",
            "reason" => "logged_out",
            "relayUser" => "ben",
            "previousUser" => "ana-2024",
            _ => "305419896",
        }
        .into(),
        Shape::TextOrNull => match name {
            "contactId" => "0198f0c2-7f5a-7d22-9b4c-6a7b8c9d0e1f".into(),
            "channel" => "sms".into(),
            "deviceId" => "305419896".into(),
            _ => Value::Null,
        },
        Shape::Number => json!(3),
        Shape::Truth => json!(false),
        Shape::Flags => json!([]),
        Shape::PositionOrNull => json!({
            "latitude": 41.387_421,
            "longitude": 2.168_612,
            "altitude": 12.4,
            "source": "sos",
            "time": "2026-09-09T10:15:30Z",
        }),
        Shape::ByOrNull => Value::Null,
        Shape::Device => json!({"id": "pixel-9", "name": "Ana's phone", "platform": "android"}),
    }
}
