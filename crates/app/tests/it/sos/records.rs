//! What is written about SOS does not grow without limit.

use mayday_app::admin::{AdminReply, AdminRequest};
use mayday_app::testing::{APP_ID, TestApp};
use mayday_core::identity::Caller;
use mayday_core::ids::{AppUuid, RecordId, UserId};
use mayday_core::sos::SECOND_CRY_AFTER;
use mayday_store::alerts::{self, Alert};
use mayday_store::incidents::{EVENTS_KEPT, RECORDS_KEPT};
use mayday_store::unattributed::{self, KEPT_PER_APP, KEPT_PER_GATEWAY, Unattributed};
use mayday_store::{Command, Lane, Sql, StoreError, Tx, args};
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
        // One whose first body is gone already comes once more.
        node.unattributed(&gate, body(22)).await;
        let latest = async || {
            let rows = kept(&node, &gate).await;
            rows.iter().filter(|row| row.latest_raw.is_some()).count()
        };
        assert_eq!(latest().await, 1);
        assert_eq!(prune(&node).await, 0);
        node.pass(RECORDS_KEPT.as_secs());
        assert_eq!(prune(&node).await, 42);
        assert_eq!(bodies().await, (44, vec![]));
        assert_eq!(latest().await, 0);
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

async fn kept(node: &TestApp, caller: &Caller) -> Vec<Unattributed> {
    let mut tx = node.store.read().await.unwrap();
    let page = unattributed::page(&mut tx, caller.app, None, 1_000).await;
    page.unwrap()
}

async fn open_alerts(node: &TestApp, caller: &Caller) -> Vec<Alert> {
    let mut tx = node.store.read().await.unwrap();
    let told = alerts::page(&mut tx, caller.app, None, 1_000)
        .await
        .unwrap();
    let open = told.into_iter().filter(|alert| alert.closed_at.is_none());
    open.collect()
}

async fn close(node: &TestApp, alert: &Alert) {
    let request = AdminRequest::AlertClose {
        app_id: APP_ID.to_owned(),
        alert_id: alert.id.to_string(),
    };
    match node.admin(request).await {
        AdminReply::Alert(closed) => assert!(closed.closed_at.is_some()),
        other => panic!("an alert, not {other:?}"),
    }
}

on_both_nodes!(
    repeats_of_a_device_by_a_gateway_are_one_row_until_it_falls_silent,
    async |node: TestApp| {
        let (gate, other) = (node.caller("gate").await, node.caller("other").await);
        let body = |n: i32| {
            json!({"deviceId": "77", "relayNodeId": 5, "latitude": n,
            "longitude": 0, "message": format!("cry {n}")})
        };
        for n in 1..=3 {
            node.unattributed(&gate, mqtt(&body(n))).await;
            node.pass(SECOND_CRY_AFTER.as_secs());
        }
        // Another text of the same case, without a position: it keeps the last one.
        let silent = json!({"originatorNodeId": 77, "relayNodeId": 5});
        node.unattributed(&gate, mqtt(&silent)).await;
        let rows = kept(&node, &gate).await;
        assert_eq!(rows.len(), 1);
        assert_eq!((rows[0].reports, rows[0].latitude), (4, Some(3.0)));
        assert_eq!(rows[0].raw, body(1).to_string().into_bytes());
        let latest = rows[0].latest_raw.clone().unwrap();
        assert_eq!(latest, silent.to_string().into_bytes());
        assert!(rows[0].last_received_at > rows[0].received_at);
        assert_eq!(open_alerts(&node, &gate).await.len(), 1);
        // Another gateway hears the same device: a row of its own.
        node.unattributed(&other, mqtt(&body(9))).await;
        assert_eq!(kept(&node, &gate).await.len(), 2);
        // After a silence it is a second cry.
        node.pass(SECOND_CRY_AFTER.as_secs() + 1);
        node.unattributed(&gate, mqtt(&body(5))).await;
        assert_eq!(kept(&node, &gate).await[0].reports, 1);
        assert_eq!(open_alerts(&node, &gate).await.len(), 3);
    }
);

