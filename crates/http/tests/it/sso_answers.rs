//! What a partner may answer, row by row, and what a phone hears of it: a session, 401
//! `invalid_token` (log in again) or 503 `sso_unavailable` (keep the user).

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use mayday_app::testing::{APP_ID, Partner};
use serde_json::{Value, json};

use crate::harness::Server;
use Heard::{Invalid, Session, Unavailable};

/// Between two rows: no limiter, circuit or ban remembers the one before.
const PAUSE: Duration = Duration::from_mins(16);

/// A name, what the phone hears, and the partner's status and body at a time.
type Row = (String, Heard, u16, Box<dyn Fn(i64) -> Value>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heard {
    Session,
    Invalid,
    Unavailable,
}

/// Claims that hold, of somebody who must not get in unless the row says so.
fn claims(now: i64, heard: Heard) -> Value {
    let sub = if heard == Session { "ana" } else { "nobody" };
    json!({
        "sub": sub, "iat": now - 10, "exp": now + 600,
        "email": format!("{sub}@example.org"), "aud": "safety-app",
    })
}

async fn heard(server: &Server, partner: &Partner, status: u16, body: Value) -> Heard {
    partner.answer("t", status, body);
    let login = json!({"realm": APP_ID, "token": "t"}).to_string();
    let request = Request::post("/v1/sso/login").body(Body::from(login));
    let answer = server.send(request.unwrap()).await;
    match answer.status.as_u16() {
        200 => Session,
        401 => {
            assert_eq!(answer.body(401)["code"], "invalid_token");
            Invalid
        }
        _ => {
            assert_eq!(answer.body(503)["code"], "sso_unavailable");
            assert!(answer.header("retry-after").is_some());
            Unavailable
        }
    }
}

/// Runs the rows; none that is refused leaves a user behind.
async fn table(rows: Vec<Row>) {
    let server = Server::start().await;
    let partner = server.node.partner(1).await;
    for (name, wanted, status, body) in rows {
        server.node.store.clock.advance(PAUSE);
        let body = body(server.node.app.now().as_secs());
        let got = heard(&server, &partner, status, body).await;
        assert_eq!(got, wanted, "{name}");
    }
    let users = server.node.store.users_of(APP_ID).await;
    assert!(users.iter().all(|user| user == "ana"), "{users:?}");
}

/// A row whose claims differ in one member.
fn with(name: &'static str, heard: Heard, value: impl Fn(i64) -> Value + 'static) -> Row {
    let shown = format!("{name} {}", value(1_800_000_000));
    let body = move |now| {
        let mut claims = claims(now, heard);
        claims[name] = value(now);
        claims
    };
    (shown, heard, 200, Box::new(body))
}

#[tokio::test]
async fn each_claim_is_needed() {
    let mut rows: Vec<Row> = Vec::new();
    for name in ["sub", "iat", "exp", "email", "aud"] {
        let missing = move |now| {
            let mut claims = claims(now, Invalid);
            claims.as_object_mut().unwrap().remove(name);
            claims
        };
        rows.push((format!("no {name}"), Invalid, 200, Box::new(missing)));
        rows.push(with(name, Invalid, |_| Value::Null));
        rows.push(with(name, Invalid, |_| json!(true)));
        rows.push(with(name, Invalid, |_| json!({})));
    }
    let all: fn(i64) -> Value = |now| claims(now, Session);
    rows.push(("all".to_owned(), Session, 200, Box::new(all)));
    table(rows).await;
}

#[tokio::test]
async fn times_are_whole_seconds_within_the_skew() {
    let mut rows: Vec<Row> = Vec::new();
    for name in ["iat", "exp"] {
        for odd in [
            json!(-1),
            json!("-1"),
            json!(u64::MAX),
            json!("99999999999999999999"),
            json!(1.5e9),
            json!("soon"),
            json!(""),
            json!(false),
        ] {
            rows.push(with(name, Invalid, move |_| odd.clone()));
        }
        rows.push(with(name, Invalid, |now| json!(now * 1_000)));
        rows.push(with(name, Invalid, |now| json!((now * 1_000).to_string())));
        rows.push(with(name, Invalid, |now| json!(format!("{now}.5"))));
        rows.push(with(name, Invalid, |now| json!(format!(" {now}"))));
    }
    rows.extend([
        with("iat", Session, |now| json!((now - 10).to_string())),
        with("exp", Session, |now| json!((now + 600).to_string())),
        with("iat", Session, |now| json!(now + 60)),
        with("iat", Invalid, |now| json!(now + 61)),
        with("exp", Session, |now| json!(now - 9)),
        with("exp", Invalid, |now| json!(now - 10)),
        with("exp", Session, |now| json!(now - 10 + 3_600)),
        with("exp", Invalid, |now| json!(now - 10 + 3_601)),
    ]);
    for (end, heard) in [(-59, Session), (-60, Invalid), (-61, Invalid)] {
        let body = move |now| {
            let mut claims = claims(now, heard);
            claims["iat"] = json!(now - 600);
            claims["exp"] = json!(now + end);
            claims
        };
        rows.push((format!("ended {end} s"), heard, 200, Box::new(body)));
    }
    table(rows).await;
}

#[tokio::test]
async fn the_audience_is_ours_and_no_other() {
    let mut rows = vec![
        with("aud", Session, |_| json!("safety-app")),
        with("aud", Session, |_| json!(["safety-app"])),
    ];
    for other in [
        json!("other-app"),
        json!("Safety-App"),
        json!("safety-app "),
        json!(["safety-app", "other-app"]),
        json!(["other-app"]),
        json!([]),
        json!(""),
    ] {
        rows.push(with("aud", Invalid, move |_| other.clone()));
    }
    table(rows).await;
}

#[tokio::test]
async fn a_status_other_than_200_is_no_session_whatever_the_body_says() {
    let mut rows: Vec<Row> = Vec::new();
    for (heard, statuses) in [
        (Invalid, vec![400, 401, 403, 410, 422]),
        (
            Unavailable,
            vec![201, 206, 301, 302, 307, 404, 408, 418, 429, 500, 502, 503],
        ),
    ] {
        for status in statuses {
            let body = move |now| claims(now, heard);
            rows.push((format!("status {status}"), heard, status, Box::new(body)));
        }
    }
    let error: fn(i64) -> Value = |_| json!({"error": "invalid_token"});
    rows.push(("404 of it".to_owned(), Invalid, 404, Box::new(error)));
    table(rows).await;
}

#[tokio::test]
async fn an_error_or_what_is_no_object_is_no_session() {
    let mut rows = vec![
        with("error", Invalid, |_| json!("invalid_token")),
        with("error", Invalid, |_| Value::Null),
        with("active", Invalid, |_| json!(false)),
        with("active", Invalid, |_| json!("true")),
        with("active", Session, |_| json!(true)),
    ];
    for (heard, body) in [
        (Invalid, json!({"error": "invalid_token"})),
        (Invalid, json!({"active": false})),
        (Invalid, json!({})),
        (Unavailable, json!([])),
        (Unavailable, json!(null)),
        (Unavailable, json!("valid")),
        (Unavailable, json!(true)),
    ] {
        let shown = format!("body {body}");
        rows.push((shown, heard, 200, Box::new(move |_| body.clone())));
    }
    table(rows).await;
}
