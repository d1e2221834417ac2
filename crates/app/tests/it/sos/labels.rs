//! A text that many people's devices share, a friendly name or a blank one, draws
//! nobody's SOS and nobody's telemetry.

use bytes::Bytes;
use mayday_app::CancelReceipt;
use mayday_app::admin::{AdminReply, AdminRequest, PageRequest};
use mayday_app::testing::{APP_ID, TestApp};
use mayday_core::clock::Clock as _;
use mayday_core::identity::Caller;
use mayday_core::ids::DeviceId;
use mayday_core::transport::Transport;
use mayday_store::{Command, Lane, Sql, StoreError, Tx, args, devices, unattributed};
use serde_json::{Value, json};

use crate::harness::{NodeExt as _, mqtt, on_both_nodes};

const FRIENDLY: &str = "Meshtastic_1aa8";
const SHARED: [&str; 4] = [FRIENDLY, " meshtastic_1AA8 ", "  ", "unknown"];

/// Both texts of a device, in both orders.
fn in_both_orders(shared: &str, own: &str) -> [Value; 2] {
    [
        json!({"deviceId": shared, "hardwareId": own}),
        json!({"deviceId": own, "hardwareId": shared}),
    ]
}

/// Every shared text in both orders, each with a number.
fn cases() -> impl Iterator<Item = (usize, &'static str, bool)> {
    let cases = SHARED
        .into_iter()
        .flat_map(|text| [(text, false), (text, true)]);
    cases
        .enumerate()
        .map(|(n, (text, swapped))| (n, text, swapped))
}

/// Publishes a sample with these members and expects that it is kept as the caller's.
async fn samples_of_own(node: &TestApp, caller: &Caller, naming: &Value) {
    node.pass(1);
    let now = node.store.clock.now().to_string();
    let mut body = json!({"timestamp": now, "latitude": 41.5, "longitude": 2.25});
    for (name, value) in naming.as_object().unwrap() {
        body[name] = value.clone();
    }
    let body = Bytes::from(body.to_string());
    let mut ticket = node.app.submit_telemetry(caller, body, Transport::Mqtt);
    ticket.stored().await.unwrap();
    let latest = node.app.latest_position(caller.user).await.unwrap();
    assert_eq!(latest.map(|at| at.time.to_string()), Some(now), "{naming}");
}

on_both_nodes!(
    a_shared_text_is_not_learnt_and_draws_nothing,
    async |node: TestApp| {
        for (n, shared, swapped) in cases() {
            let (own, other) = (format!("CF:82:{n}"), format!("77{n}"));
            let ana = node.caller(&format!("ana-{n}")).await;
            let ben = node.caller(&format!("ben-{n}")).await;
            // Registered by the phone beforehand, and by the SOS itself.
            if n % 4 < 2 {
                node.device(&ana, &own).await;
            }
            let body = &in_both_orders(shared, &own)[usize::from(swapped)];
            let hers = node.own(&ana, mqtt(body)).await;
            let listed = node.app.devices(&ana).await.unwrap();
            assert_eq!(listed.len(), 1, "{body}");
            assert_eq!(
                (listed[0].hardware_id.as_str(), &listed[0].alias),
                (own.as_str(), &None)
            );
            // Ben's node has the same label.
            for naming in [
                json!({"deviceId": shared}),
                json!({"hardwareId": shared}),
                in_both_orders(shared, &other)[usize::from(swapped)].clone(),
            ] {
                let his = node.own(&ben, mqtt(&naming)).await;
                assert_eq!(his.user, ben.user, "{naming}");
                assert_ne!(his.id, hers.id);
            }
            samples_of_own(&node, &ben, &json!({"hardwareId": shared})).await;
            samples_of_own(
                &node,
                &ben,
                &json!({"deviceId": other, "hardwareId": shared}),
            )
            .await;
            assert_eq!(node.open(&ana).await.unwrap().triggers, 1);
            assert_eq!(node.app.latest_position(ana.user).await.unwrap(), None);
        }
    }
);

