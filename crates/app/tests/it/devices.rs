//! Contract: Telemetry and devices, the registry.

use mayday_app::AppError;
use mayday_app::testing::TestApp;
use mayday_core::device::{DeviceDraft, MAX_DEVICES_PER_USER, Ownership};
use mayday_core::ids::DeviceId;
use mayday_store::alerts;
use serde_json::{Value, json};

use crate::harness::{NodeExt as _, mqtt, on_both_nodes};

fn draft(body: &Value) -> DeviceDraft {
    DeviceDraft::parse(body.as_object().unwrap()).unwrap()
}

on_both_nodes!(
    registering_again_renews_the_same_device,
    async |node: TestApp| {
        let ana = node.caller("ana").await;
        let first = draft(
            &json!({"hardware_id": "CF:82", "firmware_version": "1", "paired_at": "2026-09-09T09:00:00Z"}),
        );
        let first = node.app.register_device(&ana, first).await.unwrap();
        node.pass(5);
        let again = draft(&json!({"hardware_id": "cf:82", "hardware_model": "R1"}));
        let again = node.app.register_device(&ana, again).await.unwrap();
        assert_eq!((again.id, again.created_at), (first.id, first.created_at));
        assert_eq!(again.hardware_id, "cf:82", "as given");
        assert!(again.updated_at > first.updated_at);
        assert_eq!(again.firmware_version.as_deref(), Some("1"));
        assert_eq!(again.hardware_model.as_deref(), Some("R1"));
        assert_eq!(again.paired_at, first.paired_at);
        assert_eq!(node.app.devices(&ana).await.unwrap(), [again]);
    }
);

on_both_nodes!(
    a_later_claim_is_contested_and_inherits_on_removal,
    async |node: TestApp| {
        let (ana, bo, gate) = (
            node.caller("ana").await,
            node.caller("bo").await,
            node.caller("gate").await,
        );
        let first = node.device(&ana, "77").await;
        node.pass(1);
        let later = node.device(&bo, "77").await;
        assert_eq!(first.ownership, Ownership::Owner);
        assert_eq!(later.ownership, Ownership::Contested);
        assert_eq!(
            node.app.devices(&bo).await.unwrap()[0].ownership,
            Ownership::Contested
        );
        let mut tx = node.store.read().await.unwrap();
        let told = alerts::page(&mut tx, ana.app, None, 10).await.unwrap();
        assert_eq!((told.len(), told[0].kind.as_str()), (1, "contested_device"));
        drop(tx);
        let relay = json!({"deviceId": "77", "relayNodeId": 1});
        assert_eq!(node.relayed(&gate, mqtt(&relay)).await.user, ana.user);
        node.app.remove_device(&ana, first.id).await.unwrap();
        assert_eq!(
            node.app.devices(&bo).await.unwrap()[0].ownership,
            Ownership::Owner
        );
        assert_eq!(node.relayed(&gate, mqtt(&relay)).await.user, bo.user);
        let mut tx = node.store.read().await.unwrap();
        let told = alerts::page(&mut tx, ana.app, None, 10).await.unwrap();
        assert!(told[0].closed_at.is_some());
        drop(tx);
        // Who lists it anew comes last.
        node.pass(1);
        assert_eq!(
            node.device(&ana, "77").await.ownership,
            Ownership::Contested
        );
    }
);

on_both_nodes!(
    only_the_own_registration_can_be_removed,
    async |node: TestApp| {
        let (ana, bo) = (node.caller("ana").await, node.caller("bo").await);
        let device = node.device(&ana, "77").await;
        let missing =
            |answer: &Result<(), AppError>| matches!(answer, Err(AppError::NotFound { .. }));
        assert!(missing(&node.app.remove_device(&bo, device.id).await));
        assert!(missing(
            &node
                .app
                .remove_device(&ana, DeviceId(uuid::Uuid::nil()))
                .await
        ));
        node.app.remove_device(&ana, device.id).await.unwrap();
        assert!(missing(&node.app.remove_device(&ana, device.id).await));
        assert!(node.app.devices(&ana).await.unwrap().is_empty());
    }
);

on_both_nodes!(
    a_user_lists_so_many_and_an_sos_goes_through_all_the_same,
    async |node: TestApp| {
        let ana = node.caller("ana").await;
        for n in 0..MAX_DEVICES_PER_USER {
            node.device(&ana, &format!("device-{n}")).await;
        }
        let one_more = draft(&json!({"hardware_id": "one more"}));
        match node.app.register_device(&ana, one_more).await {
            Err(AppError::Validation { fields, .. }) => {
                assert_eq!(fields[0].pointer, "/hardware_id");
            }
            other => panic!("{other:?}"),
        }
        let incident = node.own(&ana, mqtt(&json!({"deviceId": "one more"}))).await;
        assert!(incident.flags.shown().contains(&"unknown_device"));
        assert_eq!(
            node.app.devices(&ana).await.unwrap().len(),
            MAX_DEVICES_PER_USER
        );
    }
);

on_both_nodes!(apps_do_not_share_devices, async |node: TestApp| {
    let ana = node.caller("ana").await;
    node.device(&ana, "77").await;
    mayday_app::testing::create_app(&node.app, "other").await;
    let mut tx = node.store.read().await.unwrap();
    let apps = mayday_core::ids::AppUuid(uuid::Uuid::nil());
    let owner = mayday_store::devices::owner_of(&mut tx, apps, "77")
        .await
        .unwrap();
    assert_eq!(owner, None);
});
