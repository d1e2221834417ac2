//! Export and erasure of a user, on both databases.

use bytes::Bytes;
use mayday_app::admin::{AdminReply, AdminRequest, DataRequest, ErasureView};
use mayday_app::jobs::Claiming;
use mayday_app::testing::{APP_ID, TestApp};
use mayday_app::{AppError, ExportCursor, ExportDocument};
use mayday_core::identity::Caller;
use mayday_core::ids::UserId;
use mayday_core::profile::ProfilePatch;
use mayday_core::transport::Transport;
use mayday_store::{Command, Lane, Sql, StoreError, Tx, args};
use serde_json::{Value, json};

use crate::harness::{NodeExt as _, mqtt, on_both_nodes};

/// What must be found nowhere once somebody is erased.
const MARKS: [&str; 4] = ["Ana Núñez", "+34600111222", "ana-42", "Fell near the ridge"];

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

async fn sample(node: &TestApp, caller: &Caller, body: &Value) {
    let body = Bytes::from(body.to_string());
    let mut ticket = node.app.submit_telemetry(caller, body, Transport::Mqtt);
    ticket.stored().await.unwrap();
}

/// A life: profile, device, contact, an SOS that was cancelled, positions, a
/// message that could not be read.
async fn live(node: &TestApp, caller: &Caller) {
    let patch = ProfilePatch {
        name: Some(MARKS[0].into()),
        phone: Some(MARKS[1].into()),
        ..ProfilePatch::default()
    };
    node.app.update_me(caller, patch).await.unwrap();
    node.device(caller, "CF:82:12:34:56:78").await;
    let cry =
        json!({"message": MARKS[3], "latitude": 41.0, "longitude": 2.0, "deviceId": "305419896"});
    node.own(caller, mqtt(&cry)).await;
    for minute in 0..5 {
        let time = format!("2026-09-09T10:0{minute}:00Z");
        sample(
            node,
            caller,
            &json!({"timestamp": time, "latitude": 41.1, "longitude": 2.1}),
        )
        .await;
    }
    sample(
        node,
        caller,
        &json!({"timestamp": "2026-08-01T10:00:00Z", "latitude": 41.1, "longitude": 2.1}),
    )
    .await;
    sample(node, caller, &json!({"latitude": MARKS[3]})).await;
}

async fn erase(node: &TestApp) -> ErasureView {
    let request = DataRequest::Erase {
        app_id: APP_ID.into(),
        external_id: "ana-42".into(),
    };
    match node.admin(AdminRequest::Data(request)).await {
        AdminReply::Erasure(view) => view,
        other => panic!("an erasure, not {other:?}"),
    }
}

/// Runs the erasure's jobs until none is left, a minute apart.
async fn settle(node: &TestApp) {
    for _ in 0..5 {
        node.pass(61);
        let jobs = node
            .app
            .claim_jobs(&["user_erase"], Claiming::up_to(10))
            .await
            .unwrap();
        for job in jobs {
            let id = job.payload["erasure"].as_str().unwrap().parse().unwrap();
            let turn = job.payload["turn"].as_u64().unwrap();
            node.app.carry_on_erasure(id, turn).await.unwrap();
            node.app.finish_job(&job).await.unwrap();
        }
    }
}

/// Copies the trails of the ended incidents, which makes a job for the last copy.
async fn copy_trails(node: &TestApp) {
    node.pass(61);
    for job in node
        .app
        .claim_jobs(&["trail_copy"], Claiming::up_to(10))
        .await
        .unwrap()
    {
        let id = |name: &str| job.payload[name].as_str().unwrap();
        let (user, incident) = (id("user").parse().unwrap(), id("incident").parse().unwrap());
        node.app.copy_trail(user, incident).await.unwrap();
        node.app.finish_job(&job).await.unwrap();
    }
}

async fn erasures(node: &TestApp) -> Vec<ErasureView> {
    let app_id = APP_ID.into();
    match node
        .admin(AdminRequest::Data(DataRequest::Erasures { app_id }))
        .await
    {
        AdminReply::Erasures { erasures } => erasures,
        other => panic!("erasures, not {other:?}"),
    }
}

/// The tables that still hold something of this user.
async fn left_of(node: &TestApp, caller: &Caller) -> Vec<String> {
    let mut found = node
        .store
        .tables_holding(caller.user.uuid().as_bytes())
        .await;
    found.extend(
        node.store
            .tables_holding(caller.user.to_string().as_bytes())
            .await,
    );
    for mark in MARKS {
        found.extend(node.store.tables_holding(mark.as_bytes()).await);
    }
    found.sort_unstable();
    found.dedup();
    found
}

