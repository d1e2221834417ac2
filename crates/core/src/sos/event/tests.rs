use std::time::Duration;

use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::ids::{AppUuid, IncidentId, SampleId, UserId};
use crate::sos::{End, Flags, Opened, Report};

const NOW: Timestamp = Timestamp::from_secs(1_788_948_000);

fn open(body: &Value, transport: Transport) -> (Incident, Trigger) {
    let trigger = Trigger::parse(body.to_string().as_bytes());
    let ids = Opened {
        id: IncidentId(Uuid::from_u128(1)),
        opening: SampleId(Uuid::from_u128(2)),
        app: AppUuid(Uuid::from_u128(3)),
        user: UserId(Uuid::from_u128(4)),
    };
    let report = Report {
        trigger: &trigger,
        flags: Flags::NONE,
        received_at: NOW,
        transport,
        relayed: false,
        device_id: None,
        last_known: None,
    };
    (Incident::open(ids, &report), trigger)
}

fn answer(body: &Value, transport: Transport) -> Map<String, Value> {
    let (incident, trigger) = open(body, transport);
    let answered = Answered {
        trigger: &trigger,
        transport,
        relayed: false,
    };
    event_body(&incident, NOW, Some(answered))
}

#[test]
fn the_answer_to_mqtt_carries_the_published_time_to_the_last_digit() {
    for text in [
        "2026-09-09T09:55:00.123456Z",
        "2026-09-09T10:00:00.1Z",
        "1970-01-01T00:00:00Z",
    ] {
        let body = answer(&json!({"timestamp": text}), Transport::Mqtt);
        assert_eq!(body["occurredAt"], text);
        assert_eq!(body["updatedAt"], text);
        assert_eq!(body["openedAt"], NOW.to_string());
    }
}

#[test]
fn the_answer_to_http_echoes_the_time_and_is_told_by_the_phones_clock() {
    let near = answer(
        &json!({"timestamp": "2026-09-09T09:59:55Z"}),
        Transport::Http,
    );
    assert_eq!(near["occurredAt"], "2026-09-09T09:59:55Z");
    assert_eq!(near["updatedAt"], NOW.to_string());
    let far = answer(
        &json!({"timestamp": "2026-09-09T09:55:00Z"}),
        Transport::Http,
    );
    assert_eq!(far["updatedAt"], "2026-09-09T09:55:00.000Z");
}

#[test]
fn without_a_time_it_is_that_of_receipt() {
    for transport in [Transport::Http, Transport::Mqtt] {
        let body = answer(&json!({}), transport);
        assert_eq!(body["occurredAt"], NOW.to_string());
        assert_eq!(body["updatedAt"], NOW.to_string());
    }
}

#[test]
fn later_events_are_shifted_to_a_phone_clock_that_is_more_than_ten_seconds_off() {
    for (offset, shifted) in [
        (-300_i64, true),
        (300, true),
        (11, true),
        (10, false),
        (-10, false),
    ] {
        let sent = NOW.shift_micros(offset * 1_000_000);
        let (mut incident, _) = open(&json!({"timestamp": sent.to_string()}), Transport::Mqtt);
        let end = NOW.plus(Duration::from_mins(1));
        assert!(incident.end(End::Cancelled, end));
        let body = event_body(&incident, end, None);
        let expected = end.shift_micros(if shifted { offset * 1_000_000 } else { 0 });
        assert_eq!(body["updatedAt"], expected.to_string(), "{offset}");
        assert_eq!(body["cancelledAt"], end.to_string());
    }
}

#[test]
fn the_answer_to_a_relay_or_to_no_time_is_told_by_the_owners_clock() {
    let slow = NOW.shift_micros(-300_000_000).to_string();
    let (incident, _) = open(&json!({"timestamp": slow}), Transport::Mqtt);
    let by_gateway = NOW.shift_micros(300_000_000).to_string();
    for (body, relayed, occurred_at) in [
        (json!({"timestamp": by_gateway}), true, by_gateway.clone()),
        (json!({}), false, NOW.to_string()),
        (json!({"timestamp": "noon"}), false, NOW.to_string()),
    ] {
        let trigger = Trigger::parse(body.to_string().as_bytes());
        let answered = Answered {
            trigger: &trigger,
            transport: Transport::Mqtt,
            relayed,
        };
        let told = event_body(&incident, NOW, Some(answered));
        assert_eq!(told["occurredAt"], occurred_at, "{body}");
        assert_eq!(told["updatedAt"], slow, "{body}");
    }
}

#[test]
fn a_terminal_event_says_how_it_ended() {
    let (mut incident, _) = open(&json!({}), Transport::Mqtt);
    incident.end(End::Resolved, NOW);
    let body = event_body(&incident, NOW, None);
    assert_eq!(body["status"], "resolved");
    assert_eq!(body["resolvedAt"], NOW.to_string());
    assert!(!body.contains_key("cancelledAt"));
}

#[test]
fn the_correlation_texts_are_echoed_only_when_sent() {
    let plain = answer(&json!({}), Transport::Mqtt);
    let texts = json!({"clientIncidentId": "c", "correlationId": "k", "cycleKey": "y"});
    let echoed = answer(&texts, Transport::Mqtt);
    for name in ["clientIncidentId", "correlationId", "cycleKey"] {
        assert!(!plain.contains_key(name));
        assert_eq!(echoed[name], texts[name]);
    }
}

#[test]
fn the_actuator_plan_is_an_empty_object_with_its_version() {
    let body = answer(&json!({}), Transport::Mqtt);
    assert_eq!(
        body["actuators"],
        json!({"snapshotVersion": 1, "items": []})
    );
    assert_eq!(body["status"], "active");
}
