//! `/v1/partner`: the caller is an app's backend with its key.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Method, Request};
use futures_util::stream;
use mayday_app::admin::{AdminReply, AdminRequest, PartnerKeyRequest};
use mayday_app::testing::APP_ID;
use mayday_http::HttpSettings;
use serde_json::{Value, json};

use super::described::Described;
use crate::harness::{Answer, Server};

const END: &str = "/v1/partner/sessions/end";
const OPERATION: &str = "POST /v1/partner/sessions/end";

/// More failures than a minute may have before they are limited.
const FLOOD: usize = 60;

pub(super) async fn answers(described: &mut Described) {
    let server = Server::with(HttpSettings {
        body_timeout: Duration::from_millis(10),
        ..HttpSettings::default()
    })
    .await;
    let (key, id) = partner_key(&server).await;
    server.user("ana").get("/v1/sdk/me").await.body(200);
    for user in ["ana", "nobody"] {
        let ended = ask(&server, &key, json!({"user": user})).await;
        assert_eq!(described.saw(OPERATION, 200, &ended)["ended"], 0);
    }
    for odd in [json!({"user": ""}), json!({}), json!({"user": 7})] {
        described.saw(OPERATION, 400, &ask(&server, &key, odd).await);
    }
    let large = Body::from(vec![b' '; 300_000]);
    described.saw(OPERATION, 413, &send(&server, &key, large).await);
    let stalled = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
    described.saw(OPERATION, 408, &send(&server, &key, stalled).await);
    let ana = || json!({"user": "ana"});
    described.saw(OPERATION, 401, &ask(&server, "pk_wrong", ana()).await);
    for _ in 0..FLOOD {
        ask(&server, "pk_wrong", ana()).await;
    }
    described.saw(OPERATION, 429, &ask(&server, "pk_wrong", ana()).await);
    described.saw(OPERATION, 200, &ask(&server, &key, ana()).await);
    server.node.store.clock.advance(Duration::from_mins(2));
    let revoke = PartnerKeyRequest::Revoke {
        app_id: APP_ID.to_owned(),
        key_id: id,
    };
    let (second, _) = partner_key(&server).await;
    server.node.admin(AdminRequest::PartnerKey(revoke)).await;
    described.saw(OPERATION, 401, &ask(&server, &key, ana()).await);
    server.node.fail_commits(true);
    described.saw(OPERATION, 503, &ask(&server, &second, ana()).await);
    server.node.break_commits();
    described.saw(OPERATION, 500, &ask(&server, &second, ana()).await);
}

async fn partner_key(server: &Server) -> (String, String) {
    let create = PartnerKeyRequest::Create {
        app_id: APP_ID.to_owned(),
        name: None,
        replaces_within_hours: None,
    };
    match server.node.admin(AdminRequest::PartnerKey(create)).await {
        AdminReply::PartnerKeyCreated { key, secret } => (secret.0, key.key_id.to_string()),
        other => panic!("a key, not {other:?}"),
    }
}

async fn ask(server: &Server, key: &str, body: Value) -> Answer {
    send(server, key, Body::from(body.to_string())).await
}

async fn send(server: &Server, key: &str, body: Body) -> Answer {
    let request = Request::builder()
        .method(Method::POST)
        .uri(END)
        .header("authorization", format!("Bearer {key}"))
        .body(body);
    server.send(request.unwrap()).await
}
