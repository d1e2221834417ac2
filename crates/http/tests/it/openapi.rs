//! The description is complete, true, and checked in.

use std::collections::BTreeSet;
use std::path::PathBuf;

use mayday_http::{AUTHORISATION, Access, openapi_json};
use serde_json::Value;

fn document() -> Value {
    serde_json::from_str(&openapi_json()).unwrap()
}

/// Every operation as method, path and the operation itself.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if operation.get("responses").is_some() {
                found.push((method.to_uppercase(), path.clone(), operation.clone()));
            }
        }
    }
    found
}

/// The link in the path is all the proof there is.
fn is_public(operation: &Value) -> bool {
    operation["security"].as_array().is_some_and(Vec::is_empty) && operation["x-proof"].is_null()
}

#[test]
fn the_checked_in_document_is_fresh() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let checked_in = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        checked_in == openapi_json(),
        "docs/openapi.json is stale: run `cargo xtask openapi`"
    );
}

#[test]
fn it_is_openapi_3_1() {
    assert_eq!(document()["openapi"], "3.1.0");
}

#[test]
fn each_described_route_stands_in_the_authorisation_table_and_the_other_way_round() {
    let (public, proven): (Vec<_>, Vec<_>) = operations(&document())
        .into_iter()
        .partition(|(_, _, operation)| is_public(operation));
    for (method, path, _) in public {
        let listed = |row: &(&str, &str, Access)| {
            (row.0, row.1, row.2) == (method.as_str(), path.as_str(), Access::Public)
        };
        assert!(AUTHORISATION.iter().any(listed), "{method} {path}");
    }
    let described: BTreeSet<_> = proven
        .into_iter()
        .map(|(method, path, operation)| {
            let proof = operation["x-proof"].as_str().unwrap_or_default().to_owned();
            (method, path, proof)
        })
        .collect();
    let table: BTreeSet<_> = AUTHORISATION
        .iter()
        .filter(|(_, _, access)| !matches!(access, Access::Public | Access::Provider))
        .map(|(method, path, access)| {
            let proof = match access {
                Access::Sos => "genuine",
                Access::Broker => "broker",
                Access::Partner => "partner",
                Access::Session => "session",
                Access::Login => "login",
                _ => "full",
            };
            ((*method).to_owned(), (*path).to_owned(), proof.to_owned())
        })
        .collect();
    assert_eq!(described, table);
}

#[test]
fn every_status_and_body_is_described() {
    for (method, path, operation) in operations(&document()) {
        let at = format!("{method} {path}");
        assert!(operation["summary"].is_string(), "{at} has no summary");
        assert!(
            operation["description"].is_string(),
            "{at} has no description"
        );
        assert!(operation["security"].is_array(), "{at} names no proof");
        let responses = operation["responses"].as_object().unwrap();
        let common: &[&str] = if is_public(&operation) {
            &["404", "429"]
        } else {
            &["401", "403", "429", "500", "503"]
        };
        let backend = operation["x-proof"] == "partner";
        let common = common.iter().filter(|status| !backend || **status != "403");
        // Whoever is blocked may log out, a request for a code proves nothing, and OAuth has
        // no 403.
        let never: &[&str] = match path.as_str() {
            "/v1/sso/logout" | "/oauth/token" => &["403"],
            "/v1/sso/code" => &["401", "403"],
            _ => &[],
        };
        for status in common {
            let given = responses.contains_key(*status);
            assert_eq!(given, !never.contains(status), "{at}: {status}");
        }
        if is_public(&operation) {
            continue;
        }
        let sos = at == "POST /v1/sdk/sos";
        let sized = operation.get("requestBody").is_some() && !path.starts_with("/v1/sdk/sos");
        assert_eq!(responses.contains_key("413"), sized, "{at}: 413");
        let slow = operation.get("requestBody").is_some() && !sos;
        assert_eq!(responses.contains_key("408"), slow, "{at}: 408");
        for (status, response) in responses {
            assert!(response["description"].is_string(), "{at} {status}");
            let body = response["content"]["application/json"].is_object();
            assert_eq!(body, status != "204", "{at} {status}: body");
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let seen = crate::references::all_lead_somewhere(&document());
    assert!(seen > 20, "{seen}");
}

#[tokio::test]
async fn an_answer_is_described_by_exactly_one_kind_of_incident() {
    let server = crate::harness::Server::start().await;
    let answer = server
        .user("ana")
        .post("/v1/sdk/sos", serde_json::json!({}))
        .await;
    let incident = answer.body(200)["incident"].take();
    let members: BTreeSet<_> = incident.as_object().unwrap().keys().cloned().collect();
    let document = document();
    let kinds = document["components"]["schemas"]["Shown"]["oneOf"]
        .as_array()
        .unwrap();
    let fitting = kinds.iter().filter(|kind| {
        let schema = kind["$ref"]
            .as_str()
            .and_then(|target| document.pointer(target.strip_prefix('#')?))
            .unwrap();
        let described = schema["properties"].as_object().unwrap();
        let required = schema["required"].as_array().unwrap();
        let complete = required
            .iter()
            .all(|name| members.contains(name.as_str().unwrap()));
        let closed = schema["additionalProperties"] == false;
        complete && (!closed || members.iter().all(|name| described.contains_key(name)))
    });
    assert_eq!((kinds.len(), fitting.count()), (2, 1));
}
