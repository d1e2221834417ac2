use serde_json::{Value, json};

use super::*;

const VECTORS: &str = include_str!("../../../tests/vectors/payloads.json");

fn parse(body: &Value) -> Trigger {
    Trigger::parse(body.to_string().as_bytes())
}

fn is_malformed(trigger: &Trigger) -> bool {
    trigger.flags.contains(Flag::MalformedPayload)
}

fn vector(name: &str) -> Trigger {
    let all: Value = serde_json::from_str(VECTORS).unwrap();
    let trigger = parse(&all["sos"][name]);
    assert!(!is_malformed(&trigger), "{name}");
    trigger
}

#[test]
fn no_published_body_is_malformed() {
    let all: Value = serde_json::from_str(VECTORS).unwrap();
    let bodies = all["sos"].as_object().unwrap();
    assert!(bodies.len() >= 10);
    for (name, body) in bodies {
        let trigger = vector(name);
        assert_eq!(trigger.time.unwrap().text, body["timestamp"], "{name}");
        let has_fix = body.get("latitude").is_some();
        assert_eq!(trigger.fix.is_some(), has_fix, "{name}");
    }
}

#[test]
fn relays_are_told_from_own_triggers() {
    assert!(vector("relay over LoRa").has_relay_fields());
    for own in [
        "app, newest, with fix",
        "own device",
        "widget",
        "unknown words and members",
    ] {
        assert!(!vector(own).has_relay_fields(), "{own}");
    }
    for (body, relay) in [
        (json!({"relayNodeId": 1}), true),
        (json!({"source": "remote_relay"}), true),
        (json!({"triggerSource": "external_lora"}), true),
        (json!({"relaySource": "external_relay"}), true),
        (json!({"relayDeviceId": "1"}), false),
        (json!({"owner": "external"}), false),
    ] {
        assert_eq!(parse(&body).has_relay_fields(), relay, "{body}");
    }
}

#[test]
fn old_and_new_shapes_of_battery_and_coverage_are_kept_as_sent() {
    let old = vector("April 2026 client, flat topic");
    assert_eq!(old.device_battery, Some(json!(2)));
    assert_eq!(old.mobile_coverage, Some(json!(4)));
    let new = vector("own device");
    assert_eq!(
        new.device_battery,
        Some(json!({"rawValue": 2, "range": "medium"}))
    );
    assert_eq!(new.device_coverage.unwrap()["networkType"], "ble");
}

