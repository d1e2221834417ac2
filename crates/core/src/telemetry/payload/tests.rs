use serde_json::{Value, json};

use super::*;

const VECTORS: &str = include_str!("../../../tests/vectors/payloads.json");

fn now() -> Timestamp {
    Timestamp::parse("2026-09-09T12:00:00Z").unwrap()
}

fn vectors(section: &str) -> Vec<(String, Value)> {
    let all: Value = serde_json::from_str(VECTORS).unwrap();
    let section = all[section].as_object().unwrap();
    assert!(!section.is_empty());
    section.clone().into_iter().collect()
}

fn parse(value: &Value) -> Result<Reading, Malformed> {
    Reading::parse(&serde_json::to_vec(value).unwrap(), now())
}

/// A good body with one member set.
fn with(name: &str, value: Value) -> Value {
    let mut body =
        json!({"timestamp": "2026-09-09T10:15:30.123Z", "latitude": 41.4, "longitude": 2.17});
    body[name] = value;
    body
}

fn faulty_fields(body: &Value) -> Vec<String> {
    let fields = parse(body).expect_err("malformed").fields;
    fields.into_iter().map(|field| field.pointer).collect()
}

#[test]
fn bodies_of_every_client_generation_are_readings() {
    for (name, body) in vectors("telemetry") {
        let reading = parse(&body).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!((reading.latitude - 41.4).abs() < 1e-9, "{name}");
        assert_eq!(reading.relay, name == "relayed", "{name}");
    }
}

#[test]
fn bad_bodies_name_a_field() {
    for (name, body) in vectors("badTelemetry") {
        let fields = parse(&body).expect_err(&name).fields;
        assert!(!fields.is_empty(), "{name}");
        for field in fields {
            let member = field.pointer.trim_start_matches('/').to_owned();
            assert!(field.message.contains(&member), "{name}: {}", field.message);
        }
    }
}

#[test]
fn every_faulty_field_is_named_at_once() {
    let body = json!({"timestamp": "soon", "latitude": 91, "longitude": "2"});
    assert_eq!(
        faulty_fields(&body),
        ["/timestamp", "/latitude", "/longitude"]
    );
}

#[test]
fn a_friendly_bluetooth_label_identifies_no_device() {
    for label in ["Meshtastic_1aa8", " meshtastic_1AA8 "] {
        assert_eq!(
            faulty_fields(&with("deviceId", json!(label))),
            ["/deviceId"]
        );
    }
    assert!(parse(&with("deviceId", json!("305419896"))).is_ok());
}

#[test]
fn what_is_no_json_object_is_malformed() {
    for body in [
        &b""[..],
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        br#"{"timestamp":"2026-09-09T10:15:30Z","latitude":NaN,"longitude":2}"#,
        br#"{"timestamp":"2026-09-09T10:15:30Z","latitude":1e999,"longitude":2}"#,
        br#"{"timestamp":"2026-09-09T10:15:30Z","latitude":1,"longitude":2} trailing"#,
    ] {
        assert!(
            Reading::parse(body, now()).is_err(),
            "{}",
            String::from_utf8_lossy(body)
        );
    }
}

#[test]
fn times_from_2020_to_a_day_ahead_are_good() {
    for (time, good) in [
        ("2019-12-31T23:59:59.999999Z", false),
        ("2020-01-01T00:00:00Z", true),
        ("2026-09-10T12:00:00Z", true),
        ("2026-09-10T12:00:00.000001Z", false),
    ] {
        assert_eq!(
            parse(&with("timestamp", json!(time))).is_ok(),
            good,
            "{time}"
        );
    }
}

#[test]
fn the_edges_of_the_world_are_good() {
    for (name, most) in [("latitude", 90.0), ("longitude", 180.0)] {
        for sign in [-1.0, 1.0] {
            assert!(parse(&with(name, json!(sign * most))).is_ok());
            assert_eq!(
                faulty_fields(&with(name, json!(sign * (most + 0.000_001)))),
                [format!("/{name}")]
            );
        }
    }
}

#[test]
fn altitude_may_be_null_or_absent() {
    assert_eq!(
        parse(&with("altitude", Value::Null)).unwrap().altitude,
        None
    );
    assert_eq!(faulty_fields(&with("altitude", json!("12"))), ["/altitude"]);
}

