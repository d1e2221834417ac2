//! A partner's token endpoint under every kind of bad weather: never a session.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mayday_core::clock::Clock as _;
use mayday_core::sso::introspection::{InvalidToken, Unavailable};
use mayday_core::sso::{ClaimTerms, Judgement, RequestForm};
use mayday_gateway::guard::{
    GuardSettings, Pending, Resolve, Roots, SystemResolver, authorities_from_pem,
};
use mayday_gateway::introspection::{Introspector, TokenEndpoint};
use mayday_gateway::secret::Secret;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::authority::authority;
use crate::support::peer::{Peer, Reply};
use crate::support::{LIMIT, clock, impatient};

fn introspector() -> Introspector {
    Introspector::new(GuardSettings::default(), Arc::new(SystemResolver)).unwrap()
}

fn endpoint(url: String) -> TokenEndpoint {
    TokenEndpoint {
        url,
        form: RequestForm::Form,
        parameter: "token".to_owned(),
        key: None,
        local: true,
    }
}

fn terms() -> ClaimTerms {
    ClaimTerms {
        audience: "safety-app".to_owned(),
        skew: Duration::from_mins(1),
        max_lifetime: Duration::from_hours(1),
    }
}

fn claims() -> Value {
    let now = clock().now().as_secs();
    json!({"sub": "u1", "iat": now, "exp": now + 600, "email": "a@b.example", "aud": "safety-app"})
}

fn json_answer(status: &str, body: &str) -> Reply {
    Reply::answer(status, &["content-type: application/json"], body)
}

async fn ask(endpoint: &TokenEndpoint) -> Judgement {
    ask_with(&introspector(), endpoint).await
}

async fn ask_with(introspector: &Introspector, endpoint: &TokenEndpoint) -> Judgement {
    let (terms, clock) = (terms(), clock());
    let asked = introspector.introspect(endpoint, &terms, "tok/en+=&1", &clock);
    timeout(LIMIT, asked).await.unwrap().judgement
}

async fn told(reply: Reply) -> Judgement {
    let peer = Peer::start(vec![reply]).await;
    let endpoint = endpoint(peer.http("/info"));
    impatient(|| peer.fell_silent(), ask(&endpoint)).await
}

fn is_valid(judgement: &Judgement) -> bool {
    matches!(judgement, Judgement::Valid(_))
}

#[tokio::test]
async fn a_token_is_asked_about_in_each_of_the_four_forms() {
    let good = json_answer("200 OK", &claims().to_string());
    let peer = Peer::start(vec![good]).await;
    for form in RequestForm::ALL {
        let endpoint = TokenEndpoint {
            form,
            parameter: "id_token".to_owned(),
            key: Some(("x-api-key".to_owned(), Secret::new("hush"))),
            ..endpoint(peer.http("/info?v=2"))
        };
        assert!(is_valid(&ask(&endpoint).await), "{form:?}");
    }
    let seen = peer.seen();
    let lines: Vec<_> = seen
        .iter()
        .map(|one| one.head.lines().next().unwrap())
        .collect();
    assert_eq!(
        lines,
        [
            "GET /info?v=2&id_token=tok%2Fen%2B%3D%261 HTTP/1.1",
            "GET /info?v=2 HTTP/1.1",
            "POST /info?v=2 HTTP/1.1",
            "POST /info?v=2 HTTP/1.1",
        ]
    );
    assert_eq!(seen[1].header("authorization"), Some("Bearer tok/en+=&1"));
    assert_eq!(seen[2].body, b"id_token=tok%2Fen%2B%3D%261");
    assert_eq!(
        serde_json::from_slice::<Value>(&seen[3].body).unwrap(),
        json!({"id_token": "tok/en+=&1"})
    );
    assert!(
        seen.iter()
            .all(|one| one.header("x-api-key") == Some("hush"))
    );
}