on_both_nodes!(an_export_holds_everything, async |node: TestApp| {
    let ana = node.caller("ana-42").await;
    let ben = node.caller("ben").await;
    live(&node, &ana).await;
    node.device(&ben, "CF:00:00:00:00:01").await;
    node.app.resolve_sos(&ana).await.unwrap();
    let document = export(&node, &ana).await;
    let count = |section: &str| document[section].as_array().unwrap().len();
    for (section, expected) in [
        ("profile", 1),
        ("devices", 2),
        ("contacts", 0),
        ("incidents", 1),
        ("events", 2),
        ("incident_reports", 1),
        ("dead_letters", 1),
        ("telemetry", 6),
    ] {
        assert_eq!(count(section), expected, "{section}: {document:#}");
    }
    assert_eq!(document["profile"][0]["name"], MARKS[0]);
    assert_eq!(document["profile"][0]["external_user_id"], "ana-42");
    let raw = document["incident_reports"][0]["raw"].as_str().unwrap();
    assert!(raw.contains(MARKS[3]), "{raw}");
    let times: Vec<_> = document["telemetry"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["time"].as_str().unwrap())
        .collect();
    assert!(times.is_sorted(), "{times:?}");
    assert!(
        !document.to_string().contains(&ben.user.to_string()),
        "nobody else is in it"
    );
});

on_both_nodes!(
    an_export_of_many_samples_has_each_once,
    async |node: TestApp| {
        let ana = node.caller("ana-42").await;
        // More of one moment than a page holds, told apart by their events.
        for n in 0..1_100 {
            let event = format!("e{n:04}");
            sample(&node, &ana, &json!({"timestamp": "2026-09-09T10:00:00Z", "latitude": 1, "longitude": 2, "eventId": event})).await;
        }
        for n in 0..200 {
            let time = format!("2026-09-09T10:{:02}:{:02}Z", 1 + n / 60, n % 60);
            sample(
                &node,
                &ana,
                &json!({"timestamp": time, "latitude": 1, "longitude": 2}),
            )
            .await;
        }
        let document = export(&node, &ana).await;
        let samples = document["telemetry"].as_array().unwrap();
        assert_eq!(samples.len(), 1_300);
        let mut keys: Vec<_> = samples
            .iter()
            .map(|s| (s["time"].to_string(), s["event_id"].to_string()))
            .collect();
        keys.dedup();
        assert_eq!(keys.len(), 1_300);
    }
);

on_both_nodes!(
    an_open_sos_is_in_the_way_of_an_erasure,
    async |node: TestApp| {
        let ana = node.caller("ana-42").await;
        live(&node, &ana).await;
        let refused = node.app.erase_me(&ana).await;
        assert!(
            matches!(refused, Err(AppError::Conflict { .. })),
            "{refused:?}"
        );
        assert!(node.open(&ana).await.is_some());
        node.app.resolve_sos(&ana).await.unwrap();
        node.app.erase_me(&ana).await.unwrap();
    }
);

on_both_nodes!(
    an_erased_user_leaves_nothing_and_comes_back_as_another,
    async |node: TestApp| {
        let ana = node.caller("ana-42").await;
        let ben = node.caller("ben").await;
        live(&node, &ana).await;
        node.app.resolve_sos(&ana).await.unwrap();
        copy_trails(&node).await;
        assert!(
            !left_of(&node, &ana).await.is_empty(),
            "the search finds what is there"
        );
        let before = export(&node, &ben).await;
        let view = erase(&node).await;
        assert_eq!(
            (view.state.as_str(), view.requested_by.as_str()),
            ("swept", "operator")
        );
        assert!(view.rows_removed > 5);
        // At once: what is left is the bare row, the erasure and its job.
        let left = left_of(&node, &ana).await;
        assert_eq!(left, ["erasures", "users"], "right after");
        let again = node.caller("ana-42").await;
        assert_ne!(again.user, ana.user);
        let fresh = export(&node, &again).await;
        assert_eq!(fresh["profile"][0]["name"], Value::Null);
        for section in ["incidents", "telemetry", "dead_letters", "devices"] {
            assert_eq!(fresh[section], json!([]), "{section}");
        }
        settle(&node).await;
        let mut left = node.store.tables_holding(ana.user.uuid().as_bytes()).await;
        left.extend(
            node.store
                .tables_holding(ana.user.to_string().as_bytes())
                .await,
        );
        assert_eq!(left, Vec::<String>::new(), "in the end");
        let listed = erasures(&node).await;
        assert_eq!((listed.len(), listed[0].state.as_str()), (1, "over"));
        assert!(listed[0].completed_at.is_some());
        assert_eq!(
            export(&node, &ben).await["telemetry"],
            before["telemetry"],
            "nobody else's went"
        );
    }
);

on_both_nodes!(
    what_was_under_way_goes_with_the_last_round,
    async |node: TestApp| {
        let ana = node.caller("ana-42").await;
        live(&node, &ana).await;
        node.app.resolve_sos(&ana).await.unwrap();
        node.app.erase_me(&ana).await.unwrap();
        // A connection that is not cut yet.
        sample(
            &node,
            &ana,
            &json!({"timestamp": "2026-09-09T10:00:30Z", "latitude": 1, "longitude": 2}),
        )
        .await;
        let patch = ProfilePatch {
            name: Some(MARKS[0].into()),
            ..ProfilePatch::default()
        };
        node.app.update_me(&ana, patch).await.unwrap();
        settle(&node).await;
        assert_eq!(left_of(&node, &ana).await, Vec::<String>::new());
    }
);

