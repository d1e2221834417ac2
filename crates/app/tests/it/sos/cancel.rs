//! Cancelling (contract: SOS, Cancel).

use mayday_app::admin::AdminRequest;
use mayday_app::testing::{APP_ID, TestApp};
use mayday_app::{AppError, CancelReceipt};
use mayday_core::identity::{Caller, CancelPolicy};
use mayday_core::sos::{Incident, State};
use mayday_store::alerts;
use mayday_store::incidents::recorded_cancels;
use serde_json::{Value, json};

use crate::harness::{NodeExt as _, ended, flags, kinds, mqtt, on_both_nodes};

async fn cancel(node: &TestApp, caller: &Caller, body: Value) -> Result<CancelReceipt, AppError> {
    let body = body.to_string();
    node.app.cancel_sos(caller, body.as_bytes()).await
}

async fn own(node: &TestApp, caller: &Caller, body: Value) -> Incident {
    match cancel(node, caller, body).await {
        Ok(CancelReceipt::Own(incident)) => *incident,
        other => panic!("an own incident, not {other:?}"),
    }
}

async fn foreign(node: &TestApp, caller: &Caller, body: Value) -> Incident {
    match cancel(node, caller, body).await {
        Ok(CancelReceipt::Foreign(incident)) => *incident,
        other => panic!("a foreign incident, not {other:?}"),
    }
}

fn is_nothing(answer: &Result<CancelReceipt, AppError>) -> bool {
    matches!(answer, Ok(CancelReceipt::Nothing))
}

fn is_unknown_device(answer: &Result<CancelReceipt, AppError>) -> bool {
    matches!(answer, Err(AppError::Validation { unprocessable: true, fields, .. })
        if fields[0].pointer == "/deviceId")
}

fn is_conflict(answer: &Result<CancelReceipt, AppError>) -> bool {
    matches!(answer, Err(AppError::Conflict { .. }))
}

on_both_nodes!(
    without_a_device_it_is_the_callers_own_and_idempotent,
    async |node: TestApp| {
        let ana = node.caller("ana").await;
        assert!(is_nothing(&node.app.cancel_sos(&ana, b"").await));
        node.own(&ana, mqtt(&json!({}))).await;
        let cancelled = own(&node, &ana, json!({"reason": "false alarm"})).await;
        assert_eq!(ended(&cancelled), Some(State::Cancelled));
        assert!(cancelled.cancelled_at.is_some());
        assert!(is_nothing(&cancel(&node, &ana, json!({})).await));
        let events = node.events(&ana).await;
        assert_eq!(kinds(&events), ["processed", "cancelled"]);
        assert_eq!(events[1].body["status"], "cancelled");
        assert_eq!(events[1].body["cancelledAt"], json!(cancelled.cancelled_at));
    }
);

on_both_nodes!(
    a_body_that_is_no_object_is_refused_and_changes_nothing,
    async |node: TestApp| {
        let ana = node.caller("ana").await;
        node.own(&ana, mqtt(&json!({}))).await;
        for body in [&b"{"[..], b"[]", b"{\"deviceId\":[]}"] {
            let answer = node.app.cancel_sos(&ana, body).await;
            let refused = matches!(
                answer,
                Err(AppError::Validation {
                    unprocessable: false,
                    ..
                })
            );
            assert!(refused, "{answer:?}");
        }
        assert!(node.open(&ana).await.is_some());
    }
);

on_both_nodes!(
    the_owner_cancels_by_any_text_of_a_device_that_is_involved,
    async |node: TestApp| {
        let texts = ["305419896", "CF:82:12", "cf:82:12"];
        for (n, text) in texts.into_iter().enumerate() {
            let ana = node.caller(&format!("ana-{n}")).await;
            let (device, hardware) = (format!("{n}-305419896"), format!("{n}-CF:82:12"));
            node.own(
                &ana,
                mqtt(&json!({"deviceId": device, "hardwareId": hardware})),
            )
            .await;
            let cancelled = own(&node, &ana, json!({"deviceId": format!("{n}-{text}")})).await;
            assert_eq!(ended(&cancelled), Some(State::Cancelled), "{text}");
        }
        let bo = node.caller("bo").await;
        node.device(&bo, "42").await;
        node.own(&bo, mqtt(&json!({"originatorNodeId": 42}))).await;
        own(&node, &bo, json!({"deviceId": "42"})).await;
    }
);

