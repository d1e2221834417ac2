//! `/docs` needs no other host and runs nothing but its own files.

use axum::http::Method;
use serde_json::{Value, json};

use crate::harness::Server;
use crate::tracking::browser::{browse, left_out, listen};

#[tokio::test]
async fn the_page_allows_nothing_but_itself() {
    let server = Server::start().await;
    let page = server.bare(Method::GET, "/docs").await;
    assert_eq!(page.status.as_u16(), 200);
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"));
    assert!(!policy.contains("unsafe"));
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    // Neither inline code nor inline style, which the policy would refuse.
    for forbidden in [
        "<style",
        " style=",
        " onclick=",
        "javascript:",
        "http://",
        "https://",
    ] {
        assert!(!page.text.contains(forbidden), "{forbidden}");
    }
}

#[tokio::test]
async fn every_file_that_the_page_loads_is_there() {
    let server = Server::start().await;
    let page = server.bare(Method::GET, "/docs").await.text;
    let mut files = 0;
    for part in page.split(['"', '\'']) {
        if let Some(name) = part.strip_prefix("/docs/") {
            let file = server.bare(Method::GET, part).await;
            assert_eq!(file.status.as_u16(), 200, "{name}");
            assert!(file.header("content-type").is_some() && !file.text.is_empty());
            files += 1;
        }
    }
    assert!(files >= 3);
}

#[tokio::test]
async fn the_description_is_served_as_it_is_checked_in() {
    let server = Server::start().await;
    let answer = server.bare(Method::GET, "/openapi.json").await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.text, mayday_http::openapi_json());
}

/// The ids of all operations that are described.
fn described() -> Vec<String> {
    let description: Value = serde_json::from_str(&mayday_http::openapi_json()).unwrap();
    let paths = description["paths"].as_object().unwrap().values();
    let operations = paths.flat_map(|path| path.as_object().unwrap().values());
    let id = |operation: &Value| operation["operationId"].as_str().unwrap().to_owned();
    let mut ids: Vec<_> = operations.map(id).collect();
    ids.sort();
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_has_its_section_in_a_browser() {
    if left_out() {
        println!("left out: browser");
        return;
    }
    let server = Server::start().await;
    let (base, stop) = listen(&server).await;
    let said = browse("docs.mjs", json!({"base": base})).await;
    stop.cancel();
    assert_eq!(said["faults"], json!([]), "{said:#}");
    for scene in ["docs-phone-light", "docs-desktop-dark", "used", "broken"] {
        assert!(said["seen"].to_string().contains(scene), "{said:#}");
    }
    let mut shown: Vec<String> = serde_json::from_value(said["routes"].clone()).unwrap();
    shown.sort();
    assert_eq!(shown, described());
}