#[test]
fn radio_mode_is_for_the_fifth_generation_only() {
    for (radio, good) in [
        (
            json!({"generation": "5g", "fiveGMode": "sa", "connected": true}),
            true,
        ),
        (json!({"generation": "4g", "connected": false}), true),
        (json!({"generation": "5g", "fiveGMode": null}), true),
        (json!({"generation": "4g", "fiveGMode": "nsa"}), false),
        (json!({"fiveGMode": "sa"}), false),
        (json!({"generation": "5g", "fiveGMode": "both"}), false),
        (json!({"generation": 5}), false),
        (json!({"connected": "yes"}), false),
        (json!("5g"), false),
    ] {
        assert_eq!(
            parse(&with("radio", radio.clone())).is_ok(),
            good,
            "{radio}"
        );
    }
}

#[test]
fn annotations_of_the_wrong_type_or_range_are_faults() {
    for (name, good, bad) in [
        (
            "mobileBattery",
            json!([0, 55.5, 100]),
            json!([-1, 100.5, 101, "55", true, {}]),
        ),
        (
            "deviceBattery",
            json!([87, {}, {"rawValue": 0}, {"rawValue": 3, "range": "ok"}, {"rawValue": null, "range": "critical"}]),
            json!(["full", [1], true]),
        ),
        (
            "deviceCoverage",
            json!([3, -110, {}, {"signalStrength": 2, "more": []}]),
            json!(["4g", 1.5, [], false]),
        ),
        (
            "mobileCoverage",
            json!([4, {"signalStrength": -85, "networkType": "mobile", "isConnected": true}]),
            json!(["4g", true]),
        ),
        ("kind", json!(["agg", ""]), json!([1, true, {}])),
        (
            "identitySource",
            json!(["app", "a word of tomorrow"]),
            json!([1]),
        ),
        ("userId", json!(["ana"]), json!([7])),
        ("relayDeviceId", json!(["305419896"]), json!([305_419_896])),
        ("score", json!([88, 0.5, -1]), json!(["88", true, []])),
        ("memberCount", json!([0, 4]), json!([-1, 1.5, "4"])),
        ("aggSpreadingFactor", json!([9]), json!(["SF9", 9.5])),
        ("clusterId", json!([3, "c-3"]), json!([true, {}])),
        ("aggId", json!([12, "a-12"]), json!([[12]])),
    ] {
        for value in good.as_array().unwrap() {
            assert!(parse(&with(name, value.clone())).is_ok(), "{name} {value}");
        }
        for value in bad.as_array().unwrap() {
            let pointer = format!("/{name}");
            assert_eq!(
                faulty_fields(&with(name, value.clone())),
                [pointer],
                "{value}"
            );
        }
        assert!(parse(&with(name, Value::Null)).is_ok(), "{name} null");
    }
}

#[test]
fn a_fault_inside_an_annotation_names_the_inner_field() {
    for (name, value, pointer) in [
        (
            "deviceBattery",
            json!({"rawValue": 4}),
            "/deviceBattery/rawValue",
        ),
        (
            "deviceBattery",
            json!({"rawValue": 1.5}),
            "/deviceBattery/rawValue",
        ),
        (
            "deviceBattery",
            json!({"rawValue": "2"}),
            "/deviceBattery/rawValue",
        ),
        (
            "deviceBattery",
            json!({"rawValue": 2, "range": "full"}),
            "/deviceBattery/range",
        ),
        ("deviceBattery", json!({"range": 2}), "/deviceBattery/range"),
        (
            "deviceCoverage",
            json!({"signalStrength": "2"}),
            "/deviceCoverage/signalStrength",
        ),
        (
            "mobileCoverage",
            json!({"networkType": 4}),
            "/mobileCoverage/networkType",
        ),
        (
            "mobileCoverage",
            json!({"isConnected": 1}),
            "/mobileCoverage/isConnected",
        ),
    ] {
        assert_eq!(
            faulty_fields(&with(name, value.clone())),
            [pointer],
            "{value}"
        );
    }
}

