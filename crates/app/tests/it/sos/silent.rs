//! An open incident without sign of life is raised to operators, never closed.

use bytes::Bytes;
use mayday_app::testing::TestApp;
use mayday_core::ids::IncidentId;
use mayday_core::transport::Transport;
use mayday_store::{Command, Lane, Sql, StoreError, Tx, alerts, args};
use serde_json::json;

use crate::harness::{NodeExt as _, mqtt, on_both_nodes};

const DAY: u64 = 24 * 3600;

on_both_nodes!(
    after_a_day_of_silence_operators_are_told_once,
    async |node: TestApp| {
        let ana = node.caller("ana").await;
        node.own(&ana, mqtt(&json!({}))).await;
        node.pass(DAY - 1);
        assert_eq!(node.app.raise_silent_incidents().await.unwrap(), 0);
        node.pass(1);
        assert_eq!(node.app.raise_silent_incidents().await.unwrap(), 1);
        assert_eq!(node.app.raise_silent_incidents().await.unwrap(), 0);
        assert!(node.open(&ana).await.is_some(), "never closed silently");
        let told = |closed: bool| {
            let node = &node;
            let app = ana.app;
            async move {
                let mut tx = node.store.read().await.unwrap();
                let found = alerts::page(&mut tx, app, None, 10).await.unwrap();
                found
                    .iter()
                    .filter(|a| a.kind == "silent_incident" && a.closed_at.is_some() == closed)
                    .count()
            }
        };
        assert_eq!(told(false).await, 1);
        // A new cry is a sign of life; silence after it is raised again.
        node.own(&ana, mqtt(&json!({}))).await;
        assert_eq!((told(false).await, told(true).await), (0, 1));
        node.pass(DAY);
        assert_eq!(node.app.raise_silent_incidents().await.unwrap(), 1);
        assert_eq!(told(false).await, 1);
    }
);

on_both_nodes!(telemetry_is_a_sign_of_life, async |node: TestApp| {
    let ana = node.caller("ana").await;
    node.own(&ana, mqtt(&json!({}))).await;
    node.pass(DAY - 60);
    let sample = json!({"timestamp": "2026-09-10T09:59:00Z", "latitude": 1, "longitude": 2});
    let body = Bytes::from(sample.to_string());
    let mut ticket = node.app.submit_telemetry(&ana, body, Transport::Mqtt);
    ticket.stored().await.unwrap();
    node.pass(120);
    assert_eq!(node.app.raise_silent_incidents().await.unwrap(), 0);
    node.pass(DAY);
    assert_eq!(node.app.raise_silent_incidents().await.unwrap(), 1);
});

static SPOIL: Sql = Sql::new("UPDATE incidents SET actuators = $2 WHERE id = $1");

/// Makes an incident's row one that cannot be read.
struct Spoil(IncidentId);

impl Command for Spoil {
    type Output = ();
    const NAME: &'static str = "test.spoil";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        tx.execute_one(&SPOIL, args![self.0, "spoilt"]).await
    }
}

on_both_nodes!(
    an_incident_that_cannot_be_read_keeps_no_other_waiting,
    async |node: TestApp| {
        let (ana, ben) = (node.caller("ana").await, node.caller("ben").await);
        let first = node.own(&ana, mqtt(&json!({}))).await.id;
        node.pass(1);
        node.own(&ben, mqtt(&json!({}))).await;
        node.store.write(Lane::Rest, Spoil(first)).await.unwrap();
        node.pass(DAY);
        node.app.raise_silent_incidents().await.unwrap_err();
        let mut tx = node.store.read().await.unwrap();
        let told = alerts::page(&mut tx, ben.app, None, 10).await.unwrap();
        let silent = told.iter().filter(|alert| alert.kind == "silent_incident");
        let users: Vec<_> = silent.map(|alert| alert.user).collect();
        assert_eq!(users, [Some(ben.user)]);
    }
);
