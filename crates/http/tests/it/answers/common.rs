//! What every signed route may answer, driven from the document.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::Method;
use futures_util::stream;
use mayday_app::admin::AdminRequest;
use mayday_app::testing::APP_ID;
use mayday_http::HttpSettings;

use super::described::{Described, Operation};
use crate::harness::Server;

/// More failures than a minute may have before they are limited.
pub(super) const FLOOD: usize = 60;

pub(super) async fn answers(described: &mut Described) {
    refusals(described).await;
    failures(described).await;
    bodies(described).await;
}

/// 401, 429 and 403.
async fn refusals(described: &mut Described) {
    let server = Server::start().await;
    let operations = signed(described);
    for (operation, method, path) in &operations {
        let answer = server.bare(method.clone(), path).await;
        described.saw(operation, 401, &answer);
        // Each from a minute without failures.
        server.node.store.clock.advance(Duration::from_mins(2));
    }
    for _ in 0..FLOOD {
        server.bare(Method::GET, "/v1/sdk/me").await;
    }
    for (operation, method, path) in &operations {
        let answer = server.bare(method.clone(), path).await;
        described.saw(operation, 429, &answer);
    }
    let ana = server.user("ana");
    ana.get("/v1/sdk/me").await.body(200);
    let block = AdminRequest::UserSetBlocked {
        app_id: APP_ID.into(),
        external_id: "ana".into(),
        blocked: true,
    };
    server.node.admin(block).await;
    for (operation, method, path) in &operations {
        let answer = ana.call(method.clone(), path, Body::empty()).await;
        described.saw(operation, 403, &answer);
    }
}

/// 503 and 500: a newcomer cannot be stored.
async fn failures(described: &mut Described) {
    let server = Server::start().await;
    for (operation, method, path) in signed(described) {
        for status in [503, 500] {
            if status == 503 {
                server.node.fail_commits(true);
            } else {
                server.node.break_commits();
            }
            let newcomer = server.user("newcomer");
            let answer = newcomer.call(method.clone(), &path, Body::empty()).await;
            described.saw(&operation, status, &answer);
        }
    }
}

/// 413 and 408, where they are documented.
async fn bodies(described: &mut Described) {
    let server = Server::with(HttpSettings {
        body_timeout: Duration::from_millis(10),
        ..HttpSettings::default()
    })
    .await;
    let ana = server.user("ana");
    for (operation, method, path) in with_status(described, 413) {
        let body = Body::from(vec![b' '; 300_000]);
        let answer = ana.call(method, &path, body).await;
        described.saw(&operation, 413, &answer);
    }
    for (operation, method, path) in with_status(described, 408) {
        let stalled = stream::pending::<Result<Bytes, std::io::Error>>();
        let answer = ana.call(method, &path, Body::from_stream(stalled)).await;
        described.saw(&operation, 408, &answer);
    }
}

fn signed(described: &Described) -> Vec<(String, Method, String)> {
    let signed = described.operations.iter().filter(|o| o.signed);
    signed.map(call).collect()
}

fn with_status(described: &Described, status: u16) -> Vec<(String, Method, String)> {
    let operations = described.operations.iter();
    operations
        .filter(|o| o.signed && o.statuses.contains(&status))
        .map(call)
        .collect()
}

/// The operation's name, its method, and its path with any id filled in.
pub(super) fn call(operation: &Operation) -> (String, Method, String) {
    let (method, path) = operation.name.split_once(' ').unwrap();
    let path: Vec<&str> = path
        .split('/')
        .map(|segment| {
            if segment.starts_with('{') {
                "0199d7a1-52c4-7e0f-8d6b-2a9c3e5f7b01"
            } else {
                segment
            }
        })
        .collect();
    let method = method.parse().unwrap();
    (operation.name.clone(), method, path.join("/"))
}