on_both_nodes!(
    a_relay_by_a_shared_text_is_for_operators_unless_it_says_more,
    async |node: TestApp| {
        let (ana, gate) = (node.caller("ana").await, node.caller("gate").await);
        node.own(
            &ana,
            mqtt(&json!({"deviceId": FRIENDLY, "hardwareId": "CF:82"})),
        )
        .await;
        for shared in SHARED {
            let relay = json!({"deviceId": shared, "relayNodeId": 5});
            node.unattributed(&gate, mqtt(&relay)).await;
            let relay = json!({"deviceId": shared, "hardwareId": "CF:82", "relayNodeId": 5});
            assert_eq!(node.relayed(&gate, mqtt(&relay)).await.user, ana.user);
        }
    }
);

on_both_nodes!(
    two_nodes_of_one_label_that_a_gateway_hears_are_two,
    async |node: TestApp| {
        let gate = node.caller("gate").await;
        for node_id in [1, 2, 1] {
            let relay =
                json!({"deviceId": FRIENDLY, "originatorNodeId": node_id, "relayNodeId": 5});
            node.unattributed(&gate, mqtt(&relay)).await;
        }
        let mut tx = node.store.read().await.unwrap();
        let rows = unattributed::page(&mut tx, gate.app, None, 10)
            .await
            .unwrap();
        let reports: Vec<i64> = rows.iter().map(|row| row.reports).collect();
        assert_eq!(reports, [1, 2]);
    }
);

on_both_nodes!(
    relays_under_a_placeholder_are_never_counted_together,
    async |node: TestApp| {
        let gate = node.caller("gate").await;
        for latitude in [1, 2] {
            let relay = json!({"deviceId": "unknown", "latitude": latitude, "longitude": 2,
                "relayNodeId": 5});
            node.unattributed(&gate, mqtt(&relay)).await;
        }
        let mut tx = node.store.read().await.unwrap();
        let rows = unattributed::page(&mut tx, gate.app, None, 10)
            .await
            .unwrap();
        assert_eq!(rows.len(), 2);
    }
);

on_both_nodes!(
    a_true_identifier_beside_the_node_id_is_learnt_as_before,
    async |node: TestApp| {
        let gate = node.caller("gate").await;
        for (n, registered) in [false, true].into_iter().enumerate() {
            let ana = node.caller(&format!("ana-{n}")).await;
            let (hardware, node_id) = (format!("CF:82:{n}"), 305_419_896 + n);
            if registered {
                node.device(&ana, &hardware).await;
            }
            let both = json!({"deviceId": node_id.to_string(), "hardwareId": hardware});
            node.own(&ana, mqtt(&both)).await;
            for relay in [
                json!({"deviceId": hardware.to_lowercase(), "relayNodeId": 5}),
                json!({"originatorNodeId": node_id, "relayNodeId": 5}),
            ] {
                assert_eq!(node.relayed(&gate, mqtt(&relay)).await.user, ana.user);
            }
            samples_of_own(&node, &ana, &both).await;
        }
        // The same text twice is one text, and leaves room for another.
        let bo = node.caller("bo").await;
        node.own(&bo, mqtt(&json!({"deviceId": "AB", "hardwareId": "ab"})))
            .await;
        node.own(&bo, mqtt(&json!({"deviceId": "AB", "hardwareId": "cd"})))
            .await;
        let listed = node.app.devices(&bo).await.unwrap();
        assert_eq!((listed.len(), listed[0].alias.as_deref()), (1, Some("cd")));
    }
);

/// Gives a device the alias that earlier releases learnt.
struct Plant(DeviceId, &'static str);

static PLANT: Sql = Sql::new(
    "UPDATE devices SET alias = $2, alias_key = $3, aliased_at = created_at WHERE id = $1",
);

impl Command for Plant {
    type Output = ();
    const NAME: &'static str = "test.plant";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let key = mayday_core::device::device_key(self.1);
        tx.execute_one(&PLANT, args![self.0, self.1, &key]).await
    }
}

/// A device that has learnt a shared text.
async fn plant(node: &TestApp, caller: &Caller, hardware_id: &str, alias: &'static str) {
    let device = node.device(caller, hardware_id).await;
    let planted = node.store.write(Lane::Rest, Plant(device.id, alias)).await;
    planted.unwrap();
}

