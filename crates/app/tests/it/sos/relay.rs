//! Own devices, relays, and relays of nobody's device.

use mayday_app::testing::TestApp;
use mayday_store::{alerts, devices, unattributed};
use serde_json::json;

use crate::harness::{NodeExt as _, flags, kinds, mqtt, on_both_nodes};

on_both_nodes!(
    an_unknown_own_device_is_registered_under_both_texts,
    async |node: TestApp| {
        let ana = node.caller("ana").await;
        let body = json!({"deviceId": "305419896", "hardwareId": "CF:82:12", "latitude": 1, "longitude": 2});
        let incident = node.own(&ana, mqtt(&body)).await;
        assert_eq!(flags(&incident), ["unknown_device"]);
        let listed = node.app.devices(&ana).await.unwrap();
        assert_eq!(listed.len(), 1);
        assert_eq!(listed[0].hardware_id, "305419896");
        assert_eq!(listed[0].alias.as_deref(), Some("CF:82:12"));
        assert_eq!(listed[0].hardware_model.as_deref(), Some("EIXAM R1"));
        assert_eq!(listed[0].firmware_version.as_deref(), Some("unknown"));
        let mut tx = node.store.read().await.unwrap();
        for text in ["305419896", "cf:82:12"] {
            let owner = devices::owner_of(&mut tx, ana.app, text).await.unwrap();
            assert_eq!(owner.unwrap().user, ana.user, "{text}");
        }
        drop(tx);
        // Known by now, under either text.
        node.app.resolve_sos(&ana).await.unwrap();
        let body = json!({"hardwareId": "cf:82:12", "latitude": 1, "longitude": 2});
        assert!(flags(&node.own(&ana, mqtt(&body)).await).is_empty());
        assert_eq!(node.app.devices(&ana).await.unwrap().len(), 1);
    }
);

on_both_nodes!(
    the_owner_of_a_relayed_sos_is_told_by_the_owners_clock,
    async |node: TestApp| {
        let (ana, gate) = (node.caller("ana").await, node.caller("gate").await);
        node.device(&ana, "D1").await;
        let told = async || {
            let event = node.events(&ana).await.pop().unwrap();
            ["occurredAt", "updatedAt"].map(|name| event.body[name].clone())
        };
        // The gateway's clock is five minutes ahead, the owner's is right.
        let ahead = "2026-09-09T10:05:00Z";
        let relay = json!({"timestamp": ahead, "deviceId": "D1", "relayNodeId": 1});
        node.relayed(&gate, mqtt(&relay)).await;
        assert_eq!(told().await, [ahead, "2026-09-09T10:00:00.000Z"]);
        // The owner's is five minutes behind, the gateway's is right.
        let behind = "2026-09-09T09:55:00.000Z";
        node.own(&ana, mqtt(&json!({"timestamp": behind}))).await;
        assert_eq!(told().await, [behind, behind]);
        let right = "2026-09-09T10:00:00Z";
        let relay = json!({"timestamp": right, "deviceId": "D1", "relayNodeId": 1});
        node.relayed(&gate, mqtt(&relay)).await;
        assert_eq!(told().await, [right, behind]);
        // The owner's phone tells no time.
        node.own(&ana, mqtt(&json!({"message": "help"}))).await;
        assert_eq!(told().await, ["2026-09-09T10:00:00.000Z", behind]);
    }
);

on_both_nodes!(
    a_hardware_id_alone_or_a_friendly_name_is_handled,
    async |node: TestApp| {
        let (ana, bo) = (node.caller("ana").await, node.caller("bo").await);
        node.own(&ana, mqtt(&json!({"hardwareId": "CF:82:12"})))
            .await;
        assert_eq!(
            node.app.devices(&ana).await.unwrap()[0].hardware_id,
            "CF:82:12"
        );
        let body = json!({"deviceId": "Meshtastic_1aa8", "latitude": 1, "longitude": 2});
        let incident = node.own(&bo, mqtt(&body)).await;
        assert_eq!(flags(&incident), ["unknown_device"]);
        assert!(node.app.devices(&bo).await.unwrap().is_empty());
    }
);

