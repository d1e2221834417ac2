//! `/v1/sdk/contacts`.

use serde_json::{Value, json};

use super::described::Described;
use crate::harness::Server;

const PATH: &str = "/v1/sdk/contacts";
const ADD: &str = "POST /v1/sdk/contacts";
const REORDER: &str = "PUT /v1/sdk/contacts/reorder";
const REPLACE: &str = "PUT /v1/sdk/contacts/{id}";
const REMOVE: &str = "DELETE /v1/sdk/contacts/{id}";

fn contact() -> Value {
    json!({"name": "Ben", "phone": "+34600333444", "email": "ben@b.example"})
}

pub(super) async fn answers(described: &mut Described) {
    let server = Server::start().await;
    let ana = server.user("ana");
    let order = "/v1/sdk/contacts/reorder";
    let nobodys = "0199d7a1-52c4-7e0f-8d6b-2a9c3e5f7b01";
    let early = ana.put(order, json!({"order": [nobodys]})).await;
    described.saw(REORDER, 404, &early);
    let mut ids = Vec::new();
    for _ in 0..2 {
        let made = described.saw(ADD, 201, &ana.post(PATH, contact()).await);
        ids.push(made["contact"]["id"].as_str().unwrap().to_owned());
    }
    let mut wrong = contact();
    wrong["phone"] = json!("600");
    wrong["language"] = json!("??");
    wrong["priority"] = json!(0);
    for body in [
        wrong.clone(),
        json!({}),
        json!([]),
        json!({"priority": "phone"}),
    ] {
        described.saw(ADD, 400, &ana.post(PATH, body).await);
    }
    described.saw("GET /v1/sdk/contacts", 200, &ana.get(PATH).await);
    ids.reverse();
    let done = ana.put(order, json!({"order": ids})).await;
    described.saw(REORDER, 204, &done);
    for order_of in [json!([]), json!(["x"]), json!("address"), Value::Null] {
        let refused = ana.put(order, json!({"order": order_of})).await;
        described.saw(REORDER, 400, &refused);
    }
    let one = format!("{PATH}/{}", ids[0]);
    described.saw(REPLACE, 200, &ana.put(&one, contact()).await);
    described.saw(REPLACE, 400, &ana.put(&one, wrong).await);
    described.saw(REMOVE, 204, &ana.delete(&one).await);
    described.saw(REMOVE, 404, &ana.delete(&one).await);
    described.saw(REPLACE, 404, &ana.put(&one, contact()).await);
    for _ in 0..30 {
        let added = ana.post(PATH, contact()).await;
        if added.status.as_u16() != 201 {
            described.saw(ADD, 400, &added);
            return;
        }
    }
    panic!("no limit on contacts");
}