on_both_nodes!(
    relays_that_name_no_device_are_never_taken_for_one,
    async |node: TestApp| {
        let gate = node.caller("gate").await;
        for n in 1..=2 {
            let body = json!({"relayNodeId": 5, "message": format!("person {n}")});
            node.unattributed(&gate, mqtt(&body)).await;
        }
        assert_eq!(kept(&node, &gate).await.len(), 2);
        assert_eq!(open_alerts(&node, &gate).await.len(), 2);
    }
);

on_both_nodes!(
    what_an_operator_closed_goes_in_time_and_a_new_cry_is_news,
    async |node: TestApp| {
        let gate = node.caller("gate").await;
        let body = |n: i32| json!({"deviceId": "77", "relayNodeId": 5, "message": n.to_string()});
        node.unattributed(&gate, mqtt(&body(1))).await;
        close(&node, &open_alerts(&node, &gate).await[0]).await;
        assert!(kept(&node, &gate).await[0].settled_at.is_some());
        node.unattributed(&gate, mqtt(&body(2))).await;
        assert_eq!(kept(&node, &gate).await.len(), 2, "a row of its own");
        assert_eq!(open_alerts(&node, &gate).await.len(), 1);
        node.pass(RECORDS_KEPT.as_secs());
        prune(&node).await;
        let left = kept(&node, &gate).await;
        assert_eq!(
            (left.len(), left[0].settled_at),
            (1, None),
            "nobody dealt with it"
        );
        assert_eq!(open_alerts(&node, &gate).await.len(), 1);
    }
);

on_both_nodes!(
    too_many_of_a_gateway_let_repeats_go_first_and_operators_know,
    async |node: TestApp| {
        let (gate, other) = (node.caller("gate").await, node.caller("other").await);
        let body = |device: i64| mqtt(&json!({"deviceId": device.to_string(), "relayNodeId": 5}));
        let cry = async |caller: &Caller, device: i64| {
            node.pass(1);
            node.unattributed(caller, body(device)).await;
        };
        cry(&other, 0).await;
        // The first device cries twice: its first row is a repeat's.
        cry(&gate, 0).await;
        cry(&gate, 1).await;
        node.pass(SECOND_CRY_AFTER.as_secs());
        cry(&gate, 1).await;
        for device in 2..KEPT_PER_GATEWAY {
            cry(&gate, device).await;
        }
        let of_gate = async || {
            let rows = kept(&node, &gate).await;
            let of_gate = rows.into_iter().filter(|row| row.gateway == gate.user);
            let devices = of_gate.map(|row| row.device_id.unwrap().parse().unwrap());
            let mut devices: Vec<i64> = devices.collect();
            devices.sort_unstable();
            devices
        };
        let full = async || {
            let open = open_alerts(&node, &gate).await;
            open.iter().any(|alert| alert.kind == "unattributed_full")
        };
        // All devices are there; the older row of device 1 made room.
        assert_eq!(of_gate().await, (0..KEPT_PER_GATEWAY).collect::<Vec<_>>());
        assert!(full().await, "told at the line");
        // Next the oldest goes, and its alert with it.
        cry(&gate, KEPT_PER_GATEWAY).await;
        assert_eq!(of_gate().await, (1..=KEPT_PER_GATEWAY).collect::<Vec<_>>());
        let open = open_alerts(&node, &gate).await.len();
        let all = usize::try_from(KEPT_PER_GATEWAY).unwrap();
        assert_eq!(
            open,
            all + 2,
            "of each row, of the other gateway, and of the bound"
        );
    }
);