#[test]
fn a_battery_comes_back_as_it_was_written() {
    for (sent, kept) in [
        ("71", "71"),
        ("71.5", "71.5"),
        ("71.0", "71.0"),
        (r#""71""#, "71"),
        (r#""7.5""#, "7.5"),
    ] {
        let trigger = Trigger::parse(format!(r#"{{"mobileBattery":{sent}}}"#).as_bytes());
        let battery = trigger.mobile_battery.map(|number| number.to_string());
        assert_eq!(battery.as_deref(), Some(kept), "{sent}");
    }
}

#[test]
fn unknown_words_are_kept_and_unknown_members_ignored() {
    let trigger = vector("unknown words and members");
    assert_eq!(trigger.trigger_source.as_deref(), Some("smart_ring_tap"));
}

#[test]
fn a_time_of_up_to_nine_digits_is_echoed_to_the_last_one() {
    for text in [
        "2026-09-09T10:15:30Z",
        "2026-09-09T10:15:30.1Z",
        "2026-09-09T10:15:30.123456Z",
        "2026-09-09T10:15:30.123456789Z",
        "2026-09-09T12:15:30.000100+02:00",
    ] {
        let trigger = parse(&json!({"timestamp": text}));
        assert!(!is_malformed(&trigger), "{text}");
        assert_eq!(trigger.occurred_at(Timestamp::from_secs(0)), text);
    }
}

#[test]
fn an_unreadable_time_is_the_time_of_receipt_and_a_missing_one_too() {
    let now = Timestamp::from_secs(1_788_948_000);
    for (body, malformed) in [
        (json!({}), false),
        (json!({"timestamp": null}), false),
        (json!({"timestamp": ""}), false),
        (json!({"timestamp": "2026-09-09T10:15:30"}), true),
        (
            json!({"timestamp": "2026-09-09T10:15:30.1234567890Z"}),
            true,
        ),
        (json!({"timestamp": 1_788_948_000}), true),
        (json!({"timestamp": {}}), true),
    ] {
        let trigger = parse(&body);
        assert_eq!(trigger.occurred_at(now), now.to_string(), "{body}");
        assert_eq!(is_malformed(&trigger), malformed, "{body}");
    }
}

#[test]
fn a_position_out_of_range_or_half_given_is_none_and_malformed() {
    for body in [
        r#"{"latitude":91,"longitude":0}"#,
        r#"{"latitude":0,"longitude":-180.5}"#,
        r#"{"latitude":41.4}"#,
        r#"{"longitude":2}"#,
        r#"{"latitude":NaN,"longitude":2}"#,
        r#"{"latitude":1e999,"longitude":2}"#,
        r#"{"latitude":[],"longitude":{}}"#,
        r#"{"latitude":"north","longitude":2}"#,
    ] {
        let trigger = Trigger::parse(body.as_bytes());
        assert_eq!(trigger.fix, None, "{body}");
        assert!(is_malformed(&trigger), "{body}");
    }
    let none = parse(&json!({"latitude": null, "longitude": null, "altitude": null}));
    assert!(none.fix.is_none() && !is_malformed(&none));
}

#[test]
fn a_position_that_can_be_read_is_used_whatever_else_is_wrong() {
    let fix = Fix {
        latitude: 41.4,
        longitude: 2.17,
        altitude: None,
    };
    for body in [
        r#"{"latitude":41.4,"longitude":2.17,"altitude":NaN}"#,
        r#"{"latitude":"41.4","longitude":"2.17"}"#,
        r#"{"latitude":41.4,"longitude":2.17,"message":{"a":1}}"#,
        r#"{"latitude":41.4,"longitude":2.17,"mobileBattery":400}"#,
        r#"{"altitude":-Infinity,"note":"NaN \" NaN","latitude":41.4,"longitude":2.17}"#,
        r#"{"latitude":41.4,"longitude":2.17,"message":"cut o"#,
        r#"{"latitude":41.4,"longitude":2.17,"#,
        r#"{"latitude":41.4,"longitude":2.17} trailing"#,
    ] {
        let trigger = Trigger::parse(body.as_bytes());
        assert_eq!(trigger.fix, Some(fix), "{body}");
        assert!(is_malformed(&trigger), "{body}");
    }
}

#[test]
fn what_is_no_object_is_still_a_cry_for_help() {
    for body in [
        &b"SOS"[..],
        b"[1]",
        b"null",
        b"\xff\xfe",
        b"{",
        b"\"help\"",
        b"{\"a\"",
    ] {
        let trigger = Trigger::parse(body);
        assert!(is_malformed(&trigger), "{body:?}");
    }
    // An empty body says nothing, which every field may.
    for body in [&b""[..], b" \n", b"{}", b"\xef\xbb\xbf{}"] {
        assert!(!is_malformed(&Trigger::parse(body)), "{body:?}");
    }
}

#[test]
fn the_last_of_equal_members_counts() {
    let trigger = Trigger::parse(br#"{"message":"one","message":"two"}"#);
    assert_eq!(trigger.message.as_deref(), Some("two"));
}

#[test]
fn numbers_in_place_of_texts_are_taken_as_digits() {
    let trigger = parse(&json!({"deviceId": 305_419_896_u32, "originatorNodeId": "305419896"}));
    assert_eq!(trigger.device_id.as_deref(), Some("305419896"));
    assert_eq!(trigger.originator_node_id, Some(305_419_896));
    assert!(is_malformed(&trigger));
}

#[test]
fn node_ids_are_whole_and_of_32_bits() {
    assert_eq!(parse(&json!({"nodeId": u32::MAX})).node_id, Some(u32::MAX));
    for node in [json!(-1), json!(4_294_967_296_u64), json!(1.5), json!(true)] {
        let trigger = parse(&json!({"relayNodeId": node}));
        assert!(
            trigger.relay_node_id.is_none() && is_malformed(&trigger),
            "{node}"
        );
    }
}

#[test]
fn texts_are_bounded_and_hold_no_nul() {
    let long = parse(&json!({"message": "é".repeat(5000), "deviceId": "x".repeat(129)}));
    assert_eq!(long.message.unwrap().len(), MAX_MESSAGE_BYTES);
    assert!(long.device_id.is_none());
    assert!(long.flags.contains(Flag::MalformedPayload));
    let nul = parse(&json!({"message": "a\u{0}b", "source": ""}));
    assert_eq!(nul.message.as_deref(), Some("a\u{fffd}b"));
    assert!(nul.source.is_none());
}

#[test]
fn depth_is_no_way_to_fall_over() {
    let deep = format!(
        "{{\"x\":{}1{},\"message\":\"m\"}}",
        "[".repeat(50_000),
        "]".repeat(50_000)
    );
    let trigger = Trigger::parse(deep.as_bytes());
    assert_eq!(trigger.message.as_deref(), Some("m"));
    let deep = format!("{{\"deviceBattery\":{}}}", "{\"a\":".repeat(200));
    assert!(is_malformed(&Trigger::parse(deep.as_bytes())));
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_fail(body in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
        let _ = Trigger::parse(&body);
    }

    #[test]
    fn a_body_cut_anywhere_keeps_what_stood_before(cut in 0_usize..400) {
        let all: Value = serde_json::from_str(VECTORS).unwrap();
        let body = all["sos"]["own device"].to_string();
        let whole = Trigger::parse(body.as_bytes());
        let part = Trigger::parse(&body.as_bytes()[..cut.min(body.len())]);
        proptest::prop_assert!(part.device_id.is_none() || part.device_id == whole.device_id);
        proptest::prop_assert!(part.time.is_none() || part.time == whole.time);
    }
}

#[test]
fn what_makes_telemetry_malformed_never_refuses_an_sos() {
    let body = json!({"latitude": 1, "longitude": 2, "mobileBattery": 101, "kind": 5,
        "deviceBattery": {"rawValue": 4, "range": 9}, "mobileCoverage": "4g", "score": "x"});
    let trigger = Trigger::parse(body.to_string().as_bytes());
    assert_eq!(trigger.fix.map(|fix| fix.latitude), Some(1.0));
    assert_eq!(trigger.mobile_battery, None);
    assert!(trigger.flags.contains(Flag::MalformedPayload));
}