#[test]
fn unknown_members_are_ignored() {
    assert!(parse(&with("pairingCode", json!({"a": [1, "x", null]}))).is_ok());
}

#[test]
fn node_ids_are_unsigned_of_32_bits() {
    for (node, good) in [
        (json!(0), true),
        (json!(4_294_967_295_u32), true),
        (json!(4_294_967_296_u64), false),
        (json!(-1), false),
        (json!(1.5), false),
    ] {
        for name in ["nodeId", "originatorNodeId", "relayNodeId"] {
            assert_eq!(
                parse(&with(name, node.clone())).is_ok(),
                good,
                "{name} {node}"
            );
        }
    }
    assert_eq!(
        parse(&with("originatorNodeId", json!(2_271_560_481_u32)))
            .unwrap()
            .originator_node_id,
        Some(2_271_560_481)
    );
}

#[test]
fn texts_that_join_the_key_are_bounded() {
    assert!(parse(&with("eventId", json!("e".repeat(128)))).is_ok());
    assert_eq!(
        faulty_fields(&with("eventId", json!("e".repeat(129)))),
        ["/eventId"]
    );
    assert_eq!(
        faulty_fields(&with("deviceId", json!("a\u{0}b"))),
        ["/deviceId"]
    );
    assert_eq!(parse(&with("deviceId", json!(""))).unwrap().device(), None);
}

