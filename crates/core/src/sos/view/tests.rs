use uuid::Uuid;

use super::*;
use crate::sos::Flag;

const NOW: Timestamp = Timestamp::from_secs(1_788_948_000);

/// An object of so many objects within one another.
fn nested(depth: usize) -> String {
    let inner = depth.saturating_sub(1);
    format!("{}{{}}{}", r#"{"a":"#.repeat(inner), "}".repeat(inner))
}

fn id(number: u128) -> SampleId {
    SampleId(Uuid::from_u128(number))
}

/// What is stored of a body, and whether the body is flagged.
fn stored(body: &str) -> (Opening, String, bool) {
    let trigger = Trigger::parse(body.as_bytes());
    let opening = Opening::of_trigger(id(1), &trigger, NOW);
    let text = serde_json::to_string(&opening).unwrap();
    let flagged = trigger.flags.contains(Flag::MalformedPayload);
    (opening, text, flagged)
}

#[test]
fn whatever_is_kept_of_a_trigger_can_be_read_back() {
    for name in ["deviceBattery", "deviceCoverage", "mobileCoverage"] {
        for (depth, kept) in [
            (1, true),
            (8, true),
            (9, false),
            (126, false),
            (127, false),
            (128, false),
        ] {
            let (opening, text, flagged) = stored(&format!(
                r#"{{"latitude":41,"longitude":2,"{name}":{}}}"#,
                nested(depth)
            ));
            let read: Opening = serde_json::from_str(&text).unwrap();
            assert_eq!(read, opening, "{name} {depth}");
            let member = serde_json::from_str::<Value>(&text).unwrap();
            assert_eq!(member[name].is_object(), kept, "{name} {depth}");
            assert_eq!(flagged, !kept, "{name} {depth}");
            assert_eq!(read.latitude, Some(41.0), "the rest is heard");
        }
    }
}

#[test]
fn lists_count_as_objects_do() {
    for (lists, kept) in [(7, true), (8, false)] {
        let list = format!("{}{}", "[".repeat(lists), "]".repeat(lists));
        let (opening, _, flagged) = stored(&format!(r#"{{"deviceBattery":{{"a":1,"b":{list}}}}}"#));
        assert_eq!(
            (opening.device_battery.is_some(), flagged),
            (kept, !kept),
            "{lists}"
        );
    }
}

#[test]
fn of_an_unreadable_opening_all_but_the_fault_is_kept() {
    let (whole, text, _) = stored(
        r#"{"latitude":41,"longitude":2,"altitude":3.5,"mobileBattery":71,"deviceBattery":2,
            "mobileCoverage":{"signalStrength":4},"timestamp":"2026-09-09T10:15:30.5Z"}"#,
    );
    assert_eq!(Opening::salvaged(&text, id(9), NOW), whole);
    let deep = text.replace(
        r#""deviceCoverage":null"#,
        &format!(r#""deviceCoverage":{}"#, nested(127)),
    );
    assert!(serde_json::from_str::<Opening>(&deep).is_err());
    assert_eq!(Opening::salvaged(&deep, id(9), NOW), whole);
    let cut = Opening::salvaged(&text[..text.len() / 2], id(9), NOW);
    assert_eq!((cut.id, cut.latitude), (whole.id, whole.latitude));
    let (empty, ..) = stored("{}");
    for nothing in ["", "[]", "no JSON", r#"{"id":7,"occurredAt":[]}"#] {
        let salvaged = Opening::salvaged(nothing, id(1), NOW);
        assert_eq!(salvaged, empty, "{nothing}");
    }
}
