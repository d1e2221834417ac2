//! `/v1/public/sos/{token}`.

use axum::body::Body;
use axum::http::Request;
use serde_json::json;

use super::support::{Cry, get, post_json};
use crate::harness::Server;

#[tokio::test]
async fn an_entity_tag_spares_what_is_known() {
    let server = Server::start().await;
    let cry = Cry::new(&server).await;
    get(&server, &cry.json()).await.body(200);
    let first = get(&server, &cry.json()).await;
    let tag = first.header("etag").unwrap().to_owned();
    let again = async || {
        let request = Request::get(cry.json())
            .header("if-none-match", &tag)
            .body(Body::empty())
            .unwrap();
        server.send(request).await
    };
    let same = again().await;
    assert_eq!((same.status.as_u16(), same.text.as_str()), (304, ""));
    assert_eq!(same.header("etag"), Some(tag.as_str()));
    // Time alone changes nothing: ages are for whoever shows it.
    server
        .node
        .store
        .clock
        .advance(std::time::Duration::from_secs(5));
    assert_eq!(again().await.status.as_u16(), 304);
    cry.fill_in("answer=helping").await;
    let changed = again().await;
    assert_ne!(changed.header("etag"), Some(tag.as_str()));
    assert_eq!(changed.body(200)["incident"]["state"], "acknowledged");
}

#[tokio::test]
async fn acknowledging_again_is_the_same_success() {
    let server = Server::start().await;
    let cry = Cry::new(&server).await;
    let path = format!("{}/acknowledge", cry.json());
    let first = post_json(&server, &path, json!({"name": "Benet"}))
        .await
        .body(200);
    assert_eq!(first["incident"]["helpers"][0]["name"], "Benet");
    assert_eq!(first["incident"]["state"], "acknowledged");
    let again = post_json(&server, &path, json!({"name": "Other"}))
        .await
        .body(200);
    assert_eq!(again["incident"]["helpers"], first["incident"]["helpers"]);
}

#[tokio::test]
async fn no_body_is_too_bad_to_help() {
    for body in [
        "",
        "null",
        "[1]",
        "{\"name\": 5}",
        "{\"name\":\"\\u0000\"}",
        "\u{fffd}",
    ] {
        let server = Server::start().await;
        let cry = Cry::new(&server).await;
        let request = Request::post(format!("{}/acknowledge", cry.json()))
            .body(Body::from(body))
            .unwrap();
        server.send(request).await.body(200);
        assert_eq!(cry.state().await, "acknowledged", "{body}");
    }
}

#[tokio::test]
async fn declining_and_the_end() {
    let server = Server::start().await;
    let cry = Cry::new(&server).await;
    let decline = format!("{}/decline", cry.json());
    let said = post_json(&server, &decline, json!({})).await.body(200);
    assert_eq!(said["incident"]["contact"]["answer"], "declined");
    cry.ana
        .post("/v1/sdk/sos/cancel", json!({}))
        .await
        .body(200);
    for verb in ["decline", "acknowledge"] {
        let path = format!("{}/{verb}", cry.json());
        post_json(&server, &path, json!({}))
            .await
            .error(409, "conflict");
    }
    let over = get(&server, &cry.json()).await.body(200);
    assert_eq!(over["incident"]["canAcknowledge"], false);
    assert_eq!(over["incident"]["state"], "cancelled");
}
