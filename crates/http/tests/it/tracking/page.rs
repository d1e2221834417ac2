//! `GET /t/{token}`.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::json;

use super::support::{Cry, SECRETS, get};
use crate::harness::Server;

#[tokio::test]
async fn the_page_says_who_where_and_what_in_the_language_of_the_contact() {
    let server = Server::start().await;
    let cry = Cry::new(&server).await;
    let answer = get(&server, &cry.page()).await;
    let page = answer.html(200);
    for shown in [
        "Ana &lt;b&gt; necesita ayuda",
        "Me ocupo yo",
        "41.38742, 2.16861",
        "Fell near the ridge",
        "34 %",
        "CF:82:12:34:56:78",
        "geo:41.387421,2.168612",
        "www.google.com/maps",
        "maps.apple.com",
        "www.openstreetmap.org",
    ] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    assert_eq!(answer.header("content-language"), Some("es"));
    let eva = get(&server, &format!("/t/{}", cry.tokens[1])).await;
    assert!(eva.html(200).contains("Ana &lt;b&gt; needs help"));
}

#[tokio::test]
async fn the_page_holds_no_token_no_id_and_nobodys_address() {
    let server = Server::start().await;
    let cry = Cry::new(&server).await;
    let mut never: Vec<String> = SECRETS.map(str::to_owned).into();
    never.extend(cry.tokens.clone());
    never.push(cry.incident.to_string());
    never.extend(cry.contacts.iter().map(ToString::to_string));
    let page = cry.page();
    for path in [page.clone(), format!("{page}?answer=helping"), cry.json()] {
        let answer = get(&server, &path).await;
        assert_eq!(answer.status.as_u16(), 200);
        for secret in &never {
            assert!(!answer.text.contains(secret), "{path}: {secret}");
        }
    }
}