on_both_nodes!(
    noisy_gateways_push_out_their_own_and_nobody_elses,
    async |node: TestApp| {
        let cry = async |gateway: &Caller, device: i64| {
            node.pass(1);
            let body = json!({"deviceId": format!("{device}"), "relayNodeId": 5});
            node.unattributed(gateway, mqtt(&body)).await;
        };
        // The oldest of all is the quiet gateway's.
        let quiet = node.caller("quiet").await;
        cry(&quiet, 1).await;
        let gateways = KEPT_PER_APP / KEPT_PER_GATEWAY;
        let mut noisy = Vec::new();
        for n in 0..gateways {
            let caller = node.caller(&format!("noisy-{n}")).await;
            cry(&caller, n).await;
            let fill = Fill(caller.app, caller.user);
            node.store.write(Lane::Rest, fill).await.unwrap();
            noisy.push(caller);
        }
        for device in 0..20 {
            let caller = &noisy[usize::try_from(device % gateways).unwrap()];
            cry(caller, 1_000_000 + device).await;
        }
        let mut tx = node.store.read().await.unwrap();
        let rows = unattributed::page(&mut tx, quiet.app, None, 10_000).await;
        let rows = rows.unwrap();
        assert_eq!(rows.len(), usize::try_from(KEPT_PER_APP).unwrap());
        let of_quiet = rows.iter().filter(|row| row.gateway == quiet.user);
        assert_eq!(of_quiet.count(), 1, "what nobody has settled stays");
        // Nobody dealt with what made room, and its alert says so.
        let alerts = alerts::page(&mut tx, quiet.app, None, 1_000).await.unwrap();
        let mut closed = alerts.iter().filter(|alert| alert.closed_at.is_some());
        assert!(closed.clone().count() > 0);
        assert!(closed.all(|alert| alert.detail["replaced"] == true));
    }
);

on_both_nodes!(
    what_was_pushed_out_and_is_sent_again_is_kept_again,
    async |node: TestApp| {
        let gate = node.caller("gate").await;
        let time = "2026-09-09T10:00:00Z";
        let body = json!({"timestamp": time, "deviceId": "lost", "relayNodeId": 5});
        let lost = async || {
            let rows = kept(&node, &gate).await;
            let of_lost = rows
                .iter()
                .filter(|row| row.device_id.as_deref() == Some("lost"));
            of_lost.map(|row| (row.id, row.reports)).collect::<Vec<_>>()
        };
        node.unattributed(&gate, mqtt(&body)).await;
        let first = lost().await;
        node.unattributed(&gate, mqtt(&body)).await;
        assert_eq!(lost().await, first, "recognised while it is there");
        node.pass(1);
        let fill = Fill(gate.app, gate.user);
        node.store.write(Lane::Rest, fill).await.unwrap();
        let other = json!({"deviceId": "other", "relayNodeId": 5});
        node.unattributed(&gate, mqtt(&other)).await;
        assert_eq!(lost().await, [], "pushed out");
        node.pass(1);
        node.unattributed(&gate, mqtt(&body)).await;
        let again = lost().await;
        assert_eq!(again.len(), 1);
        assert_ne!(again, first);
        let open = open_alerts(&node, &gate).await;
        assert!(open.iter().any(|alert| alert.detail["device_id"] == "lost"));
        // And recognised again.
        node.unattributed(&gate, mqtt(&body)).await;
        assert_eq!(lost().await, again);
    }
);

/// As many unattributed SOS of a gateway as are kept, each of a device of its own.
struct Fill(AppUuid, UserId);

static FILL: Sql = Sql::new(
    "INSERT INTO unattributed (id, app_id, user_id, transport, flags, raw, received_at,
        last_received_at, device_key)
     VALUES ($1, $2, $3, 'mqtt', '', $4, $5, $5, $6)",
);

impl Command for Fill {
    type Output = ();
    const NAME: &'static str = "test.fill";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        for n in 0..KEPT_PER_GATEWAY {
            let id = RecordId::generate(tx.clock(), tx.entropy());
            let (now, key) = (tx.now(), n.to_string());
            let raw: &[u8] = b"{}";
            tx.execute_one(&FILL, args![id, self.0, self.1, raw, now, &key])
                .await?;
        }
        Ok(())
    }
}