/// Answers that make no session, and what each is judged to be.
fn bad_answers(whole: &str, long: &str) -> Vec<(Reply, Judgement)> {
    let cut = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{whole}",
        whole.len() + 5
    );
    let invalid = Judgement::Invalid(InvalidToken::Refused);
    let unavailable = Judgement::Unavailable;
    vec![
        (
            json_answer("400 Bad Request", r#"{"error":"invalid_token"}"#),
            invalid.clone(),
        ),
        (json_answer("401 Unauthorized", ""), invalid.clone()),
        (
            json_answer("200 OK", r#"{"error":"invalid_token"}"#),
            invalid,
        ),
        (
            json_answer("200 OK", r#"{"active":false}"#),
            Judgement::Invalid(InvalidToken::Inactive),
        ),
        (
            json_answer("204 No Content", ""),
            unavailable(Unavailable::Status(204)),
        ),
        (
            json_answer("429 Too Many Requests", whole),
            unavailable(Unavailable::Status(429)),
        ),
        (
            json_answer("500 Oops", whole),
            unavailable(Unavailable::Status(500)),
        ),
        (json_answer("200 OK", ""), unavailable(Unavailable::Garbage)),
        (
            json_answer("200 OK", long),
            unavailable(Unavailable::Garbage),
        ),
        (
            Reply::answer("200 OK", &[], whole),
            unavailable(Unavailable::Garbage),
        ),
        (
            Reply::answer("200 OK", &["content-type: text/html"], "<html>"),
            unavailable(Unavailable::Garbage),
        ),
        (
            Reply::Bytes(cut.into_bytes()),
            unavailable(Unavailable::Garbage),
        ),
        (Reply::Drip, unavailable(Unavailable::Garbage)),
        (Reply::Endless, unavailable(Unavailable::Garbage)),
        (Reply::EndlessHead, unavailable(Unavailable::Garbage)),
        (Reply::Hold, unavailable(Unavailable::Late)),
        (Reply::Close, unavailable(Unavailable::BrokenOff)),
        (
            Reply::Bytes(b"SSH-2.0-OpenSSH_9\r\n".to_vec()),
            unavailable(Unavailable::Garbage),
        ),
    ]
}

#[tokio::test]
async fn bad_answers_are_told_apart_and_none_makes_a_session() {
    let whole = claims().to_string();
    let mut long = claims();
    long["more"] = json!("x".repeat(65 * 1024));
    let fits = "x".repeat(64 * 1024 - whole.len() - 10);
    let mut almost = claims();
    almost["m"] = json!(fits);
    assert!(is_valid(
        &told(json_answer("200 OK", &almost.to_string())).await
    ));
    for (reply, judged) in bad_answers(&whole, &long.to_string()) {
        let shown = format!("{reply:?}");
        assert_eq!(told(reply).await, judged, "{shown:.90}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let target = Peer::start(vec![json_answer("200 OK", &claims().to_string())]).await;
    let location = format!("location: {}", target.http("/info"));
    for status in [
        "301 Moved",
        "302 Found",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
    ] {
        let judged = told(Reply::answer(status, &[&location], "")).await;
        assert_eq!(
            judged,
            Judgement::Unavailable(Unavailable::Redirect),
            "{status}"
        );
    }
    assert!(target.seen().is_empty());
}

/// Every name is this machine's.
struct Here;

impl Resolve for Here {
    fn resolve<'a>(&'a self, _: &'a str, port: u16) -> Pending<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(async move { Ok(vec![SocketAddr::from(([127, 0, 0, 1], port))]) })
    }
}

#[tokio::test]
async fn a_private_address_is_never_asked_for_an_app_that_is_not_local() {
    let (pem, acceptor) = authority(&["partner.example"]);
    let good = json_answer("200 OK", &claims().to_string());
    let peer = Peer::start_with(vec![good], Some(acceptor)).await;
    let settings = GuardSettings {
        roots: Roots::Only(authorities_from_pem(pem.as_bytes()).unwrap()),
        ..GuardSettings::default()
    };
    let introspector = Introspector::new(settings, Arc::new(Here)).unwrap();
    let url = format!("https://partner.example:{}/info", peer.address.port());
    let public = TokenEndpoint {
        local: false,
        ..endpoint(url.clone())
    };
    let forbidden = Judgement::Unavailable(Unavailable::Forbidden);
    assert_eq!(ask_with(&introspector, &public).await, forbidden);
    let literal = TokenEndpoint {
        url: format!("https://127.0.0.1:{}/info", peer.address.port()),
        ..public
    };
    assert_eq!(ask_with(&introspector, &literal).await, forbidden);
    assert!(peer.seen().is_empty());
    // The same partner, marked as local.
    assert!(is_valid(&ask_with(&introspector, &endpoint(url)).await));
}

#[tokio::test]
async fn a_certificate_of_somebody_else_is_no_partner() {
    let (pem, wrong_name) = authority(&["other.example"]);
    let (_, unknown) = authority(&["partner.example"]);
    for acceptor in [wrong_name, unknown] {
        let good = json_answer("200 OK", &claims().to_string());
        let peer = Peer::start_with(vec![good], Some(acceptor)).await;
        let settings = GuardSettings {
            roots: Roots::Only(authorities_from_pem(pem.as_bytes()).unwrap()),
            ..GuardSettings::default()
        };
        let introspector = Introspector::new(settings, Arc::new(Here)).unwrap();
        let url = format!("https://partner.example:{}/info", peer.address.port());
        let judged = ask_with(&introspector, &endpoint(url)).await;
        assert_eq!(judged, Judgement::Unavailable(Unavailable::NoAnswer));
        assert!(peer.seen().is_empty());
    }
}
