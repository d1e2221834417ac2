//! Cries for help: the body of a trigger is read whatever it is.
//!
//! Nothing in it makes the reader fail; what a strict parser reads, this one
//! reads the same way; what it keeps fits into both databases.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mayday_core::sos::{CancelRequest, Trigger, trigger_keys};
use mayday_core::time::Timestamp;
use serde_json::{Map, Value};

/// Texts that were kept: bounded and storable.
fn check_texts(trigger: &Trigger) {
    let words = [
        &trigger.user_id,
        &trigger.device_id,
        &trigger.hardware_id,
        &trigger.identity_source,
        &trigger.relay_device_id,
        &trigger.relay_hardware_id,
        &trigger.source,
        &trigger.trigger_source,
        &trigger.relay_source,
        &trigger.owner,
        &trigger.client_incident_id,
        &trigger.correlation_id,
        &trigger.cycle_key,
    ];
    for word in words.into_iter().flatten() {
        assert!((1..=255).contains(&word.len()), "{word:?}");
        assert!(!word.contains('\0'), "{word:?}");
    }
    if let Some(message) = &trigger.message {
        assert!((1..=4_096).contains(&message.len()));
        assert!(!message.contains('\0'));
    }
}

/// What a strict parser reads is read, and as it was meant.
fn check_strictly(body: &[u8], trigger: &Trigger) {
    let Ok(members) = serde_json::from_slice::<Map<String, Value>>(body) else {
        return;
    };
    if let Some(text) = members.get("timestamp").and_then(Value::as_str)
        && let Ok(at) = Timestamp::parse(text)
    {
        let time = trigger.time.as_ref().expect("a readable time was not read");
        assert_eq!((time.text.as_str(), time.at), (text, at));
        assert!(trigger.identifiable);
        assert_eq!(trigger.occurred_at(Timestamp::from_secs(0)), text);
    }
    let degrees = |name: &str, most: f64| {
        let value = members.get(name)?.as_f64()?;
        (value.abs() <= most).then_some(value)
    };
    if let (Some(latitude), Some(longitude)) =
        (degrees("latitude", 90.0), degrees("longitude", 180.0))
    {
        let fix = trigger.fix.expect("a readable position was not read");
        assert_eq!((fix.latitude, fix.longitude), (latitude, longitude));
    }
    if let Some(text) = members.get("message").and_then(Value::as_str)
        && !text.is_empty()
    {
        assert!(trigger.message.is_some(), "a readable message was not read");
    }
}

/// No PIN is left, at any depth.
fn check_pin(value: &Value) {
    match value {
        Value::Object(members) => {
            assert!(!members.contains_key("signature"));
            members.values().for_each(check_pin);
        }
        Value::Array(items) => items.iter().for_each(check_pin),
        _ => {}
    }
}

fuzz_target!(|body: &[u8]| {
    let trigger = Trigger::parse(body);
    check_texts(&trigger);
    check_strictly(body, &trigger);
    if let Some(fix) = trigger.fix {
        assert!(fix.latitude.abs() <= 90.0 && fix.longitude.abs() <= 180.0);
        assert!(fix.altitude.is_none_or(f64::is_finite));
    }
    let received = Timestamp::from_secs(1_800_000_000);
    assert!(!trigger.occurred_at(received).is_empty());

    // The same bytes are the same trigger, and one byte more is not.
    let keys = trigger_keys(body, &trigger);
    assert!(keys.len() <= 2);
    assert_eq!(keys, trigger_keys(body, &Trigger::parse(body)));
    assert_eq!(keys.is_empty(), !trigger.identifiable);

    if let Ok(request) = CancelRequest::parse(body) {
        check_pin(&Value::Object(request.recorded));
        // A cancel finds by its device what the trigger was stored under.
        if let Some(device) = request.device_id {
            assert_eq!(trigger.device_id, Some(device));
        }
    }
});
