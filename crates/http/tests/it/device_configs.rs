//! `/v1/sdk/device-configs`.

use mayday_app::admin::{AdminRequest, DeviceConfigRequest};
use mayday_app::testing::APP_ID;
use serde_json::{Value, json};

use crate::harness::Server;

async fn set(server: &Server, country: Option<&str>, config: Value) {
    let request = DeviceConfigRequest::Set {
        app_id: APP_ID.into(),
        country: country.map(str::to_owned),
        config: config.as_object().unwrap().clone(),
    };
    server.node.admin(AdminRequest::DeviceConfig(request)).await;
}

#[tokio::test]
async fn a_country_is_told_its_own_entry_else_the_default() {
    let server = Server::start().await;
    let ana = server.user("ana");
    for path in [
        "/v1/sdk/device-configs",
        "/v1/sdk/device-configs?country_iso=ES",
    ] {
        ana.get(path).await.error(404, "not_found");
    }
    let spain = json!({"country": "ES", "lora_region_code": 3, "nested": {"a": [1, 2.5]}});
    set(&server, Some("es"), spain.clone()).await;
    let told = async |query: &str| {
        let path = format!("/v1/sdk/device-configs{query}");
        ana.get(&path).await.body(200)
    };
    assert_eq!(told("?country_iso=ES").await, spain);
    assert_eq!(told("?country_iso=%20es").await, spain);
    let path = "/v1/sdk/device-configs?country_iso=FR";
    ana.get(path).await.error(404, "not_found");
    let default = json!({"region": "EU868"});
    set(&server, None, default.clone()).await;
    for query in ["", "?country_iso=", "?country_iso=FR", "?other=1"] {
        assert_eq!(told(query).await, default, "{query}");
    }
    assert_eq!(told("?country_iso=ES").await, spain);
}

#[tokio::test]
async fn what_is_no_country_is_told_nothing() {
    let server = Server::start().await;
    set(&server, None, json!({"region": "EU868"})).await;
    let ana = server.user("ana");
    for query in [
        "ESP",
        "E1",
        "..",
        "%00",
        "ES&country_iso=FR",
        "default",
        "%ff",
    ] {
        let path = format!("/v1/sdk/device-configs?country_iso={query}");
        let error = ana.get(&path).await.error(404, "not_found");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("country_iso"), "{query}: {message}");
    }
}