on_both_nodes!(
    every_device_that_a_trigger_named_cancels_it,
    async |node: TestApp| {
        let ana = node.caller("ana").await;
        node.device(&ana, "w3").await;
        for later in [
            json!({"deviceId": "D2", "hardwareId": "H2"}),
            json!({"hardwareId": "w3"}),
            json!({"deviceId": "Meshtastic_2b"}),
        ] {
            node.pass(1);
            node.own(&ana, mqtt(&json!({"deviceId": "d1", "hardwareId": "h1"})))
                .await;
            node.own(&ana, mqtt(&later)).await;
            node.own(&ana, mqtt(&json!({"deviceId": "d1"}))).await;
            let text = later["deviceId"].as_str().unwrap_or("W3").to_lowercase();
            own(&node, &ana, json!({"deviceId": text})).await;
        }
        // By the other text of a device, and by a device of an earlier trigger.
        node.pass(1);
        node.own(&ana, mqtt(&json!({"deviceId": "d1"}))).await;
        node.own(&ana, mqtt(&json!({"deviceId": "d2"}))).await;
        own(&node, &ana, json!({"deviceId": "h2"})).await;
        node.pass(1);
        node.own(&ana, mqtt(&json!({"deviceId": "w3"}))).await;
        let conflict = cancel(&node, &ana, json!({"deviceId": "d2"})).await;
        assert!(is_conflict(&conflict), "of an earlier incident");
    }
);

on_both_nodes!(
    of_very_many_named_devices_the_last_ones_count,
    async |node: TestApp| {
        let ana = node.caller("ana").await;
        for n in 0..=257 {
            // A friendly name is not registered: only the incident knows it.
            let named = json!({"deviceId": format!("Meshtastic_{n}")});
            node.own(&ana, mqtt(&named)).await;
        }
        let second = json!({"deviceId": "Meshtastic_1"});
        assert!(is_unknown_device(&cancel(&node, &ana, second).await));
        own(&node, &ana, json!({"deviceId": "Meshtastic_2"})).await;
    }
);

on_both_nodes!(
    a_relayed_cry_gives_no_right_over_what_others_cried,
    async |node: TestApp| {
        let (ana, gate) = (node.caller("ana").await, node.caller("gate").await);
        for (device, relayed) in [
            ("w2", json!({"deviceId": "w2", "relayNodeId": 7})),
            ("77", json!({"originatorNodeId": 77, "relayNodeId": 7})),
        ] {
            node.device(&ana, "w1").await;
            node.device(&ana, device).await;
            node.own(&ana, mqtt(&json!({"deviceId": "w1"}))).await;
            node.relayed(&gate, mqtt(&relayed)).await;
            let marked = foreign(&node, &gate, json!({"deviceId": device})).await;
            assert_eq!(ended(&marked), None, "{device}");
            own(&node, &ana, json!({})).await;
        }
        // Nor over what another gateway relayed, whoever was first.
        let eve = node.caller("eve").await;
        let relayed = |node_id: u32| mqtt(&json!({"deviceId": "w2", "relayNodeId": node_id}));
        for (first, second) in [(&gate, &eve), (&eve, &gate)] {
            node.relayed(first, relayed(1)).await;
            node.relayed(second, relayed(2)).await;
            for by in [first, second] {
                let marked = foreign(&node, by, json!({"deviceId": "w2"})).await;
                assert_eq!(ended(&marked), None);
            }
            own(&node, &ana, json!({})).await;
        }
    }
);

on_both_nodes!(
    an_own_incident_that_recorded_it_is_never_422,
    async |node: TestApp| {
        let ana = node.caller("ana").await;
        // A friendly name is recorded, but cannot be registered.
        node.own(&ana, mqtt(&json!({"deviceId": "Meshtastic_1aa8"})))
            .await;
        let named = json!({"deviceId": "meshtastic_1AA8"});
        own(&node, &ana, named.clone()).await;
        assert!(is_nothing(&cancel(&node, &ana, named).await), "said again");
        assert!(is_unknown_device(
            &cancel(&node, &ana, json!({"deviceId": "other"})).await
        ));
    }
);

on_both_nodes!(
    an_open_incident_that_does_not_involve_the_device_is_409,
    async |node: TestApp| {
        let (ana, bo) = (node.caller("ana").await, node.caller("bo").await);
        node.device(&ana, "77").await;
        let named = json!({"deviceId": "77"});
        assert!(is_nothing(&cancel(&node, &ana, named.clone()).await));
        node.own(&ana, mqtt(&json!({}))).await;
        assert!(is_conflict(&cancel(&node, &ana, named.clone()).await));
        assert!(is_conflict(&cancel(&node, &bo, named).await));
        assert!(is_unknown_device(
            &cancel(&node, &bo, json!({"deviceId": "78"})).await
        ));
        assert!(node.open(&ana).await.is_some());
    }
);

on_both_nodes!(
    the_gateway_that_alone_relayed_it_may_cancel_it,
    async |node: TestApp| {
        let (ana, gate) = (node.caller("ana").await, node.caller("gate").await);
        node.device(&ana, "77").await;
        for _ in 0..2 {
            node.relayed(&gate, mqtt(&json!({"deviceId": "77", "relayNodeId": 5})))
                .await;
        }
        let cancelled = foreign(&node, &gate, json!({"deviceId": "77"})).await;
        assert_eq!(ended(&cancelled), Some(State::Cancelled));
        assert_eq!(
            kinds(&node.events(&ana).await),
            ["processed", "processed", "cancelled"]
        );
    }
);

