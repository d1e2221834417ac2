use serde_json::json;

use super::*;

const AT: &str = "2026-03-01T12:00:00.000Z";
const LATER: &str = "2026-03-01T12:31:00.000Z";

/// An acknowledged incident in its second round, with this helper.
fn helped_by(helper: &Value) -> IncidentDetail {
    let id = "0199d7a2-1b7c-7d11-8f20-6e5d4c3b2a19";
    let detail = json!({
        "id": id, "external_user_id": "ana", "user_id": id, "state": "acknowledged",
        "drill": false, "hidden": false, "flags": [], "trigger_source": null, "message": null,
        "latitude": null, "longitude": null, "position_at": null, "created_at": AT,
        "last_trigger_at": AT, "acknowledged_at": AT, "exhausted_at": LATER, "ended_at": null,
        "round": 2, "device_id": null, "hardware_id": null, "triggers": 2, "actuators": [],
        "alerts": [], "helpers": [helper], "actions": [],
        "person": {"name": "Ana", "phone": "+34600555666", "email": null, "address": null},
    });
    serde_json::from_value(detail).unwrap()
}

fn helper_of(round: u32, silent: bool) -> Value {
    json!({"name": "Ann", "means": "console", "at": AT, "last_sign_at": AT, "round": round,
        "silent": silent})
}

fn said(cell: &Cell) -> String {
    format!("{cell:?}")
}

#[test]
fn who_helps_leaves_nobody_to_be_told() {
    let detail = helped_by(&helper_of(2, false));
    let (title, cell) = helper(&detail, &detail.helpers[0]);
    assert_eq!(title, "helps");
    assert!(said(&cell).contains("Ann by operator at"), "{cell:?}");
    assert!(!said(&nobody_left(&detail)).contains(LATER));
    assert!(said(&state_in_full(&detail)).contains("\"acknowledged\""));
}

#[test]
fn who_fell_silent_does_not_help() {
    let detail = helped_by(&helper_of(2, true));
    let (title, cell) = helper(&detail, &detail.helpers[0]);
    assert_eq!(title, "fell silent");
    assert!(said(&cell).contains("no sign since"), "{cell:?}");
    assert!(said(&nobody_left(&detail)).contains(LATER));
    assert!(said(&state_in_full(&detail)).contains("but who helps fell silent"));
}

#[test]
fn who_helped_before_the_second_cry_is_marked() {
    let detail = helped_by(&helper_of(1, false));
    let (_, cell) = helper(&detail, &detail.helpers[0]);
    assert!(said(&cell).contains("before they called again"), "{cell:?}");
    assert!(said(&state_in_full(&detail)).contains("but called again since"));
}

#[test]
fn nobody_calls_a_person_under_threat() {
    let mut detail = helped_by(&helper_of(2, false));
    assert!(!said(&phone(&detail)).contains("DO NOT CALL"));
    detail.summary.hidden = true;
    assert!(said(&phone(&detail)).contains("+34600555666 - DO NOT CALL"));
}

#[test]
fn a_message_says_when_it_got_how_far_and_why_no_further() {
    let message = |change: Value| -> String {
        let mut message = json!({
            "contact_id": "0198f0c2-7f5a-7d22-9b4c-6a7b8c9d0e1f", "name": "Ben",
            "channel": "sms", "address": "+34600000002", "kind": "alert", "round": 1,
            "state": "sent", "scheduled_at": AT, "sending_at": AT, "sent_at": AT,
            "settled_at": null, "tries": 1, "provider": "main", "reason": null, "code": null,
        });
        for (name, value) in change.as_object().unwrap() {
            message[name] = value.clone();
        }
        said(&attempt(&serde_json::from_value(message).unwrap()))
    };
    let cases = [
        (
            json!({}),
            "sms to Ben, +34600000002: sent at 2026-03-01T12:00:00.000Z",
        ),
        (json!({"kind": "resolved"}), ": all-clear, sent at"),
        (
            json!({"state": "failed", "sent_at": null, "settled_at": LATER,
                "reason": "no such number", "code": "21211"}),
            ": failed at 2026-03-01T12:31:00.000Z: no such number (code 21211)",
        ),
        (
            json!({"state": "delivered", "settled_at": LATER, "reason": "an earlier try"}),
            "delivered at 2026-03-01T12:31:00.000Z\"",
        ),
        (
            json!({"state": "skipped", "sent_at": null, "settled_at": AT,
                "reason": "acknowledged"}),
            "skipped at 2026-03-01T12:00:00.000Z: somebody helps",
        ),
        (
            json!({"state": "scheduled", "sent_at": null}),
            ": scheduled for 2026",
        ),
    ];
    for (change, words) in cases {
        let line = message(change.clone());
        assert!(line.contains(words), "{change}: {line}");
    }
}