#[test]
fn the_last_of_equal_members_counts() {
    let body = br#"{"timestamp":"2026-09-09T10:15:30Z","latitude":91,"longitude":2,"latitude":4}"#;
    assert!((Reading::parse(body, now()).unwrap().latitude - 4.0).abs() < 1e-9);
    let score = |last: &str| {
        let start = r#"{"timestamp":"2026-09-09T10:15:30Z","latitude":1,"longitude":2,"score":"#;
        Reading::parse(format!("{start}{last}}}").as_bytes(), now()).is_ok()
    };
    assert!(score(r#""x","score":5"#));
    assert!(!score(r#"5,"score":"x""#));
}

/// As many bytes as a packet holds: a good body but for the members in front.
fn packet(members: &str) -> Vec<u8> {
    const MAX_PACKET_BYTES: usize = 256 * 1024;
    let end = r#""timestamp":"2026-09-09T10:15:30Z","latitude":1,"longitude":2}"#;
    let body = format!("{{{members}{end}");
    assert!(body.len() <= MAX_PACKET_BYTES, "{}", body.len());
    body.into_bytes()
}

#[test]
fn a_faulty_member_is_told_once_however_often_it_is_repeated() {
    let kinds = r#""kind":1,"#;
    for members in [
        kinds.repeat(29_000),
        kinds.repeat(14_500) + &r#""a":1,"#.repeat(21_800),
        r#""a":1,"#.repeat(21_800) + &kinds.repeat(14_500),
        r#""kind":1,"a":1,"kind":"agg","#.repeat(9_000) + kinds,
        r#""kind":[1],"kind":{"a":1},"kind":null,"#.repeat(6_000) + kinds,
    ] {
        let fields = Reading::parse(&packet(&members), now()).unwrap_err().fields;
        assert_eq!(fields, [FieldError::new("/kind", "kind must be text")]);
    }
    for last in [r#""kind":"agg","#, r#""kind":null,"#] {
        assert!(Reading::parse(&packet(&(kinds.repeat(29_000) + last)), now()).is_ok());
    }
    let inner = format!(r#""deviceBattery":{{"rawValue":4,"range":1}},{kinds}"#).repeat(5_000);
    let fields = Reading::parse(&packet(&inner), now()).unwrap_err().fields;
    let pointers: Vec<&str> = fields.iter().map(|field| field.pointer.as_str()).collect();
    assert_eq!(pointers, ["/deviceBattery/rawValue", "/kind"]);
}

/// All members that have a rule of their own kind, each with a value that is
/// wrong in as many ways as can be told.
const ALL_WRONG: &str = r#"{"timestamp":1,"latitude":"x","longitude":"x","altitude":"x",
    "horizontalAccuracyMeters":-1,"radio":{"generation":"4g","fiveGMode":"sa","connected":1},
    "nodeId":-1,"relayNodeId":-1,"originatorNodeId":-1,"source":1,"triggerSource":1,
    "relaySource":1,"deviceId":1,"hardwareId":1,"eventId":1,"mobileBattery":-1,
    "deviceBattery":"x","deviceCoverage":"x","mobileCoverage":"x","kind":1,"identitySource":1,
    "userId":1,"relayDeviceId":1,"relayHardwareId":1,"score":"x","memberCount":-1,
    "aggSpreadingFactor":-1,"clusterId":true,"aggId":true}"#;

#[test]
fn all_that_can_be_wrong_with_a_body_is_told_each_once() {
    let fields = Reading::parse(ALL_WRONG.as_bytes(), now())
        .unwrap_err()
        .fields;
    let mut pointers: Vec<&str> = fields.iter().map(|field| field.pointer.as_str()).collect();
    pointers.sort_unstable();
    pointers.dedup();
    assert_eq!(pointers.len(), fields.len());
    // `radio` has two faults, of every other member one is told.
    assert_eq!(fields.len(), ALL_WRONG.matches(':').count() - 3 + 1);
    assert!(fields.len() <= Malformed::MAX_FIELDS);
}

#[test]
fn no_more_faults_are_told_than_the_limit() {
    let mut fields = Fields {
        object: &Json::Null,
        errors: Vec::new(),
    };
    for n in 0..100 {
        fields.fault(&n.to_string(), "is odd");
    }
    assert_eq!(fields.errors.len(), Malformed::MAX_FIELDS);
    assert_eq!(fields.errors[0].pointer, "/0");
    assert_eq!(fields.errors[31].pointer, "/31");
}

#[test]
fn a_member_is_looked_at_once_and_held_against_few() {
    let Json::Object(wrong) = serde_json::from_str(ALL_WRONG).unwrap() else {
        panic!("no object");
    };
    let good = Json::Text("agg".into());
    let mut looks = 0_usize;
    let rounds = (0..1_000).flat_map(|_| {
        let members = wrong.iter().map(|(name, value)| (name.as_ref(), value));
        members.chain([("kind", &good), ("a", &Json::Bool)])
    });
    let faults = last_faults(rounds.inspect(|_| looks += 1));
    assert_eq!(looks, 1_000 * (wrong.len() + 2));
    assert!(faults.iter().all(|(name, _)| *name != "kind"));
    assert_eq!(faults.len(), 13);
    // A vector never shrinks by itself: there were never more to compare with.
    assert!(
        faults.capacity() <= Malformed::MAX_FIELDS,
        "{}",
        faults.capacity()
    );
}

proptest::proptest! {
    /// The verdict is that on the last of equal members alone.
    #[test]
    fn earlier_members_of_the_same_name_change_nothing(
        members in proptest::collection::vec((0_usize..4, 0_usize..5), 0..40),
    ) {
        const NAMES: [&str; 4] = ["kind", "deviceBattery", "score", "a"];
        const VALUES: [&str; 5] = ["1", "\"x\"", "null", "{\"rawValue\":4}", "true"];
        let member = |(name, value): &(usize, usize)| {
            format!("\"{}\":{},", NAMES[*name], VALUES[*value])
        };
        let lasts = members.iter().enumerate().filter(|(place, (name, _))| {
            members[place + 1..].iter().all(|(later, _)| later != name)
        });
        let lasts: String = lasts.map(|(_, last)| member(last)).collect();
        let all: String = members.iter().map(member).collect();
        proptest::prop_assert_eq!(
            Reading::parse(&packet(&all), now()),
            Reading::parse(&packet(&lasts), now())
        );
    }

    #[test]
    fn no_bytes_make_it_panic(body in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
        let _ = Reading::parse(&body, now());
    }

    #[test]
    fn what_it_accepts_is_in_range(lat in -200.0_f64..200.0, lon in -400.0_f64..400.0) {
        let body = json!({"timestamp": "2026-09-09T10:15:30.123Z", "latitude": lat, "longitude": lon});
        let good = lat.abs() <= 90.0 && lon.abs() <= 180.0;
        proptest::prop_assert_eq!(parse(&body).is_ok(), good);
    }
}