#[tokio::test]
async fn the_headers_keep_the_link_a_secret() {
    let server = Server::start().await;
    let cry = Cry::new(&server).await;
    let unknown = format!("/t/{}", "0".repeat(32));
    for (path, status) in [(cry.page(), 200), (unknown, 404)] {
        let answer = get(&server, &path).await;
        answer.html(status);
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert!(answer.header("x-robots-tag").unwrap().contains("noindex"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        assert!(
            !policy.contains("unsafe") && !policy.contains("http"),
            "{policy}"
        );
        assert!(!answer.headers.contains_key("set-cookie"));
    }
}

#[tokio::test]
async fn what_the_page_loads_is_there() {
    let server = Server::start().await;
    let cry = Cry::new(&server).await;
    let page = get(&server, &cry.page()).await;
    let mut loaded = 0;
    for piece in page
        .text
        .split('"')
        .filter(|text| text.starts_with("assets/"))
    {
        let file = get(&server, &format!("/t/{piece}")).await;
        assert_eq!(file.status.as_u16(), 200, "{piece}");
        assert!(file.header("cache-control").unwrap().contains("immutable"));
        loaded += file.text.len();
    }
    // Contract: below 30 kB, before compression.
    assert!(loaded > 0 && loaded + page.text.len() < 30_000, "{loaded}");
    let other = get(&server, "/t/assets/passwords").await;
    other.error(404, "not_found");
}

#[tokio::test]
async fn looking_changes_nothing_but_opened() {
    let server = Server::start().await;
    let cry = Cry::new(&server).await;
    assert!(!cry.opened().await);
    let page = cry.page();
    for path in [
        page.clone(),
        format!("{page}?answer=helping"),
        format!("{page}?answer=called&name=x"),
        cry.json(),
    ] {
        for method in [Method::HEAD, Method::GET] {
            let answer = server.bare(method, &path).await;
            assert_eq!(answer.status.as_u16(), 200, "{path}");
        }
    }
    // No page waits for long until that is stored.
    let stored = async {
        while !cry.opened().await {
            tokio::task::yield_now().await;
        }
    };
    let limit = Duration::from_mins(1);
    tokio::time::timeout(limit, stored).await.unwrap();
    assert_eq!(cry.state().await, "active");
    let shown = get(&server, &cry.json()).await.body(200);
    assert_eq!(shown["incident"]["contact"]["answer"], "none");
    // There is no answering by a link either.
    let path = format!("/v1/public/sos/{}/acknowledge", cry.tokens[0]);
    get(&server, &path).await.error(405, "not_found");
}

#[tokio::test]
async fn a_link_lives_until_a_day_after_the_end() {
    let server = Server::start().await;
    let cry = Cry::new(&server).await;
    server.node.store.clock.advance(Duration::from_hours(40));
    get(&server, &cry.page()).await.html(200);
    cry.ana
        .post("/v1/sdk/sos/cancel", json!({}))
        .await
        .body(200);
    let over = get(&server, &cry.page()).await;
    assert!(over.html(200).contains("Ha terminado"));
    assert!(!over.text.contains("?answer="));
    // The question behind a button is no page of its own any more.
    let asked = get(&server, &format!("{}?answer=helping", cry.page())).await;
    assert!(!asked.html(200).contains("<form"));
    let almost = Duration::from_hours(24) - Duration::from_secs(1);
    server.node.store.clock.advance(almost);
    get(&server, &cry.page()).await.html(200);
    server.node.store.clock.advance(Duration::from_secs(1));
    get(&server, &cry.page()).await.html(404);
    get(&server, &cry.json()).await.error(404, "not_found");
}

#[tokio::test]
async fn the_latest_telemetry_moves_the_position_and_draws_the_trail() {
    let server = Server::start().await;
    let cry = Cry::new(&server).await;
    for n in 1..4 {
        server.node.store.clock.advance(Duration::from_secs(30));
        let sample = json!({
            "timestamp": server.node.app.now().to_string(),
            "latitude": 41.39 + f64::from(n) / 1000.0, "longitude": 2.17,
            "horizontalAccuracyMeters": 8.5, "mobileBattery": 30 - n,
        });
        cry.ana.post("/v1/sdk/telemetry", sample).await.body(200);
    }
    let shown = get(&server, &cry.json()).await.body(200)["incident"].take();
    assert_eq!(shown["position"]["latitude"], 41.393);
    assert_eq!(shown["position"]["accuracyMeters"], 8.5);
    assert_eq!(shown["position"]["source"], "telemetry");
    assert_eq!(shown["phoneBattery"], 27);
    assert_eq!(shown["deviceBattery"], "low");
    assert_eq!(shown["trail"].as_array().unwrap().len(), 4);
    let page = get(&server, &cry.page()).await;
    assert!(page.html(200).contains("<polyline class=\"way\""));
    assert!(
        page.text.contains("Precisión de unos 8 metros") || page.text.contains("unos 9 metros")
    );
}

#[tokio::test]
async fn a_page_of_an_unknown_language_of_the_browser_is_english() {
    let server = Server::start().await;
    for (sent, spoken) in [("de-AT,en;q=0.5", "de"), ("xx", "en")] {
        let request = Request::get("/t/nothing")
            .header("accept-language", sent)
            .body(Body::empty())
            .unwrap();
        let answer = server.send(request).await;
        answer.html(404);
        assert_eq!(answer.header("content-language"), Some(spoken));
    }
}

#[tokio::test]
async fn a_phone_that_is_silent_or_runs_low_is_told_before_its_position() {
    let server = Server::start().await;
    let cry = Cry::new(&server).await;
    let node = &server.node;
    let eva = format!("/t/{}", cry.tokens[1]);
    let before = get(&server, &eva).await;
    assert!(!before.html(200).contains("class=\"warning\""));
    let sample = json!({
        "timestamp": node.app.now().to_string(),
        "latitude": 41.4, "longitude": 2.2, "mobileBattery": 9,
    });
    cry.ana.post("/v1/sdk/telemetry", sample).await.body(200);
    node.app.listen_to_phones().await.unwrap();
    node.store.clock.advance(Duration::from_mins(11));
    node.app.listen_to_phones().await.unwrap();
    let answer = get(&server, &eva).await;
    let page = answer.html(200);
    let silent = page.find("The phone is silent. Last heard: 11 minutes ago");
    let low = page.find("battery is low: 9\u{a0}%");
    let place = page.find("data-part=\"place\"");
    assert!(silent.is_some() && silent < low && low < place, "{page}");
    let told = get(&server, &format!("/v1/public/sos/{}", cry.tokens[1])).await;
    let incident = told.body(200)["incident"].take();
    assert_eq!(incident["phoneBatteryLow"], true);
    assert!(incident["phoneSilentSince"].is_string(), "{incident}");
    // It speaks again.
    let sample = json!({
        "timestamp": node.app.now().to_string(),
        "latitude": 41.4, "longitude": 2.2, "mobileBattery": 80,
    });
    cry.ana.post("/v1/sdk/telemetry", sample).await.body(200);
    node.app.listen_to_phones().await.unwrap();
    let after = get(&server, &eva).await;
    assert!(!after.html(200).contains("class=\"warning\""));
}
