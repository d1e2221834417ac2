//! What becomes of each trigger and each sample is counted under a word of its
//! own.

use bytes::Bytes;
use mayday_app::testing::TestApp;
use mayday_core::identity::Caller;
use mayday_core::transport::Transport;
use mayday_store::testing::still::Still;
use serde_json::json;

use crate::harness::{NodeExt as _, http, mqtt, on_both_nodes, stale};

/// The lines of a counter, without its name.
fn counted(node: &TestApp, name: &str) -> Vec<String> {
    let page = node.app.metrics().encode().unwrap();
    let mut lines: Vec<String> = page
        .lines()
        .filter_map(|line| line.strip_prefix(name))
        .map(str::to_owned)
        .collect();
    lines.sort_unstable();
    lines
}

async fn send(node: &TestApp, caller: &Caller, body: &str) {
    let body = Bytes::from(body.to_owned());
    let mut ticket = node.app.submit_telemetry(caller, body, Transport::Mqtt);
    let _ = ticket.stored().await;
}

on_both_nodes!(
    a_trigger_is_counted_by_what_it_did,
    async |node: TestApp| {
        let (ana, gateway) = (node.caller("ana").await, node.caller("gateway").await);
        let first = json!({"timestamp": "2026-09-09T10:00:00.1Z"});
        let second = json!({"timestamp": "2026-09-09T10:00:00.2Z"});
        node.own(&ana, mqtt(&first)).await;
        node.own(&ana, mqtt(&second)).await;
        node.own(&ana, mqtt(&second)).await;
        node.own(&ana, http(&first)).await;
        node.device(&ana, "305419896").await;
        let relay = json!({"deviceId": "305419896", "relayNodeId": 7});
        node.relayed(&gateway, mqtt(&relay)).await;
        let nobody = json!({"deviceId": "1", "relayNodeId": 7});
        node.unattributed(&gateway, mqtt(&nobody)).await;
        assert_eq!(
            counted(&node, "mayday_sos_triggers_total"),
            [
                r#"{transport="http",outcome="redelivered"} 1"#,
                r#"{transport="mqtt",outcome="opened"} 1"#,
                r#"{transport="mqtt",outcome="redelivered"} 1"#,
                r#"{transport="mqtt",outcome="unattributed"} 1"#,
                r#"{transport="mqtt",outcome="updated"} 2"#,
            ]
        );
    }
);

on_both_nodes!(
    a_sample_is_counted_by_where_it_was_kept,
    async |node: TestApp| {
        let ana = node.caller("ana").await;
        let sample = r#"{"timestamp":"2026-09-09T10:00:01Z","latitude":41.4,"longitude":2.17}"#;
        // A slow disk would have it spilled.
        let still = Still::now();
        send(&node, &ana, sample).await;
        drop(still);
        send(&node, &ana, "nonsense").await;
        send(&node, &stale(&ana), sample).await;
        node.telemetry.faults().fail_commits(true);
        send(&node, &ana, sample).await;
        let named = sample.replace('}', r#","deviceId":"own"}"#);
        send(&node, &ana, &named).await;
        assert_eq!(
            counted(&node, "mayday_telemetry_samples_total"),
            [
                r#"{transport="mqtt",outcome="dead_letter"} 1"#,
                r#"{transport="mqtt",outcome="let_go"} 1"#,
                r#"{transport="mqtt",outcome="spilled"} 2"#,
                r#"{transport="mqtt",outcome="stored"} 1"#,
            ]
        );
    }
);

#[tokio::test]
async fn what_could_not_be_stored_is_counted_as_failed() {
    let node = TestApp::sqlite().await;
    let ana = node.caller("ana").await;
    node.fail_commits(true);
    assert!(node.app.trigger_sos(&ana, mqtt(&json!({}))).await.is_err());
    send(&node, &ana, "nonsense").await;
    for name in [
        "mayday_sos_triggers_total",
        "mayday_telemetry_samples_total",
    ] {
        let failed = [r#"{transport="mqtt",outcome="failed"} 1"#];
        assert_eq!(counted(&node, name), failed, "{name}");
    }
}