on_both_nodes!(
    a_cry_on_a_dying_connection_is_heard_and_stays_until_it_ended,
    async |node: TestApp| {
        let ana = node.caller("ana-42").await;
        node.app.erase_me(&ana).await.unwrap();
        let incident = node.own(&ana, mqtt(&json!({"message": MARKS[3]}))).await;
        settle(&node).await;
        assert_eq!(node.open(&ana).await.unwrap().id, incident.id);
        node.app.resolve_sos(&ana).await.unwrap();
        settle(&node).await;
        assert_eq!(left_of(&node, &ana).await, Vec::<String>::new());
    }
);

on_both_nodes!(
    a_cry_after_all_is_gone_is_the_new_users,
    async |node: TestApp| {
        let ana = node.caller("ana-42").await;
        node.app.erase_me(&ana).await.unwrap();
        settle(&node).await;
        // As on a node that has not seen the erasure.
        let incident = node.own(&ana, mqtt(&json!({"message": MARKS[3]}))).await;
        assert_ne!(incident.user, ana.user);
        let again = node.caller("ana-42").await;
        assert_eq!(incident.user, again.user);
        assert_eq!(node.open(&again).await.unwrap().id, incident.id);
        let recheck = node.app.recheck(&ana).await;
        assert!(
            matches!(recheck, Err(AppError::Unauthorized)),
            "{recheck:?}"
        );
        node.app.recheck(&again).await.unwrap();
    }
);

on_both_nodes!(a_relayed_sos_outlives_its_gateway, async |node: TestApp| {
    let ana = node.caller("ana-42").await;
    let ben = node.caller("ben").await;
    node.device(&ben, "305419896").await;
    let cry = json!({"deviceId": "305419896", "relayNodeId": 7, "relayHardwareId": MARKS[2]});
    let relayed = node.relayed(&ana, mqtt(&cry)).await;
    let lost = json!({"deviceId": "99", "relayNodeId": 7, "relayHardwareId": MARKS[2]});
    node.unattributed(&ana, mqtt(&lost)).await;
    node.app.erase_me(&ana).await.unwrap();
    settle(&node).await;
    let open = node.open(&ben).await.expect("ben's SOS is still open");
    assert_eq!(open.id, relayed.id);
    // The SOS of nobody stays, and with it the bare row of who relayed it.
    let left = left_of(&node, &ana).await;
    assert_eq!(left, ["unattributed", "users"]);
    assert!(
        node.store
            .tables_holding(MARKS[2].as_bytes())
            .await
            .is_empty()
    );
});

on_both_nodes!(
    an_sos_that_is_relayed_again_after_its_owners_erasure_is_heard_anew,
    async |node: TestApp| {
        let ana = node.caller("ana-42").await;
        node.device(&ana, "305419896").await;
        let ben = node.caller("ben").await;
        let cry = json!({"deviceId": "305419896", "relayNodeId": 7});
        node.relayed(&ben, mqtt(&cry)).await;
        node.app.cancel_sos(&ana, b"{}").await.unwrap();
        node.app.erase_me(&ana).await.unwrap();
        settle(&node).await;
        // The device is nobody's now.
        node.unattributed(&ben, mqtt(&cry)).await;
        node.unattributed(&ben, mqtt(&cry)).await;
    }
);

/// Hides every incident of a user, as from whoever holds the phone.
struct Hide(UserId);

static HIDE: Sql = Sql::new("UPDATE incidents SET hidden = $2 WHERE user_id = $1");

impl Command for Hide {
    type Output = ();
    const NAME: &'static str = "test.hide";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        tx.execute(&HIDE, args![self.0, true]).await.map(|_| ())
    }
}

on_both_nodes!(
    what_is_hidden_shows_in_no_section_of_an_export,
    async |node: TestApp| {
        let ana = node.caller("ana-42").await;
        live(&node, &ana).await;
        let incident = node.open(&ana).await.unwrap();
        node.app.cancel_sos(&ana, b"{}").await.unwrap();
        copy_trails(&node).await;
        let id = incident.id.to_string();
        let shown = export(&node, &ana).await;
        for section in [
            "incidents",
            "events",
            "incident_reports",
            "cancels",
            "telemetry",
        ] {
            assert!(shown[section].to_string().contains(&id), "{section}");
        }
        node.store.write(Lane::Rest, Hide(ana.user)).await.unwrap();
        let hidden = export(&node, &ana).await;
        for (section, rows) in hidden.as_object().unwrap() {
            assert!(!rows.to_string().contains(&id), "{section}: {rows:#}");
        }
        // The samples are the person's all the same.
        assert_eq!(
            hidden["telemetry"].as_array().unwrap().len(),
            shown["telemetry"].as_array().unwrap().len()
        );
    }
);
