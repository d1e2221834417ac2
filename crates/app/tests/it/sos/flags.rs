//! An authenticated SOS is never refused: it is opened and flagged.

use mayday_app::SosTrigger;
use mayday_app::testing::TestApp;
use mayday_core::sos::PositionSource;
use mayday_core::transport::Transport;
use mayday_store::testing::still::Still;
use serde_json::json;

use crate::harness::{NodeExt as _, flags, mqtt, on_both_nodes, raw, stale};

on_both_nodes!(whatever_is_odd_is_flagged, async |node: TestApp| {
    let fix = json!({"latitude": 1, "longitude": 2});
    let with = |name: &str, value: serde_json::Value| {
        let mut body = fix.clone();
        body[name] = value;
        mqtt(&body)
    };
    let cases = [
        ("plain", mqtt(&fix), vec![]),
        ("empty", mqtt(&json!({})), vec!["no_position"]),
        (
            "no json",
            raw(b"\xff help"),
            vec!["no_position", "malformed_payload"],
        ),
        ("nothing", raw(b""), vec!["no_position"]),
        (
            "time",
            with("timestamp", json!("noon")),
            vec!["malformed_payload"],
        ),
        (
            "clock",
            with("timestamp", json!("2026-09-09T09:00:00Z")),
            vec!["clock_skew"],
        ),
        (
            "user",
            with("userId", json!("somebody else")),
            vec!["user_mismatch"],
        ),
        (
            "device",
            with("deviceId", json!("305419896")),
            vec!["unknown_device"],
        ),
        (
            "retain",
            SosTrigger {
                retained: true,
                ..mqtt(&fix)
            },
            vec!["retained"],
        ),
        (
            "size",
            SosTrigger {
                oversized: true,
                ..mqtt(&fix)
            },
            vec!["oversized"],
        ),
    ];
    for (name, trigger, expected) in cases {
        let caller = node.caller(name).await;
        let incident = node.own(&caller, trigger).await;
        assert_eq!(flags(&incident), expected, "{name}");
        let read = node.open(&caller).await.unwrap();
        assert_eq!(flags(&read), expected, "{name}");
    }
});

on_both_nodes!(
    the_own_user_id_is_no_mismatch_in_either_form,
    async |node: TestApp| {
        let ana = node.caller("ana").await;
        for named in [
            json!("ana"),
            json!(ana.user),
            json!(ana.user.to_string().to_uppercase()),
        ] {
            let body = json!({"userId": named, "latitude": 1, "longitude": 2});
            assert!(
                flags(&node.own(&ana, mqtt(&body)).await).is_empty(),
                "{named}"
            );
        }
    }
);

on_both_nodes!(
    a_stale_proof_calls_for_help_and_is_flagged,
    async |node: TestApp| {
        let ana = stale(&node.caller("ana").await);
        let incident = node
            .own(&ana, mqtt(&json!({"latitude": 1, "longitude": 2})))
            .await;
        assert_eq!(flags(&incident), ["stale_credentials"]);
    }
);

on_both_nodes!(
    the_last_known_position_is_filled_in_with_its_age,
    async |node: TestApp| {
        let ana = node.caller("ana").await;
        let body =
            json!({"timestamp": "2026-09-09T09:30:00Z", "latitude": 41.4, "longitude": 2.17});
        let body = bytes::Bytes::from(body.to_string());
        let mut ticket = node.app.submit_telemetry(&ana, body, Transport::Mqtt);
        ticket.stored().await.unwrap();
        // A slow answer would be none.
        let still = Still::now();
        let incident = node.own(&ana, mqtt(&json!({}))).await;
        drop(still);
        assert_eq!(flags(&incident), ["no_position", "stale_position"]);
        let position = incident.position.unwrap();
        assert_eq!(position.source, PositionSource::LastKnown);
        assert_eq!(position.time.to_string(), "2026-09-09T09:30:00.000Z");
        // Telemetry since the opening takes its place.
        node.pass(10);
        let body =
            json!({"timestamp": "2026-09-09T10:00:10Z", "latitude": 41.5, "longitude": 2.17});
        let body = bytes::Bytes::from(body.to_string());
        let mut ticket = node.app.submit_telemetry(&ana, body, Transport::Mqtt);
        ticket.stored().await.unwrap();
        let open = node.open(&ana).await.unwrap();
        assert_eq!(open.position.unwrap().source, PositionSource::Telemetry);
        assert!(flags(&open).is_empty());
    }
);

on_both_nodes!(
    a_sample_ahead_that_is_not_stored_yet_is_the_last_known_position,
    async |node: TestApp| {
        let ana = node.caller("ana").await;
        let sent = |time: &str, latitude: u32| {
            let body = json!({"timestamp": time, "latitude": latitude, "longitude": 2});
            let body = bytes::Bytes::from(body.to_string());
            node.app.submit_telemetry(&ana, body, Transport::Mqtt)
        };
        sent("2026-09-09T09:50:00Z", 90).stored().await.unwrap();
        node.telemetry.faults().freeze();
        let mut ahead = sent("2026-09-09T09:59:59Z", 5);
        let incident = node.own(&ana, mqtt(&json!({}))).await;
        node.telemetry.faults().thaw();
        let position = incident.position.unwrap();
        assert_eq!(position.source, PositionSource::LastKnown);
        assert_eq!(position.time.to_string(), "2026-09-09T09:59:59.000Z");
        ahead.stored().await.unwrap();
    }
);

on_both_nodes!(
    what_the_database_cannot_hold_is_no_reason_to_refuse,
    async |node: TestApp| {
        let ana = node.caller("ana").await;
        let body = json!({"message": "a\u{0}b", "deviceId": "x\u{0}y", "source": "\u{0}", "latitude": 1,
        "longitude": 2, "altitude": 1e300, "deviceBattery": {"range": "\u{0}"}});
        let incident = node.own(&ana, mqtt(&body)).await;
        assert_eq!(incident.message.as_deref(), Some("a\u{fffd}b"));
        let large = vec![b'x'; 300_000];
        node.own(&ana, raw(&large)).await;
    }
);