on_both_nodes!(
    a_listed_device_learns_its_other_text,
    async |node: TestApp| {
        let ana = node.caller("ana").await;
        node.device(&ana, "305419896").await;
        node.own(
            &ana,
            mqtt(&json!({"deviceId": "305419896", "hardwareId": "CF:82:12"})),
        )
        .await;
        let listed = node.app.devices(&ana).await.unwrap();
        assert_eq!(
            (listed.len(), listed[0].alias.as_deref()),
            (1, Some("CF:82:12"))
        );
    }
);

on_both_nodes!(
    an_alias_never_takes_somebody_elses_device,
    async |node: TestApp| {
        let (ana, eve) = (node.caller("ana").await, node.caller("eve").await);
        node.device(&ana, "victim").await;
        node.device(&eve, "mine").await;
        node.own(
            &eve,
            mqtt(&json!({"deviceId": "mine", "hardwareId": "victim"})),
        )
        .await;
        assert_eq!(node.app.devices(&eve).await.unwrap()[0].alias, None);
        let mut tx = node.store.read().await.unwrap();
        let owner = devices::owner_of(&mut tx, ana.app, "victim").await.unwrap();
        assert_eq!(owner.unwrap().user, ana.user);
    }
);

on_both_nodes!(
    a_relay_is_the_owners_incident_and_its_events_go_to_the_owner,
    async |node: TestApp| {
        let (ana, gate) = (node.caller("ana").await, node.caller("gate").await);
        node.device(&ana, "2271560481").await;
        let body = json!({"deviceId": "2271560481", "originatorNodeId": 2_271_560_481_u32,
        "relayNodeId": 5, "source": "remote_lora_relay", "owner": "external"});
        let incident = node.relayed(&gate, mqtt(&body)).await;
        assert_eq!(incident.user, ana.user);
        assert_eq!(incident.origin.relay_node_id, Some(5));
        assert_eq!(node.open(&ana).await.unwrap().id, incident.id);
        assert_eq!(node.open(&gate).await, None);
        assert_eq!(kinds(&node.events(&ana).await), ["processed"]);
        assert!(node.events(&gate).await.is_empty());
        assert!(node.app.devices(&gate).await.unwrap().is_empty());
    }
);

on_both_nodes!(each_relay_mark_makes_a_relay, async |node: TestApp| {
    let gate = node.caller("gate").await;
    let marks = [
        json!({"relayNodeId": 5}),
        json!({"source": "remote_relay"}),
        json!({"triggerSource": "remote_lora"}),
        json!({"relaySource": "external_lora"}),
        json!({"source": "external_relay"}),
        // No mark, but a device of somebody else.
        json!({}),
    ];
    for (n, mark) in marks.into_iter().enumerate() {
        let (name, device) = (format!("owner-{n}"), format!("device-{n}"));
        let owner = node.caller(&name).await;
        node.device(&owner, &device).await;
        let mut body = mark.clone();
        body["deviceId"] = json!(device);
        assert_eq!(
            node.relayed(&gate, mqtt(&body)).await.user,
            owner.user,
            "{mark}"
        );
    }
});

on_both_nodes!(
    a_device_that_the_sender_lists_too_is_the_senders_unless_marked,
    async |node: TestApp| {
        let (ana, bo) = (node.caller("ana").await, node.caller("bo").await);
        node.device(&ana, "shared").await;
        node.pass(1);
        node.device(&bo, "SHARED").await;
        let own = node.own(&bo, mqtt(&json!({"deviceId": "shared"}))).await;
        assert_eq!(own.user, bo.user);
        let relayed = node
            .relayed(&bo, mqtt(&json!({"deviceId": "shared", "relayNodeId": 1})))
            .await;
        assert_eq!(relayed.user, ana.user);
    }
);

