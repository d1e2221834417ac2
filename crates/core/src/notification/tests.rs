use serde_json::{Value, json};

use super::*;

/// Whether a value fits a schema, as far as [`schema`] uses JSON Schema.
fn fits(value: &Value, schema: &Value, place: &str) -> Result<(), String> {
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        other => return Err(format!("{place}: no type: {other}")),
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
    let taken = types.contains(&own) || own == "integer" && types.contains(&"number");
    if !taken {
        return Err(format!("{place}: {own} is none of {types:?}"));
    }
    if let Some(constant) = schema.get("const")
        && constant != value
    {
        return Err(format!("{place}: {value} is not {constant}"));
    }
    let Value::Object(members) = value else {
        return Ok(());
    };
    for name in schema["required"].as_array().into_iter().flatten() {
        if !members.contains_key(name.as_str().unwrap()) {
            return Err(format!("{place}: {name} is missing"));
        }
    }
    for (name, member) in members {
        let known = &schema["properties"][name];
        if known.is_null() {
            return Err(format!("{place}: {name} is not described"));
        }
        fits(member, known, &format!("{place}/{name}"))?;
    }
    Ok(())
}

#[test]
fn every_sample_fits_its_schema_and_no_other() {
    for kind in NotificationType::ALL {
        let body = sample(kind);
        fits(&body, &schema(kind), kind.as_str()).unwrap();
        for other in NotificationType::ALL.into_iter().filter(|o| *o != kind) {
            assert!(
                fits(&body, &schema(other), "").is_err(),
                "{kind:?} {other:?}"
            );
        }
        let mut lacking = body.clone();
        lacking["data"].as_object_mut().unwrap().remove("id");
        assert!(fits(&lacking, &schema(kind), "").is_err());
    }
}

#[test]
fn types_are_read_as_they_are_written() {
    for kind in NotificationType::ALL {
        assert_eq!(NotificationType::parse(kind.as_str()), Some(kind));
    }
    assert_eq!(NotificationType::parse("sos.*"), None);
}

#[test]
fn a_filter_takes_types_and_families() {
    let filter = EventFilter::parse(["sos.*", "device.paired", "sos.opened"]).unwrap();
    assert!(filter.wants(NotificationType::SosUnanswered));
    assert!(filter.wants(NotificationType::DevicePaired));
    assert!(!filter.wants(NotificationType::DeviceRemoved));
    assert!(filter.wants(NotificationType::Test));
    assert_eq!(EventFilter::from_stored(&filter.to_stored()), filter);
    assert_eq!(filter.types().count(), 10);
    assert!(
        EventFilter::parse([])
            .unwrap()
            .wants(NotificationType::SessionEnded)
    );
    for wrong in ["sos", "sos*", "*", "sos.exploded", ""] {
        let refused = EventFilter::parse([wrong]).unwrap_err();
        assert_eq!(refused, UnknownEvent(wrong.to_owned()));
    }
}

#[test]
fn a_filter_of_a_newer_version_never_widens() {
    let filter = EventFilter::from_stored("sos.teleported");
    assert!(!filter.wants(NotificationType::SosOpened));
    assert_eq!(EventFilter::from_stored(""), EventFilter::ALL);
}

#[test]
fn words_name_the_user_in_the_language_and_mark_drills() {
    let envelope = Envelope {
        id: Uuid::nil(),
        kind: NotificationType::SosOpened,
        app_id: "shop",
        user: "u-7",
        name: Some("Ana\nLópez"),
        occurred_at: Timestamp::from_secs(0),
        drill: true,
        language: "ca-ES",
    };
    let body = compose(&envelope, serde_json::Map::new());
    assert_eq!(body["title"], "SIMULACRE: SOS: Ana López");
    assert_eq!(body["body"], "Ana López ha demanat ajuda.");
    assert_eq!(body["user"], "u-7");
    assert_eq!(
        body["data"],
        json!({
            "type": "sos.opened",
            "id": "msg_00000000000000000000000000000000",
            "occurredAt": "1970-01-01T00:00:00.000Z",
            "appId": "shop",
        })
    );
    let nameless = Envelope {
        name: None,
        language: "pt",
        drill: false,
        ..envelope
    };
    let body = compose(&nameless, serde_json::Map::new());
    assert_eq!(body["title"], "SOS: u-7");
}
