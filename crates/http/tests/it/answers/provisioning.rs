//! `/v1/sdk/device-configs`, `/v1/sdk/firmware` and `/v1/sdk/network`.

use axum::body::Body;
use axum::http::Method;
use mayday_app::admin::{AdminRequest, DeviceConfigRequest, NetworkKeyRequest};
use mayday_app::testing::APP_ID;
use serde_json::json;

use super::described::Described;
use crate::firmware::add;
use crate::harness::{Server, User};

const CONFIG: &str = "GET /v1/sdk/device-configs";
const KEY: &str = "GET /v1/sdk/network/psk";
const CHECK: &str = "GET /v1/sdk/firmware/check";
const DOWNLOAD: &str = "GET /v1/sdk/firmware/download/{id}";

pub(super) async fn answers(described: &mut Described) {
    let server = Server::start().await;
    let ana = server.user("ana");
    configuration(described, &server, &ana).await;
    network_key(described, &server, &ana).await;
    firmware(described, &server, &ana).await;
}

async fn configuration(described: &mut Described, server: &Server, ana: &User<'_>) {
    let path = "/v1/sdk/device-configs";
    described.saw(CONFIG, 404, &ana.get(path).await);
    let config = json!({"region": "EU868", "nested": {"a": [1, 2.5]}});
    let set = DeviceConfigRequest::Set {
        app_id: APP_ID.into(),
        country: None,
        config: config.as_object().unwrap().clone(),
    };
    server.node.admin(AdminRequest::DeviceConfig(set)).await;
    described.saw(CONFIG, 200, &ana.get(path).await);
    let nowhere = ana.get("/v1/sdk/device-configs?country_iso=ESP").await;
    described.saw(CONFIG, 404, &nowhere);
}

async fn network_key(described: &mut Described, server: &Server, ana: &User<'_>) {
    let path = "/v1/sdk/network/psk";
    described.saw(KEY, 404, &ana.get(path).await);
    let app_id = Some(APP_ID.to_owned());
    let make = NetworkKeyRequest::Generate { app_id };
    server.node.admin(AdminRequest::NetworkKey(make)).await;
    described.saw(KEY, 200, &ana.get(path).await);
}

async fn firmware(described: &mut Described, server: &Server, ana: &User<'_>) {
    let path = "/v1/sdk/firmware/check";
    let question = format!("{path}?current_version=2.5.0&hardware_model=eixam%20r1");
    described.saw(CHECK, 200, &ana.get(&question).await);
    let release = add(server, "2.9.0", b"nine").await;
    let offered = described.saw(CHECK, 200, &ana.get(&question).await);
    assert_eq!(offered["update_available"], true);
    for wrong in [
        "",
        "?current_version=2.5.0",
        "?current_version=phone&hardware_model=x",
    ] {
        let answer = ana.get(&format!("{path}{wrong}")).await;
        if answer.status.as_u16() != 200 {
            described.saw(CHECK, 400, &answer);
        }
    }
    let path = format!("/v1/sdk/firmware/download/{}", release.release_id);
    let with_host = |path: &str, host: &str| {
        let mut request = ana.request(Method::GET, path, Body::empty());
        let host = host.parse().unwrap();
        request.headers_mut().insert("host", host);
        ana.send(request)
    };
    let link = with_host(&path, "api.example.org").await;
    described.saw(DOWNLOAD, 200, &link);
    described.saw(DOWNLOAD, 400, &with_host(&path, "a b").await);
    let nothing = "/v1/sdk/firmware/download/0199d7a1-52c4-7e0f-8d6b-2a9c3e5f7b01";
    let nothing = with_host(nothing, "api.example.org").await;
    described.saw(DOWNLOAD, 404, &nothing);
}
