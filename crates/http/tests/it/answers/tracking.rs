//! `/v1/public/sos/{token}`.

use axum::body::Body;
use axum::http::Request;
use serde_json::json;

use super::described::Described;
use crate::harness::Server;
use crate::tracking::support::{Cry, get, post_json};

const SHOW: &str = "GET /v1/public/sos/{token}";
const WRITES: [(&str, &str); 2] = [
    ("acknowledge", "POST /v1/public/sos/{token}/acknowledge"),
    ("decline", "POST /v1/public/sos/{token}/decline"),
];
/// More unknown links than a minute may have.
const FLOOD: usize = 40;

pub(super) async fn answers(described: &mut Described) {
    let server = Server::start().await;
    let cry = Cry::new(&server).await;
    get(&server, &cry.json()).await.body(200);
    let shown = get(&server, &cry.json()).await;
    described.saw(SHOW, 200, &shown);
    let request = Request::get(cry.json())
        .header("if-none-match", shown.header("etag").unwrap())
        .body(Body::empty())
        .unwrap();
    described.saw(SHOW, 304, &server.send(request).await);
    let unknown = format!("/v1/public/sos/{:032x}", 1);
    described.saw(SHOW, 404, &get(&server, &unknown).await);
    for (verb, operation) in WRITES {
        let path = format!("{}/{verb}", cry.json());
        let answered = post_json(&server, &path, json!({"name": "Ben"})).await;
        described.saw(operation, 200, &answered);
        let nowhere = post_json(&server, &format!("{unknown}/{verb}"), json!({})).await;
        described.saw(operation, 404, &nowhere);
    }
    cry.ana
        .post("/v1/sdk/sos/cancel", json!({}))
        .await
        .body(200);
    for (verb, operation) in WRITES {
        let late = post_json(&server, &format!("{}/{verb}", cry.json()), json!({})).await;
        described.saw(operation, 409, &late);
    }
    for _ in 0..FLOOD {
        get(&server, &unknown).await;
    }
    described.saw(SHOW, 429, &get(&server, &unknown).await);
    for (verb, operation) in WRITES {
        let limited = post_json(&server, &format!("{unknown}/{verb}"), json!({})).await;
        described.saw(operation, 429, &limited);
    }
    failures(described).await;
}

/// 503 and 500: the answer cannot be stored.
async fn failures(described: &mut Described) {
    let server = Server::start().await;
    let cry = Cry::new(&server).await;
    for (verb, operation) in WRITES {
        let path = format!("{}/{verb}", cry.json());
        server.node.fail_commits(true);
        let failed = post_json(&server, &path, json!({})).await;
        described.saw(operation, 503, &failed);
        server.node.break_commits();
        let broken = post_json(&server, &path, json!({})).await;
        described.saw(operation, 500, &broken);
    }
}
