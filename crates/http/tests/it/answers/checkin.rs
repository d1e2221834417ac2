//! `/v1/sdk/checkin`.

use std::time::Duration;

use serde_json::{Value, json};

use super::described::Described;
use crate::harness::Server;

const PATH: &str = "/v1/sdk/checkin";
const SHOW: &str = "GET /v1/sdk/checkin";
const START: &str = "POST /v1/sdk/checkin";
const STOP: &str = "DELETE /v1/sdk/checkin";

pub(super) async fn answers(described: &mut Described) {
    let server = Server::start().await;
    let ana = server.user("ana");
    let none = described.saw(SHOW, 200, &ana.get(PATH).await);
    assert_eq!(none["checkin"], Value::Null);
    for minutes in [json!(null), json!(0), json!(1_441), json!(1.5), json!("30")] {
        let answer = ana.post(PATH, json!({"minutes": minutes})).await;
        let refused = described.saw(START, 400, &answer);
        assert_eq!(refused["error"]["fields"][0]["pointer"], "/minutes");
    }
    let bare = ana.post(PATH, json!({"minutes": 1_440})).await;
    described.saw(START, 200, &bare);
    let body = json!({"minutes": 30, "message": "By the river"});
    let started = described.saw(START, 200, &ana.post(PATH, body).await);
    assert_eq!(started["checkin"]["dueAt"], "2026-09-09T10:30:00.000Z");
    server.node.store.clock.advance(Duration::from_mins(10));
    let shown = described.saw(SHOW, 200, &ana.get(PATH).await);
    assert_eq!(shown, started);
    for _ in 0..2 {
        described.saw(STOP, 204, &ana.delete(PATH).await);
    }
    let gone = described.saw(SHOW, 200, &ana.get(PATH).await);
    assert_eq!(gone["checkin"], Value::Null);
}
