//! `/v1/sdk/contacts`.

use serde_json::{Value, json};

use crate::harness::{Server, User, is_time, keys};

const NOBODY: &str = "/v1/sdk/contacts/0199d7a1-52c4-7e0f-8d6b-2a9c3e5f7b01";

fn ben() -> Value {
    json!({"name": "Ben", "phone": "+34600333444", "email": "ben@example.org"})
}

async fn add(user: &User<'_>, name: &str) -> String {
    let mut contact = ben();
    contact["name"] = name.into();
    let body = user.post("/v1/sdk/contacts", contact).await.body(201);
    body["contact"]["id"].as_str().unwrap().to_owned()
}

async fn names(user: &User<'_>) -> Vec<String> {
    let body = user.get("/v1/sdk/contacts").await.body(200);
    body["contacts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|contact| contact["name"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_new_contact_is_201_and_always_whole() {
    let server = Server::start().await;
    let ana = server.user("ana");
    let body = ana.get("/v1/sdk/contacts").await.body(200);
    assert_eq!(body, json!({"contacts": []}));
    let body = ana.post("/v1/sdk/contacts", ben()).await.body(201);
    assert_eq!(keys(&body), ["contact"]);
    let contact = &body["contact"];
    assert_eq!(
        keys(contact),
        [
            "createdAt",
            "email",
            "id",
            "language",
            "name",
            "phone",
            "priority",
            "updatedAt"
        ]
    );
    assert_eq!(contact["priority"], 1);
    assert_eq!(contact["language"], "en");
    assert!(is_time(&contact["createdAt"]) && is_time(&contact["updatedAt"]));
    let list = ana.get("/v1/sdk/contacts").await.body(200);
    assert_eq!(list["contacts"], json!([contact]));
}

#[tokio::test]
async fn every_faulty_field_is_named() {
    let server = Server::start().await;
    let ana = server.user("ana");
    let error = ana
        .post("/v1/sdk/contacts", json!({}))
        .await
        .error(400, "validation_error");
    let pointers: Vec<_> = error["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|field| field["pointer"].as_str().unwrap())
        .collect();
    assert_eq!(pointers, ["/name", "/phone", "/email"]);
    for (member, wrong) in [
        ("phone", json!("600")),
        ("email", json!("x")),
        ("priority", json!("1")),
    ] {
        let mut contact = ben();
        contact[member] = wrong;
        let error = ana
            .post("/v1/sdk/contacts", contact)
            .await
            .error(400, "validation_error");
        assert_eq!(error["fields"][0]["pointer"], format!("/{member}"));
        assert!(
            error["message"]
                .as_str()
                .unwrap()
                .to_lowercase()
                .contains(member)
        );
    }
}

#[tokio::test]
async fn replacing_is_full_and_removing_is_204() {
    let server = Server::start().await;
    let ana = server.user("ana");
    let id = add(&ana, "Ben").await;
    let path = format!("/v1/sdk/contacts/{id}");
    let mut changed = ben();
    changed["name"] = "Benito".into();
    changed["language"] = "es".into();
    let body = ana.put(&path, changed).await.body(200);
    assert_eq!(body["contact"]["name"], "Benito");
    assert_eq!(body["contact"]["id"], id);
    let partial = ana.put(&path, json!({"name": "B"})).await;
    partial.error(400, "validation_error");
    ana.delete(&path).await.nothing();
    ana.delete(&path).await.error(404, "not_found");
    ana.put(&path, ben()).await.error(404, "not_found");
}

#[tokio::test]
async fn an_id_of_nobody_or_of_somebody_else_is_404() {
    let server = Server::start().await;
    let of_ben = add(&server.user("ben"), "Cleo").await;
    let ana = server.user("ana");
    for path in [
        NOBODY.to_owned(),
        "/v1/sdk/contacts/12".to_owned(),
        "/v1/sdk/contacts/%ff".to_owned(),
        format!("/v1/sdk/contacts/{of_ben}"),
    ] {
        ana.put(&path, ben()).await.error(404, "not_found");
        ana.delete(&path).await.error(404, "not_found");
    }
    assert_eq!(names(&server.user("ben")).await, ["Cleo"]);
}

#[tokio::test]
async fn reordering_names_every_contact_once_or_changes_nothing() {
    let server = Server::start().await;
    let ana = server.user("ana");
    let mut ids = Vec::new();
    for name in ["a", "b", "c"] {
        ids.push(add(&ana, name).await);
    }
    let path = "/v1/sdk/contacts/reorder";
    let order = json!({"order": [&ids[2], &ids[0], &ids[1]]});
    ana.put(path, order).await.nothing();
    assert_eq!(names(&ana).await, ["c", "a", "b"]);
    for wrong in [
        json!({}),
        json!({"order": []}),
        json!({"order": [&ids[0], &ids[1]]}),
        json!({"order": [&ids[0], &ids[1], &ids[1]]}),
        json!({"order": [&ids[0], &ids[1], "nobody"]}),
        json!({"order": "abc"}),
    ] {
        let error = ana.put(path, wrong).await.error(400, "validation_error");
        let pointer = error["fields"][0]["pointer"].as_str().unwrap();
        assert!(pointer.starts_with("/order"), "{pointer}");
    }
    assert_eq!(names(&ana).await, ["c", "a", "b"]);
}