on_both_nodes!(
    anybody_else_only_leaves_a_mark_that_operators_see,
    async |node: TestApp| {
        let (ana, eve) = (node.caller("ana").await, node.caller("eve").await);
        node.device(&ana, "77").await;
        node.own(
            &ana,
            mqtt(&json!({"deviceId": "77", "latitude": 1, "longitude": 2})),
        )
        .await;
        for _ in 0..2 {
            let marked = foreign(&node, &eve, json!({"deviceId": "77"})).await;
            assert_eq!(
                (ended(&marked), flags(&marked)),
                (None, vec!["cancel_requested"])
            );
        }
        let open = node.open(&ana).await.unwrap();
        assert_eq!(flags(&open), ["cancel_requested"]);
        assert_eq!(kinds(&node.events(&ana).await), ["processed"]);
        let mut tx = node.store.read().await.unwrap();
        let told = alerts::page(&mut tx, ana.app, None, 10).await.unwrap();
        assert_eq!(told.len(), 1, "told once");
        assert_eq!(
            (told[0].kind.as_str(), told[0].incident),
            ("cancel_requested", Some(open.id))
        );
        drop(tx);
        // The end of the incident closes the matter.
        node.app.resolve_sos(&ana).await.unwrap();
        let mut tx = node.store.read().await.unwrap();
        let told = alerts::page(&mut tx, ana.app, None, 10).await.unwrap();
        assert!(told[0].closed_at.is_some());
    }
);

on_both_nodes!(
    the_policy_can_widen_it_to_any_user_of_the_app,
    async |node: TestApp| {
        let (ana, bo) = (node.caller("ana").await, node.caller("bo").await);
        node.device(&ana, "77").await;
        node.own(&ana, mqtt(&json!({"deviceId": "77"}))).await;
        let policy = AdminRequest::AppSetPolicy {
            app_id: APP_ID.to_owned(),
            require_expiring: None,
            cancel: Some(CancelPolicy::AnyUser),
            cancel_signature: None,
        };
        node.admin(policy).await;
        let cancelled = foreign(&node, &bo, json!({"deviceId": "77"})).await;
        assert_eq!(ended(&cancelled), Some(State::Cancelled));
    }
);

on_both_nodes!(
    a_contested_device_in_the_own_incident_cancels_the_own_one,
    async |node: TestApp| {
        let (ana, bo) = (node.caller("ana").await, node.caller("bo").await);
        node.device(&ana, "77").await;
        node.pass(1);
        node.device(&bo, "77").await;
        node.own(&ana, mqtt(&json!({"deviceId": "77"}))).await;
        node.own(&bo, mqtt(&json!({"deviceId": "77"}))).await;
        let cancelled = own(&node, &bo, json!({"deviceId": "77"})).await;
        assert_eq!(cancelled.user, bo.user);
        assert!(node.open(&ana).await.is_some());
    }
);

on_both_nodes!(
    what_was_said_is_recorded_without_the_pin,
    async |node: TestApp| {
        let (ana, eve) = (node.caller("ana").await, node.caller("eve").await);
        let opened = node.own(&ana, mqtt(&json!({"deviceId": "77"}))).await;
        foreign(&node, &eve, json!({"deviceId": "77", "signature": "0815"})).await;
        node.pass(1);
        own(
            &node,
            &ana,
            json!({"signature": "4711", "reason": "burnt toast"}),
        )
        .await;
        let mut tx = node.store.read().await.unwrap();
        let said = recorded_cancels(&mut tx, opened.id).await.unwrap();
        let told: Vec<_> = said.iter().map(|r| (r.by, r.effective, &r.said)).collect();
        let (of_eve, of_ana) = (json!({"deviceId": "77"}), json!({"reason": "burnt toast"}));
        assert_eq!(
            told,
            [(eve.user, false, &of_eve), (ana.user, true, &of_ana)]
        );
    }
);

on_both_nodes!(
    the_device_that_the_cry_was_sent_with_cancels_it,
    async |node: TestApp| {
        let long = format!(r#"{{"deviceId":"{}"}}"#, "L".repeat(129));
        let bodies = [
            long.as_str(),
            r#"{"deviceId":"a\u0000b"}"#,
            r#"{"deviceId":"\ud800"}"#,
            r#"{"reason":"\ud800"}"#,
        ];
        for (n, body) in bodies.into_iter().enumerate() {
            let ana = node.caller(&format!("ana{n}")).await;
            let open = node.own(&ana, crate::harness::raw(body.as_bytes())).await;
            match node.app.cancel_sos(&ana, body.as_bytes()).await {
                Ok(CancelReceipt::Own(ended)) => assert_eq!(ended.id, open.id),
                other => panic!("{body}: {other:?}"),
            }
        }
    }
);
