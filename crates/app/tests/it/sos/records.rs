//! What is written about SOS does not grow without limit.

use mayday_app::testing::TestApp;
use mayday_store::incidents::{EVENTS_KEPT, RECORDS_KEPT};
use mayday_store::{alerts, unattributed};
use serde_json::json;

use crate::harness::{NodeExt as _, kinds, mqtt, on_both_nodes};

/// Runs bounded steps until nothing is left to do; how many rows changed.
async fn prune(node: &TestApp) -> u64 {
    let mut changed = 0;
    loop {
        match node.app.prune_sos_records().await.unwrap() {
            0 => return changed,
            some => changed += some,
        }
    }
}

on_both_nodes!(
    of_a_gateways_many_unattributed_sos_the_middle_bodies_go_and_in_time_all,
    async |node: TestApp| {
        let (gate, other) = (node.caller("gate").await, node.caller("other").await);
        let body = |n: i32| mqtt(&json!({"deviceId": n.to_string(), "relayNodeId": 5}));
        node.unattributed(&other, body(0)).await;
        for n in 1..=43 {
            node.pass(1);
            node.unattributed(&gate, body(n)).await;
        }
        let bodies = async || {
            let mut tx = node.store.read().await.unwrap();
            let page = unattributed::page(&mut tx, gate.app, None, 100).await;
            let mut page = page.unwrap();
            page.reverse();
            let kept = page.iter().filter(|kept| !kept.raw.is_empty());
            let numbers = kept.map(|kept| kept.device_id.clone().unwrap().parse().unwrap());
            (page.len(), numbers.collect::<Vec<i32>>())
        };
        let expected = (0..=20).chain(24..=43).collect::<Vec<i32>>();
        assert_eq!(bodies().await, (44, expected));
        assert_eq!(prune(&node).await, 0);
        node.pass(RECORDS_KEPT.as_secs());
        assert_eq!(prune(&node).await, 41);
        assert_eq!(bodies().await, (44, vec![]));
    }
);

on_both_nodes!(
    of_an_incident_that_ended_long_ago_the_last_event_stays,
    async |node: TestApp| {
        let (ana, bo) = (node.caller("ana").await, node.caller("bo").await);
        for caller in [&ana, &ana, &ana, &bo, &bo] {
            node.own(caller, mqtt(&json!({"message": "help"}))).await;
        }
        node.app.resolve_sos(&ana).await.unwrap();
        node.pass(EVENTS_KEPT.as_secs() - 1);
        assert_eq!(prune(&node).await, 0);
        node.pass(1);
        assert_eq!(prune(&node).await, 3 + 1);
        assert_eq!(kinds(&node.events(&ana).await), ["resolved"]);
        assert_eq!(node.events(&bo).await.len(), 2, "it is open");
        node.own(&ana, mqtt(&json!({"message": "again"}))).await;
        let seqs: Vec<i64> = node.events(&ana).await.iter().map(|e| e.seq).collect();
        assert_eq!(seqs, [4, 5], "no number is given twice");
    }
);

on_both_nodes!(
    a_closed_alert_goes_in_time_and_an_open_one_stays,
    async |node: TestApp| {
        let (ana, gate) = (node.caller("ana").await, node.caller("gate").await);
        let body = |device: &str| {
            let time = "2026-09-09T10:00:00Z";
            mqtt(&json!({"timestamp": time, "deviceId": device, "relayNodeId": 5}))
        };
        node.unattributed(&gate, body("77")).await;
        node.unattributed(&gate, body("88")).await;
        node.device(&ana, "77").await;
        node.relayed(&gate, body("77")).await;
        node.pass(RECORDS_KEPT.as_secs());
        prune(&node).await;
        let mut tx = node.store.read().await.unwrap();
        let left = alerts::page(&mut tx, gate.app, None, 10).await.unwrap();
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].detail["device_id"], "88");
    }
);
