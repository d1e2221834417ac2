//! `/v1/sdk/mqtt/auth`: the caller is a broker, and its denials are in its words.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Method, Request};
use futures_util::stream;
use mayday_app::admin::{AdminReply, AdminRequest, BrokerKeyRequest};
use mayday_app::store::{Command, Lane, Sql, StoreError, Tx, args};
use mayday_app::testing::APP_ID;
use mayday_http::HttpSettings;
use serde_json::{Value, json};

use super::described::Described;
use crate::harness::{Answer, Server};

const CONNECT: &str = "/v1/sdk/mqtt/auth/connect";
const ACL: &str = "/v1/sdk/mqtt/auth/acl";

/// More failures than a minute may have before they are limited.
const FLOOD: usize = 60;

pub(super) async fn answers(described: &mut Described) {
    let server = Server::with(HttpSettings {
        body_timeout: Duration::from_millis(10),
        ..HttpSettings::default()
    })
    .await;
    let key = broker_key(&server).await;
    for path in [CONNECT, ACL] {
        let operation = format!("POST {path}");
        let body = question(&server, path, "ana");
        let allowed = ask(&server, &key, path, body.clone()).await;
        assert_eq!(described.saw(&operation, 200, &allowed)["result"], "allow");
        let mut foreign = body.clone();
        foreign["password"] = "no hash".into();
        foreign["topic"] = "tel/somebody/data".into();
        let denied = ask(&server, &key, path, foreign.clone()).await;
        assert_eq!(described.saw(&operation, 200, &denied)["result"], "deny");
        foreign["acc"] = 2.into();
        let denied = ask(&server, &key, path, foreign).await;
        assert_eq!(described.saw(&operation, 403, &denied)["Ok"], false);
        let odd = format!("{path}?format=kafka");
        let odd = ask(&server, &key, &odd, body.clone()).await;
        described.saw(&operation, 400, &odd);
        let large = Body::from(vec![b' '; 300_000]);
        described.saw(&operation, 413, &send(&server, &key, path, large).await);
        let stalled = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
        described.saw(&operation, 408, &send(&server, &key, path, stalled).await);
        let stranger = ask(&server, "bk_wrong", path, body).await;
        described.saw(&operation, 401, &stranger);
        server.node.store.clock.advance(Duration::from_mins(2));
    }
    limited(described, &server, &key).await;
    failing(described, &server, &key).await;
}

/// 429: whoever guesses keys is counted for the address, and the broker is not.
async fn limited(described: &mut Described, server: &Server, key: &str) {
    for path in [CONNECT, ACL] {
        let operation = format!("POST {path}");
        let body = question(server, path, "ana");
        for _ in 0..FLOOD {
            ask(server, "bk_wrong", path, body.clone()).await;
        }
        let stranger = ask(server, "bk_wrong", path, body.clone()).await;
        described.saw(&operation, 429, &stranger);
        described.saw(&operation, 200, &ask(server, key, path, body).await);
        server.node.store.clock.advance(Duration::from_mins(2));
    }
}

/// 503 and 500, and before them: what costs no query is answered all the same.
async fn failing(described: &mut Described, server: &Server, key: &str) {
    let connect = format!("POST {CONNECT}");
    server.node.fail_commits(true);
    let newcomer = question(server, CONNECT, "newcomer");
    let answer = ask(server, key, CONNECT, newcomer.clone()).await;
    described.saw(&connect, 503, &answer);
    server.node.break_commits();
    described.saw(&connect, 500, &ask(server, key, CONNECT, newcomer).await);
    server.node.fail_commits(false);
    let acl = format!("POST {ACL}");
    let body = question(server, ACL, "ana");
    server.node.store.write(Lane::Rest, TakeAway).await.unwrap();
    described.saw(&acl, 500, &ask(server, key, ACL, body.clone()).await);
    server.node.store.close().await;
    described.saw(&acl, 503, &ask(server, key, ACL, body.clone()).await);
    // A bad key costs no query: strangers cannot reach a store through it.
    let stranger = ask(server, "bk_wrong", ACL, body).await;
    described.saw(&acl, 401, &stranger);
}

/// Takes the users away: whatever asks for one meets a fault.
struct TakeAway;

static TAKE_AWAY: Sql = Sql::new("ALTER TABLE users RENAME TO users_away");

impl Command for TakeAway {
    type Output = ();
    const NAME: &'static str = "test.take_away";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        tx.execute(&TAKE_AWAY, args![]).await.map(|_| ())
    }
}

/// What a broker asks about a client of its own.
fn question(server: &Server, path: &str, user: &str) -> Value {
    let username = format!("sdk:{APP_ID}:{user}");
    if path == CONNECT {
        json!({"username": username, "password": server.node.hash(user)})
    } else {
        let topic = format!("tel/{user}/data");
        json!({"username": username, "topic": topic, "action": "publish"})
    }
}

async fn broker_key(server: &Server) -> String {
    let create = BrokerKeyRequest::Create {
        app_id: Some(APP_ID.to_owned()),
        name: None,
    };
    match server.node.admin(AdminRequest::BrokerKey(create)).await {
        AdminReply::BrokerKeyCreated { secret, .. } => secret.0,
        other => panic!("a key, not {other:?}"),
    }
}

async fn ask(server: &Server, key: &str, path: &str, body: Value) -> Answer {
    send(server, key, path, Body::from(body.to_string())).await
}

async fn send(server: &Server, key: &str, path: &str, body: Body) -> Answer {
    let request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header("authorization", format!("Bearer {key}"))
        .body(body);
    server.send(request.unwrap()).await
}
