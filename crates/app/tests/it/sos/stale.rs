//! What a stale but genuine proof may do (contract: Identity).

use mayday_app::testing::TestApp;
use mayday_core::device::DeviceDraft;
use mayday_core::ids::DeviceId;
use serde_json::{Map, json};

use crate::harness::{NodeExt as _, is_unauthorized, mqtt, on_both_nodes, stale};

on_both_nodes!(
    it_triggers_updates_and_reads_and_nothing_else,
    async |node: TestApp| {
        let full = node.caller("ana").await;
        let ana = stale(&full);
        let opened = node.own(&ana, mqtt(&json!({}))).await;
        let updated = node.own(&ana, mqtt(&json!({"message": "m"}))).await;
        assert_eq!(updated.id, opened.id);
        assert_eq!(node.open(&ana).await.unwrap().id, opened.id);
        let app = &node.app;
        assert!(is_unauthorized(&app.cancel_sos(&ana, b"{}").await));
        assert!(is_unauthorized(&app.resolve_sos(&ana).await));
        assert!(is_unauthorized(&app.sos_history(&ana, 20, None).await));
        assert!(is_unauthorized(&app.devices(&ana).await));
        let mut draft = Map::new();
        draft.insert("hardware_id".into(), json!("1"));
        let draft = DeviceDraft::parse(&draft).unwrap();
        assert!(is_unauthorized(&app.register_device(&ana, draft).await));
        let id = DeviceId(uuid::Uuid::nil());
        assert!(is_unauthorized(&app.remove_device(&ana, id).await));
        assert!(node.open(&full).await.is_some(), "still open");
    }
);