on_both_nodes!(
    a_node_id_alone_finds_the_owner_and_is_recorded_as_its_device,
    async |node: TestApp| {
        let (ana, gate) = (node.caller("ana").await, node.caller("gate").await);
        node.device(&ana, "42").await;
        let body = json!({"originatorNodeId": 42, "relayNodeId": 5});
        let incident = node.relayed(&gate, mqtt(&body)).await;
        assert_eq!(
            (incident.user, incident.device_id.as_deref()),
            (ana.user, Some("42"))
        );
    }
);

on_both_nodes!(
    a_relay_of_an_unknown_device_is_kept_for_operators,
    async |node: TestApp| {
        let (gate, other) = (node.caller("gate").await, node.caller("other").await);
        node.device(&other, "known").await;
        let bodies = [
            json!({"timestamp": "2026-09-09T10:00:00Z", "deviceId": "77", "relayNodeId": 5}),
            // Without deviceId and originatorNodeId it is one of an unknown device.
            json!({"timestamp": "2026-09-09T10:00:00Z", "hardwareId": "known", "relayNodeId": 5}),
            json!({"timestamp": "2026-09-09T10:00:00Z", "source": "remote_lora_relay"}),
        ];
        for body in &bodies {
            node.pass(1);
            node.unattributed(&gate, mqtt(body)).await;
            node.unattributed(&gate, mqtt(body)).await;
        }
        assert_eq!(
            node.open(&gate).await,
            None,
            "not opened on the gateway's user"
        );
        assert_eq!(node.open(&other).await, None);
        let mut tx = node.store.read().await.unwrap();
        let kept = unattributed::page(&mut tx, gate.app, None, 10)
            .await
            .unwrap();
        assert_eq!(kept.len(), bodies.len(), "each once");
        assert_eq!(kept[2].raw, bodies[0].to_string().into_bytes());
        assert_eq!(kept[2].device_id.as_deref(), Some("77"));
        let told = alerts::page(&mut tx, gate.app, None, 10).await.unwrap();
        assert_eq!(told.len(), bodies.len());
        assert!(told.iter().all(|alert| alert.kind == "unattributed_sos"));
    }
);

on_both_nodes!(
    sent_again_after_registration_it_becomes_the_owners,
    async |node: TestApp| {
        let (ana, gate) = (node.caller("ana").await, node.caller("gate").await);
        let body = json!({"timestamp": "2026-09-09T10:00:00Z", "deviceId": "77", "relayNodeId": 5});
        node.unattributed(&gate, mqtt(&body)).await;
        node.device(&ana, "77").await;
        let incident = node.relayed(&gate, mqtt(&body)).await;
        assert_eq!(incident.user, ana.user);
        let mut tx = node.store.read().await.unwrap();
        let kept = unattributed::page(&mut tx, gate.app, None, 10)
            .await
            .unwrap();
        assert_eq!(kept[0].incident, Some(incident.id));
        let told = alerts::page(&mut tx, gate.app, None, 10).await.unwrap();
        assert!(told[0].closed_at.is_some());
    }
);

on_both_nodes!(
    a_relay_updates_the_owners_open_incident,
    async |node: TestApp| {
        let (ana, gate) = (node.caller("ana").await, node.caller("gate").await);
        node.device(&ana, "77").await;
        let own = node.own(&ana, mqtt(&json!({"source": "button_ui"}))).await;
        let body = json!({"deviceId": "77", "relayNodeId": 5, "source": "remote_lora_relay"});
        let relayed = node.relayed(&gate, mqtt(&body)).await;
        assert_eq!((relayed.id, relayed.triggers), (own.id, 2));
        assert_eq!(
            relayed.origin, own.origin,
            "the client drops its own SOS when it turns external"
        );
        assert_eq!(relayed.device_id.as_deref(), Some("77"));
    }
);
