//! What somebody tries who has no link, or an old one.

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::json;

use super::support::{Cry, get, post, post_json};
use crate::harness::{Answer, Server};

/// Links that lead nowhere, each for another reason.
async fn dead_links(cry: &Cry<'_>) -> Vec<String> {
    cry.revoke(cry.contacts[1]).await;
    let unknown = "0123456789abcdef0123456789abcdef".to_owned();
    let upper = cry.tokens[0].to_uppercase();
    let short = cry.tokens[0][..30].to_owned();
    let revoked = cry.tokens[1].clone();
    let encoded = format!("{}%00", cry.tokens[0]);
    vec![unknown, upper, short, revoked, encoded, "x".repeat(4_000)]
}

/// All of it that says anything.
fn told(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let headers = answer.headers.iter();
    let headers = headers
        .filter(|(name, _)| !["x-request-id", "retry-after"].contains(&name.as_str()))
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    (answer.status.as_u16(), headers, answer.text.clone())
}

#[tokio::test]
async fn revoked_unknown_and_malformed_links_look_the_same() {
    let server = Server::start().await;
    let cry = Cry::new(&server).await;
    let mut pages = Vec::new();
    let mut bodies = Vec::new();
    for token in dead_links(&cry).await {
        let page = get(&server, &format!("/t/{token}")).await;
        page.html(404);
        pages.push(told(&page));
        let form = post(&server, &format!("/t/{token}"), "answer=helping").await;
        form.html(404);
        pages.push(told(&form));
        let mut json = get(&server, &format!("/v1/public/sos/{token}"))
            .await
            .error(404, "not_found");
        json["request_id"].take();
        bodies.push(json);
        server
            .node
            .store
            .clock
            .advance(std::time::Duration::from_mins(1));
    }
    assert!(pages.windows(2).all(|two| two[0] == two[1]), "{pages:#?}");
    assert!(bodies.windows(2).all(|two| two[0] == two[1]), "{bodies:#?}");
    assert_eq!(cry.state().await, "active");
    // The link that replaced the revoked one works.
    let fresh = cry.issue(cry.contacts[1]).await;
    assert_ne!(fresh, cry.tokens[1]);
    get(&server, &format!("/t/{fresh}")).await.html(200);
}

#[tokio::test]
async fn a_revoked_link_answers_nothing() {
    let server = Server::start().await;
    let cry = Cry::new(&server).await;
    cry.revoke(cry.contacts[0]).await;
    cry.fill_in("answer=helping").await.html(404);
    let path = format!("{}/acknowledge", cry.json());
    post_json(&server, &path, json!({}))
        .await
        .error(404, "not_found");
    get(&server, &format!("{}/live", cry.page()))
        .await
        .error(404, "not_found");
    assert_eq!(cry.state().await, "active");
}

#[tokio::test]
async fn guessing_is_slowed_down_and_never_hurts_a_link_that_works() {
    let server = Server::start().await;
    let cry = Cry::new(&server).await;
    let mut limited = 0;
    for n in 0..100_u32 {
        let token = format!("{n:032x}");
        let guess = get(&server, &format!("/t/{token}")).await;
        if guess.status.as_u16() == 429 {
            limited += 1;
            guess.html(429);
            let wait: u64 = guess.header("retry-after").unwrap().parse().unwrap();
            assert!((1..=60).contains(&wait));
        } else {
            guess.html(404);
        }
    }
    assert_eq!(limited, 70);
    let json = get(&server, &format!("/v1/public/sos/{:032x}", 7)).await;
    json.error(429, "rate_limited");
    // The same address, at the same moment, with a link: everything works.
    get(&server, &cry.page()).await.html(200);
    get(&server, &cry.json()).await.body(200);
    assert_eq!(cry.fill_in("answer=helping").await.status.as_u16(), 303);
    // And the limit of proofs is another one.
    cry.ana.get("/v1/sdk/me").await.body(200);
    server
        .bare(Method::GET, "/v1/sdk/me")
        .await
        .error(401, "unauthorized");
}

#[tokio::test]
async fn a_flood_with_a_working_link_is_served() {
    let server = Server::start().await;
    let cry = Cry::new(&server).await;
    for _ in 0..200 {
        get(&server, &cry.page()).await.html(200);
    }
    assert_eq!(cry.state().await, "active");
}

#[tokio::test]
async fn another_site_can_neither_frame_nor_read_it() {
    let server = Server::start().await;
    let cry = Cry::new(&server).await;
    let request = Request::get(cry.page())
        .header("origin", "https://elsewhere.example")
        .body(Body::empty())
        .unwrap();
    let answer = server.send(request).await;
    answer.html(200);
    assert!(!answer.headers.contains_key("access-control-allow-origin"));
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.contains("frame-ancestors 'none'") && policy.contains("form-action 'self'"));
}
