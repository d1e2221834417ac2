//! `/v1/sdk/network/psk`.

use std::time::Duration;

use mayday_app::admin::{
    AdminReply, AdminRequest, NetworkKeyRequest, NetworkKeyView, PrintedSecret,
};
use mayday_app::testing::APP_ID;
use serde_json::json;

use crate::harness::{Server, keys};

const PATH: &str = "/v1/sdk/network/psk";
const KEY: &str = "00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff";

async fn ask(server: &Server, request: NetworkKeyRequest) -> NetworkKeyView {
    match server.node.admin(AdminRequest::NetworkKey(request)).await {
        AdminReply::NetworkKey(view) => view,
        other => panic!("a network key, not {other:?}"),
    }
}

#[tokio::test]
async fn the_app_s_own_key_goes_before_the_global_one() {
    let server = Server::start().await;
    let ana = server.user("ana");
    ana.get(PATH).await.error(404, "not_found");
    let key = PrintedSecret(KEY.to_owned());
    let global = NetworkKeyRequest::Set { app_id: None, key };
    let shown = ask(&server, global).await;
    let answer = ana.get(PATH).await;
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let body = answer.body(200);
    assert_eq!(
        body,
        json!({"psk": KEY.to_lowercase(), "algorithm": "AES-256", "bytes": 32, "scope": "global"})
    );
    let app_id = Some(APP_ID.to_owned());
    let own = ask(&server, NetworkKeyRequest::Generate { app_id }).await;
    assert_ne!(own.fingerprint, shown.fingerprint);
    let body = ana.get(PATH).await.body(200);
    assert_eq!(keys(&body), ["algorithm", "bytes", "psk", "scope"]);
    assert_eq!(body["scope"], "app");
    assert_ne!(body["psk"], KEY.to_lowercase());
    let psk = body["psk"].as_str().unwrap();
    assert!(
        psk.len() == 64
            && psk
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    );
    assert!(!format!("{own:?}").contains(psk));
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_ask_again_and_nobody_else_is_hurt() {
    let server = Server::start().await;
    let app_id = Some(APP_ID.to_owned());
    ask(&server, NetworkKeyRequest::Generate { app_id }).await;
    let ana = server.user("ana");
    for _ in 0..10 {
        ana.get(PATH).await.body(200);
    }
    let limited = ana.get(PATH).await;
    limited.error(429, "rate_limited");
    let wait: u64 = limited.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait));
    ana.get("/v1/sdk/me").await.body(200);
    server.user("ben").get(PATH).await.body(200);
    server.node.store.clock.advance(Duration::from_mins(1));
    ana.get(PATH).await.body(200);
}
