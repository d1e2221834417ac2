//! At most one open incident; updates; second cries; events.

use std::collections::HashSet;

use mayday_app::testing::TestApp;
use mayday_core::sos::State;
use mayday_store::testing::still::Still;
use serde_json::json;

use crate::harness::{NodeExt as _, http, kinds, mqtt, on_both_nodes, until};

on_both_nodes!(
    a_trigger_opens_and_is_answered_by_processed,
    async |node: TestApp| {
        let ana = node.caller("ana").await;
        let sent = "2026-09-09T10:00:01.123456Z";
        let body = json!({"timestamp": sent, "latitude": 41.4, "longitude": 2.17, "source": "button_ui",
        "clientIncidentId": "c-1"});
        let incident = node.own(&ana, mqtt(&body)).await;
        assert_eq!(incident.state, State::Active);
        assert_eq!(incident.origin.source.as_deref(), Some("button_ui"));
        let events = node.events(&ana).await;
        assert_eq!(kinds(&events), ["processed"]);
        let event = &events[0].body;
        let nobody = json!({
            "id": "emergency_contacts", "type": "emergency_contacts", "status": "skipped",
            "outcome": "skipped", "updatedAt": incident.created_at, "contacts": [],
        });
        for (name, value) in [
            ("type", json!("processed")),
            ("incidentId", json!(incident.id)),
            ("appId", json!(ana.app)),
            ("eventId", json!(events[0].event_id)),
            ("status", json!("active")),
            ("occurredAt", json!(sent)),
            ("updatedAt", json!(sent)),
            ("openedAt", json!(incident.created_at)),
            ("snapshotVersion", json!(1)),
            (
                "actuators",
                json!({"snapshotVersion": 1, "items": [nobody]}),
            ),
            ("clientIncidentId", json!("c-1")),
        ] {
            assert_eq!(event[name], value, "{name}");
        }
        assert!(!event.contains_key("userId"), "that depends on the topic");
        let rendered: serde_json::Value = serde_json::from_slice(&events[0].render("ana")).unwrap();
        assert_eq!(rendered["userId"], "ana");
        assert_eq!(node.open(&ana).await, Some(incident));
    }
);

on_both_nodes!(
    a_repeat_while_open_updates_the_same_incident,
    async |node: TestApp| {
        let ana = node.caller("ana").await;
        let first = node
            .own(
                &ana,
                mqtt(&json!({"source": "button_ui", "latitude": 1, "longitude": 1})),
            )
            .await;
        node.pass(5);
        let body = json!({"source": "remote_lora_changed", "message": "leg", "latitude": 2, "longitude": 2});
        let second = node.own(&ana, http(&body)).await;
        assert_eq!(second.id, first.id);
        assert_eq!(second.message.as_deref(), Some("leg"));
        assert_eq!(
            second.origin, first.origin,
            "origin fields are never overwritten"
        );
        assert!((second.position.unwrap().fix.latitude - 2.0).abs() < 1e-9);
        assert_eq!(second.round, 1);
        let events = node.events(&ana).await;
        assert_eq!(kinds(&events), ["processed", "processed"]);
        assert!(events[1].snapshot_version > events[0].snapshot_version);
        assert_ne!(events[1].event_id, events[0].event_id);
        assert_eq!((events[0].seq, events[1].seq), (1, 2));
    }
);

on_both_nodes!(
    more_than_ten_minutes_later_starts_a_new_round,
    async |node: TestApp| {
        let ana = node.caller("ana").await;
        let first = node.own(&ana, mqtt(&json!({}))).await;
        node.pass(600);
        assert_eq!(node.own(&ana, mqtt(&json!({}))).await.round, 1);
        node.pass(601);
        let third = node.own(&ana, mqtt(&json!({}))).await;
        assert_eq!((third.id, third.round), (first.id, 2));
    }
);

