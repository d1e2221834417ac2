//! Contract: Telemetry and devices, the registry.

use mayday_app::AppError;
use mayday_app::admin::{AdminReply, AdminRequest, DeviceView, PageRequest};
use mayday_app::testing::{APP_ID, TestApp};
use mayday_core::device::{DeviceDraft, MAX_DEVICES_PER_USER, Ownership};
use mayday_core::identity::Caller;
use mayday_core::ids::DeviceId;
use mayday_core::transport::Transport;
use mayday_store::{alerts, devices};
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
    of_claims_in_the_same_microsecond_the_first_external_id_counts,
    async |node: TestApp| {
        // Whoever asks first: the clock stands still.
        for (n, names) in [["bo", "ana", "cy"], ["cy", "bo", "ana"]]
            .iter()
            .enumerate()
        {
            let device = format!("tie-{n}");
            for name in names {
                node.device(&node.caller(name).await, &device).await;
            }
            let (ana, mut tx) = (node.caller("ana").await, node.store.read().await.unwrap());
            let owner = devices::owner_of(&mut tx, ana.app, &device).await.unwrap();
            assert_eq!(owner.unwrap().user, ana.user, "{names:?}");
        }
    }
);

/// Asks for the decision that a device is a user's.
async fn assign(node: &TestApp, user: &str, device: &str) -> Result<DeviceView, String> {
    let request = AdminRequest::DeviceAssign {
        app_id: APP_ID.to_owned(),
        external_id: user.to_owned(),
        device: device.to_owned(),
    };
    match node.app.admin(request).await {
        Ok(AdminReply::Device(device)) => Ok(device),
        Ok(other) => panic!("a device, not {other:?}"),
        Err(error) => Err(error.to_string()),
    }
}

/// The devices of the app as administrators see them: identifier, user, ownership.
async fn listed(node: &TestApp, contested: bool, limit: u32) -> Vec<(String, String, String)> {
    let (mut found, mut cursor) = (Vec::new(), None);
    loop {
        let request = AdminRequest::DeviceList {
            app_id: APP_ID.to_owned(),
            contested,
            page: PageRequest {
                limit: Some(limit),
                cursor,
            },
        };
        let AdminReply::Devices(page) = node.admin(request).await else {
            panic!("devices");
        };
        let items = page.items.into_iter();
        found.extend(items.map(|d| (d.hardware_id, d.external_user_id, d.ownership)));
        cursor = page.next_cursor;
        if cursor.is_none() {
            return found;
        }
    }
}

fn row(device: &str, user: &str, ownership: &str) -> (String, String, String) {
    (device.to_owned(), user.to_owned(), ownership.to_owned())
}

/// The open alerts about contested devices.
async fn open_alerts(node: &TestApp, caller: &Caller) -> usize {
    let mut tx = node.store.read().await.unwrap();
    let told = alerts::page(&mut tx, caller.app, None, 100).await.unwrap();
    told.iter()
        .filter(|alert| alert.closed_at.is_none())
        .count()
}

on_both_nodes!(
    an_administrator_decides_whose_a_contested_device_is,
    async |node: TestApp| {
        let (ana, bo) = (node.caller("ana").await, node.caller("bo").await);
        let gate = node.caller("gate").await;
        node.device(&ana, "77").await;
        node.pass(1);
        node.device(&bo, "77").await;
        node.device(&bo, "88").await;
        assert_eq!(open_alerts(&node, &ana).await, 1);
        let both = [row("77", "ana", "owner"), row("77", "bo", "contested")];
        let mut contested = listed(&node, true, 1).await;
        contested.sort();
        assert_eq!(contested, both);
        assert_eq!(listed(&node, false, 2).await.len(), 3);

        // Samples that the gateway relays for it are remembered as ana's.
        let sample = |second: u32| {
            let body = json!({"timestamp": format!("2026-09-09T10:00:{second:02}Z"),
                "latitude": 1, "longitude": 2, "deviceId": "77", "relayNodeId": 5});
            node.app
                .submit_telemetry(&gate, body.to_string().into(), Transport::Mqtt)
        };
        sample(1).stored().await.unwrap();
        let decided = assign(&node, "bo", " 77").await.unwrap();
        assert_eq!(decided.ownership, "owner");
        assert!(decided.assigned_at.is_some());
        sample(2).stored().await.unwrap();
        for caller in [&ana, &bo] {
            assert!(
                node.app
                    .latest_position(caller.user)
                    .await
                    .unwrap()
                    .is_some()
            );
        }
        let relay = json!({"deviceId": "77", "relayNodeId": 1});
        assert_eq!(node.relayed(&gate, mqtt(&relay)).await.user, bo.user);
        assert_eq!(open_alerts(&node, &ana).await, 0, "it is decided");
        // The one it was decided against goes on listing it, as phones do.
        node.pass(1);
        assert_eq!(
            node.device(&ana, "77").await.ownership,
            Ownership::Contested
        );
        assert_eq!(open_alerts(&node, &ana).await, 0);
        // Who claims it now contests the decision.
        node.device(&gate, "77").await;
        assert_eq!(open_alerts(&node, &ana).await, 1);
        // The next decision replaces it.
        assign(&node, "ana", "77").await.unwrap();
        let of_bo = node.app.devices(&bo).await.unwrap();
        let replaced = of_bo.iter().find(|device| device.hardware_id == "77");
        assert_eq!(replaced.unwrap().ownership, Ownership::Contested);
        assert_eq!(open_alerts(&node, &ana).await, 0);
        // It ends when the device is removed.
        let of_ana = node.app.devices(&ana).await.unwrap();
        node.app.remove_device(&ana, of_ana[0].id).await.unwrap();
        let owners = listed(&node, true, 100).await;
        assert!(owners.contains(&row("77", "bo", "owner")), "{owners:?}");
    }
);

on_both_nodes!(
    a_decision_is_for_somebody_who_lists_the_device,
    async |node: TestApp| {
        let (ana, _) = (node.caller("ana").await, node.caller("bo").await);
        node.device(&ana, "77").await;
        let told = assign(&node, "bo", "77").await.unwrap_err();
        assert!(told.contains("does not list"), "{told}");
        let told = assign(&node, "nobody", "77").await.unwrap_err();
        assert!(told.contains("no user nobody"), "{told}");
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
