//! Whatever is nested in a cry hides no incident.

use mayday_app::admin::{AdminReply, AdminRequest, IncidentRequest, PageRequest};
use mayday_app::testing::{APP_ID, TestApp};
use mayday_app::{ExportCursor, ExportDocument};
use mayday_core::identity::Caller;
use mayday_core::ids::IncidentId;
use mayday_core::sos::Incident;
use mayday_store::{Command, Lane, Sql, StoreError, Tx, args};
use serde_json::{Value, json};

use crate::harness::{NodeExt as _, flags, mqtt, on_both_nodes, raw};

/// An object of so many objects within one another.
fn nested(depth: usize) -> String {
    let inner = depth.saturating_sub(1);
    format!("{}{{}}{}", r#"{"a":"#.repeat(inner), "}".repeat(inner))
}

/// What the owner and operators do with an incident, from a second cry to its end.
async fn live_through(node: &TestApp, ana: &Caller, opened: IncidentId) -> Incident {
    let again = node.own(ana, mqtt(&json!({"message": "still here"}))).await;
    assert_eq!((again.id, again.triggers), (opened, 2));
    node.app.listen_to_phones().await.unwrap();
    let listed = node.admin(AdminRequest::Incident(IncidentRequest::List {
        app_id: APP_ID.to_owned(),
        only_open: true,
        page: PageRequest::default(),
    }));
    match listed.await {
        AdminReply::Incidents(page) => assert_eq!(page.items.len(), 1),
        other => panic!("incidents, not {other:?}"),
    }
    let cancel = format!(r#"{{"reason":"toast","x":{}}}"#, nested(127));
    node.app.cancel_sos(ana, cancel.as_bytes()).await.unwrap();
    assert_eq!(node.open(ana).await, None);
    let mut history = node.app.sos_history(ana, 10, None).await.unwrap();
    let only = history.items.pop().unwrap();
    assert!(history.items.is_empty());
    let export = export(node, ana).await;
    assert_eq!(export["incidents"][0]["id"], opened.to_string());
    assert_eq!(export["cancels"][0]["body"], json!({"reason": "toast"}));
    only.incident
}

/// The whole export of a user.
async fn export(node: &TestApp, caller: &Caller) -> Value {
    let (mut document, mut text) = ExportDocument::begin(node.app.now());
    let mut cursor = Some(ExportCursor::default());
    while let Some(at) = cursor {
        let page = node.app.export_me(caller, &at).await.unwrap();
        text.push_str(&document.page(&page));
        cursor = page.next;
    }
    serde_json::from_str(&text).unwrap()
}

on_both_nodes!(
    a_cry_that_is_nested_too_deep_is_heard_without_it,
    async |node: TestApp| {
        for depth in [9, 126, 127, 128] {
            let name = format!("ana-{depth}");
            let (ana, gate) = (node.caller(&name).await, node.caller("gate").await);
            let device = format!("{depth}");
            node.device(&ana, &device).await;
            let cry = format!(
                r#"{{"deviceId":"{device}","relayNodeId":5,"deviceBattery":{0},
                "deviceCoverage":{0},"mobileCoverage":{0},"latitude":41,"longitude":2}}"#,
                nested(depth)
            );
            let opened = node.relayed(&gate, raw(cry.as_bytes())).await;
            assert_eq!(opened.user, ana.user);
            assert!(flags(&opened).contains(&"malformed_payload"), "{depth}");
            let ended = live_through(&node, &ana, opened.id).await;
            assert_eq!(ended.opening.latitude, Some(41.0));
            assert_eq!(ended.opening.device_battery, None);
        }
    }
);

static SPOIL: Sql = Sql::new("UPDATE incidents SET opening = $2 WHERE id = $1");

/// What an earlier mayday stored of a cry.
struct Spoil(IncidentId, String);

impl Command for Spoil {
    type Output = ();
    const NAME: &'static str = "test.spoil";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        tx.execute_one(&SPOIL, args![self.0, &self.1]).await
    }
}

on_both_nodes!(
    what_was_stored_too_deep_before_hides_no_incident,
    async |node: TestApp| {
        for (name, spoilt) in [("ana", true), ("ben", false)] {
            let user = node.caller(name).await;
            let cry = json!({"latitude": 41, "longitude": 2, "mobileBattery": 71});
            let opened = node.own(&user, mqtt(&cry)).await;
            let text = serde_json::to_string(&opened.opening).unwrap();
            let deep = text.replace(
                r#""deviceBattery":null"#,
                &format!(r#""deviceBattery":{}"#, nested(127)),
            );
            assert!(serde_json::from_str::<Value>(&deep).is_err());
            let stored = if spoilt { deep } else { "gone".to_owned() };
            let spoil = Spoil(opened.id, stored);
            node.store.write(Lane::Rest, spoil).await.unwrap();
            assert_eq!(node.open(&user).await.unwrap().id, opened.id);
            let ended = live_through(&node, &user, opened.id).await;
            if spoilt {
                assert_eq!(ended.opening, opened.opening, "all but the battery");
            } else {
                assert_eq!(ended.opening.id.uuid(), opened.id.uuid());
            }
        }
    }
);