on_both_nodes!(
    after_its_end_a_trigger_opens_another,
    async |node: TestApp| {
        let ana = node.caller("ana").await;
        let first = node.own(&ana, mqtt(&json!({}))).await;
        let resolved = node.app.resolve_sos(&ana).await.unwrap().unwrap();
        assert_eq!((resolved.id, resolved.state), (first.id, State::Resolved));
        assert!(resolved.resolved_at.is_some());
        assert_eq!(node.open(&ana).await, None);
        assert_eq!(
            node.app.resolve_sos(&ana).await.unwrap(),
            None,
            "idempotent"
        );
        let second = node.own(&ana, mqtt(&json!({}))).await;
        assert_ne!(second.id, first.id);
        assert_eq!(
            kinds(&node.events(&ana).await),
            ["processed", "resolved", "processed"]
        );
    }
);

on_both_nodes!(
    events_after_a_skewed_trigger_are_told_by_the_phones_clock,
    async |node: TestApp| {
        let ana = node.caller("ana").await;
        let ahead = mayday_core::clock::Clock::now(&*node.store.clock)
            .plus(std::time::Duration::from_mins(5));
        node.own(&ana, mqtt(&json!({"timestamp": ahead.to_string()})))
            .await;
        node.pass(20);
        let open = node.open(&ana).await.unwrap();
        assert!(open.flags.shown().contains(&"clock_skew"));
        assert_eq!(
            open.updated_at, open.created_at,
            "HTTP answers carry true time"
        );
        node.app.resolve_sos(&ana).await.unwrap();
        let events = node.events(&ana).await;
        let expected = ahead.plus(std::time::Duration::from_secs(20));
        assert_eq!(events[1].body["updatedAt"], expected.to_string());
    }
);

on_both_nodes!(
    many_at_once_open_one_incident_and_number_every_event,
    async |node: TestApp| {
        let ana = node.caller("ana").await;
        let mut sent = Vec::new();
        for n in 0..24 {
            let (app, ana) = (node.app.clone(), ana.clone());
            let trigger = mqtt(&json!({"message": format!("cry {n}")}));
            sent.push(tokio::spawn(
                async move { app.trigger_sos(&ana, trigger).await },
            ));
        }
        for one in sent {
            one.await.unwrap().unwrap();
        }
        let events = node.events(&ana).await;
        let incidents: HashSet<_> = events.iter().map(|event| event.incident).collect();
        assert_eq!((events.len(), incidents.len()), (24, 1));
        for (index, event) in (1_i64..).zip(&events) {
            assert_eq!((event.seq, event.snapshot_version), (index, index));
        }
    }
);

on_both_nodes!(a_dropped_caller_does_not_abort_it, async |node: TestApp| {
    let ana = node.caller("ana").await;
    {
        let trigger = node.app.trigger_sos(&ana, mqtt(&json!({})));
        tokio::pin!(trigger);
        // Polled once, so that it was taken up, then dropped.
        tokio::select! {
            biased;
            _ = &mut trigger => {}
            () = std::future::ready(()) => {}
        }
    }
    let opened = async || node.open(&ana).await.is_some();
    until("the dropped trigger opens an incident", opened).await;
});

on_both_nodes!(
    users_of_two_apps_and_two_users_of_one_do_not_meet,
    async |node: TestApp| {
        let (ana, bo) = (node.caller("ana").await, node.caller("bo").await);
        let of_ana = node.own(&ana, mqtt(&json!({}))).await;
        assert_eq!(node.open(&bo).await, None);
        let of_bo = node.own(&bo, mqtt(&json!({}))).await;
        assert_ne!(of_ana.id, of_bo.id);
        node.app.resolve_sos(&bo).await.unwrap();
        assert_eq!(node.open(&ana).await.unwrap().id, of_ana.id);
    }
);

on_both_nodes!(
    an_earlier_cry_tells_where_the_user_was_last,
    async |node: TestApp| {
        let ana = node.caller("ana").await;
        let body = json!({"latitude": 1, "longitude": 1});
        node.own(&ana, mqtt(&body)).await;
        node.app.cancel_sos(&ana, b"").await.unwrap();
        node.pass(3);
        // A slow answer would be none.
        let _still = Still::now();
        let second = node.own(&ana, mqtt(&json!({"message": "again"}))).await;
        let position = second.position.unwrap();
        assert!((position.fix.latitude - 1.0).abs() < 1e-9);
        assert_eq!(position.source.as_str(), "last_known");
        assert!(second.flags.shown().contains(&"stale_position"));
        assert!(second.flags.shown().contains(&"no_position"));
    }
);
