//! The same trigger twice is one (contract: SOS, Redelivery).

use mayday_app::testing::TestApp;
use serde_json::json;

use crate::harness::{NodeExt as _, http, kinds, mqtt, on_both_nodes, replays};

on_both_nodes!(
    the_same_bytes_open_and_update_nothing,
    async |node: TestApp| {
        let ana = node.caller("ana").await;
        let body = json!({"timestamp": "2026-09-09T10:00:00Z", "message": "one"});
        let first = node.own(&ana, mqtt(&body)).await;
        let mut hints = node.store.commits();
        node.pass(30);
        let again = node.own(&ana, http(&body)).await;
        assert_eq!(again, first);
        let events = node.events(&ana).await;
        assert_eq!(kinds(&events), ["processed"]);
        // Whoever waits for the answer gets it again, with its first id.
        let replayed = replays(&mut hints);
        assert_eq!(replayed.len(), 1);
        assert_eq!(*replayed[0], events[0]);
    }
);

on_both_nodes!(
    after_the_end_the_terminal_event_is_published_again,
    async |node: TestApp| {
        let ana = node.caller("ana").await;
        let body = json!({"timestamp": "2026-09-09T10:00:00Z"});
        let first = node.own(&ana, mqtt(&body)).await;
        node.app.cancel_sos(&ana, b"").await.unwrap();
        let mut hints = node.store.commits();
        let again = node.own(&ana, mqtt(&body)).await;
        assert_eq!(again.id, first.id);
        assert_eq!(node.open(&ana).await, None, "it opened nothing new");
        let events = node.events(&ana).await;
        assert_eq!(kinds(&events), ["processed", "cancelled"]);
        let replayed = replays(&mut hints);
        assert_eq!(replayed.len(), 1);
        assert_eq!(replayed[0].event_id, events[1].event_id);
        assert_eq!(replayed[0].seq, 2);
    }
);

on_both_nodes!(
    a_widgets_press_is_recognised_whatever_else_changed,
    async |node: TestApp| {
        let ana = node.caller("ana").await;
        let press = |time: &str, nonce: &str| {
            mqtt(&json!({"timestamp": time, "osWidgetActivation": {
            "actionId": "sos-hold", "nonce": nonce, "timestamp": "2026-09-09T10:00:00Z"}}))
        };
        let first = node.own(&ana, press("2026-09-09T10:00:00Z", "n1")).await;
        let same = node.own(&ana, press("2026-09-09T10:00:07Z", "n1")).await;
        assert_eq!(same.triggers, first.triggers);
        let other = node.own(&ana, press("2026-09-09T10:00:07Z", "n2")).await;
        assert_eq!(other.triggers, 2);
    }
);

on_both_nodes!(
    it_is_recognised_for_a_day_and_then_forgotten,
    async |node: TestApp| {
        let ana = node.caller("ana").await;
        let body = json!({"timestamp": "2026-09-09T10:00:00Z"});
        let first = node.own(&ana, mqtt(&body)).await;
        node.app.resolve_sos(&ana).await.unwrap();
        node.pass(24 * 3600 - 1);
        assert_eq!(node.app.forget_old_triggers().await.unwrap(), 0);
        assert_eq!(node.own(&ana, mqtt(&body)).await.id, first.id);
        node.pass(1);
        assert_eq!(node.app.forget_old_triggers().await.unwrap(), 1);
        assert_ne!(node.own(&ana, mqtt(&body)).await.id, first.id);
    }
);

on_both_nodes!(
    bytes_without_time_or_nonce_are_a_new_cry_each,
    async |node: TestApp| {
        let ana = node.caller("ana").await;
        let body = json!({"message": "help"});
        node.own(&ana, mqtt(&body)).await;
        assert_eq!(node.own(&ana, mqtt(&body)).await.triggers, 2);
    }
);

on_both_nodes!(
    another_users_same_bytes_are_another_trigger,
    async |node: TestApp| {
        let (ana, bo) = (node.caller("ana").await, node.caller("bo").await);
        let body = json!({"timestamp": "2026-09-09T10:00:00Z"});
        let first = node.own(&ana, mqtt(&body)).await;
        assert_ne!(node.own(&bo, mqtt(&body)).await.id, first.id);
    }
);