on_both_nodes!(an_old_alias_draws_nothing, async |node: TestApp| {
    for (n, shared) in SHARED.into_iter().enumerate() {
        let [ana, ben] = [format!("ana-{n}"), format!("ben-{n}")];
        let (ana, ben) = (node.caller(&ana).await, node.caller(&ben).await);
        let (hers, his) = (format!("CF:82:{n}"), format!("CF:83:{n}"));
        plant(&node, &ana, &hers, shared).await;
        let mut tx = node.store.read().await.unwrap();
        let owner = devices::owner_of(&mut tx, ana.app, shared).await.unwrap();
        assert_eq!(owner, None, "{shared:?}");
        drop(tx);
        for naming in [json!({"deviceId": shared}), json!({"hardwareId": shared})] {
            node.own(&ben, mqtt(&naming)).await;
        }
        samples_of_own(&node, &ben, &json!({"hardwareId": shared})).await;
        assert_eq!(node.open(&ana).await, None);
        // Nor does it keep what she relays of his.
        node.device(&ben, &his).await;
        for relay in in_both_orders(shared, &his) {
            assert_eq!(node.relayed(&ana, mqtt(&relay)).await.user, ben.user);
        }
        // A text that identifies the device takes its place.
        let node_id = format!("30541989{n}");
        let both = json!({"deviceId": node_id, "hardwareId": hers});
        node.own(&ana, mqtt(&both)).await;
        let relay = json!({"deviceId": node_id, "relayNodeId": 5});
        assert_eq!(node.relayed(&ben, mqtt(&relay)).await.user, ana.user);
    }
});

on_both_nodes!(
    a_friendly_name_cancels_the_own_incident_as_before,
    async |node: TestApp| {
        let (ana, ben) = (node.caller("ana").await, node.caller("ben").await);
        let named = json!({"deviceId": FRIENDLY}).to_string();
        let cancel = async || node.app.cancel_sos(&ana, named.as_bytes()).await.unwrap();
        let both = json!({"deviceId": FRIENDLY, "hardwareId": "CF:82"});
        plant(&node, &ben, "CF:83", FRIENDLY).await;
        let of_ben = node.own(&ben, mqtt(&json!({"deviceId": "CF:83"}))).await;
        node.own(&ana, mqtt(&both)).await;
        assert!(matches!(cancel().await, CancelReceipt::Own(_)));
        assert!(
            matches!(cancel().await, CancelReceipt::Nothing),
            "said again"
        );
        // By the alias of an earlier release, which the incident did not record.
        plant(&node, &ana, "CF:82", FRIENDLY).await;
        node.pass(1);
        node.own(&ana, mqtt(&json!({"hardwareId": "CF:82"}))).await;
        assert!(matches!(cancel().await, CancelReceipt::Own(_)));
        assert!(
            matches!(cancel().await, CancelReceipt::Nothing),
            "said again"
        );
        let open = node.open(&ben).await.unwrap();
        assert_eq!((open.id, open.flags), (of_ben.id, of_ben.flags));
    }
);

on_both_nodes!(
    a_decision_about_a_device_undoes_none_about_another_of_its_label,
    async |node: TestApp| {
        for (name, device) in [("ana", "CF:82"), ("ben", "CF:83")] {
            let caller = node.caller(name).await;
            plant(&node, &caller, device, FRIENDLY).await;
            let assign = AdminRequest::DeviceAssign {
                app_id: APP_ID.to_owned(),
                external_id: name.to_owned(),
                device: device.to_owned(),
            };
            node.admin(assign).await;
        }
        let list = AdminRequest::DeviceList {
            app_id: APP_ID.to_owned(),
            contested: false,
            page: PageRequest {
                limit: None,
                cursor: None,
            },
        };
        let AdminReply::Devices(page) = node.admin(list).await else {
            panic!("devices");
        };
        assert_eq!(page.items.len(), 2);
        assert!(page.items.iter().all(|device| device.assigned_at.is_some()));
    }
);
