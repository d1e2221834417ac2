//! A cancel under duress: everything that the phone is answered is what it is
//! answered for a true one, to the byte (contract: Signature).

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use mayday_app::admin::AdminRequest;
use mayday_app::store::events;
use mayday_app::testing::APP_ID;
use serde_json::{Value, json};

use crate::harness::{Answer, Server};
use crate::tracking::support::{Cry, get};

const PIN: &str = "111111";
const DURESS: &str = "222222";

async fn put(server: &Server, path: &str, token: &str, body: Value) {
    let request = Request::builder()
        .method(Method::PUT)
        .uri(path)
        .header("authorization", format!("Bearer {token}"))
        .body(Body::from(body.to_string()));
    server.send(request.unwrap()).await.body(200);
}

/// A server whose app asks for the PIN, and ana, who has both.
async fn stage() -> Server {
    let server = Server::start().await;
    let partner = server.node.partner(1).await;
    partner.give("t0", "ana", server.node.app.now());
    let body = json!({"realm": APP_ID, "token": "t0"}).to_string();
    let request = Request::post("/v1/sso/login").body(Body::from(body));
    let session = server.send(request.unwrap()).await.body(200);
    let token = session["accessToken"].as_str().unwrap();
    let both = json!({"signature": PIN, "duress": DURESS});
    put(&server, "/v1/sso/signature", token, both).await;
    let asks = AdminRequest::AppSetPolicy {
        app_id: APP_ID.into(),
        require_expiring: None,
        cancel: None,
        cancel_signature: Some(true),
    };
    server.node.admin(asks).await;
    server
}

/// An answer as the phone gets it, but for what no two requests share.
fn bytes(answer: &Answer) -> String {
    let mut headers: Vec<String> = answer
        .headers
        .iter()
        .filter(|(name, _)| *name != "x-request-id")
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    headers.sort();
    assert_eq!(answer.status.as_u16(), 200, "{}", answer.text);
    format!("{}\n{}", headers.join("\n"), answer.text)
}

/// All that the phone hears of an SOS that is cancelled with a PIN.
async fn heard(pin: &str) -> Vec<String> {
    let server = stage().await;
    let ana = server.user("ana");
    let body =
        json!({"timestamp": "2026-09-09T10:00:00.000Z", "latitude": 41.5, "longitude": 2.25});
    let sample =
        json!({"timestamp": "2026-09-09T10:00:01.000Z", "latitude": 41.6, "longitude": 2.25});
    let cancel = json!({"signature": pin, "reason": "oops"});
    let mut heard = Vec::new();
    for (path, body) in [
        ("/v1/sdk/sos", body.clone()),
        ("/v1/sdk/sos/cancel", cancel.clone()),
        ("/v1/sdk/sos/cancel", cancel.clone()),
        ("/v1/sdk/telemetry", sample),
        ("/v1/sdk/sos/resolve", json!({})),
    ] {
        heard.push(bytes(&ana.post(path, body).await));
    }
    for path in [
        "/v1/sdk/sos",
        "/v1/sdk/sos/history",
        "/v1/sdk/me",
        "/v1/sdk/contacts",
        "/v1/sdk/devices",
        "/v1/sdk/me/export",
    ] {
        heard.push(bytes(&ana.get(path).await));
    }
    // The same cry again is known; another is a cry of its own, and is cancelled too.
    heard.push(bytes(&ana.post("/v1/sdk/sos", body).await));
    server.node.store.clock.advance(Duration::from_secs(1));
    let another = json!({"timestamp": "2026-09-09T10:05:00.000Z"});
    heard.push(bytes(&ana.post("/v1/sdk/sos", another).await));
    heard.push(bytes(&ana.post("/v1/sdk/sos/cancel", cancel).await));
    heard.push(bytes(&ana.get("/v1/sdk/sos/history").await));
    let user = server.node.caller("ana").await.user;
    let mut tx = server.node.store.read().await.unwrap();
    for event in events::read_after(&mut tx, user, 0, 100).await.unwrap() {
        heard.push(format!("{} {}", event.seq, Value::Object(event.body)));
    }
    heard
}

/// Ids are drawn in the order in which they are asked for, and those of what the phone
/// never sees among them; each is replaced by the place where it is seen first.
fn without_ids(heard: &[String]) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    heard.iter().map(|text| numbered(text, &mut seen)).collect()
}

fn numbered(text: &str, seen: &mut Vec<String>) -> String {
    let mut out = text.to_owned();
    let tokens = text.split(|c: char| !(c.is_ascii_hexdigit() || c == '-'));
    for id in tokens.filter(|token| token.len() == 36) {
        if !seen.iter().any(|known| known == id) {
            seen.push(id.to_owned());
        }
    }
    for (place, id) in seen.iter().enumerate() {
        out = out.replace(id, &format!("<id {place}>"));
    }
    out
}

#[tokio::test]
async fn the_phone_hears_the_same_of_both_to_the_byte() {
    let (truly, forced) = (heard(PIN).await, heard(DURESS).await);
    assert!(truly.len() > 9, "{truly:#?}");
    assert!(truly[1].contains("\"cancelled\""), "{}", truly[1]);
    let (truly, forced) = (without_ids(&truly), without_ids(&forced));
    for (truly, forced) in truly.iter().zip(&forced) {
        assert_eq!(truly, forced);
    }
    assert_eq!(truly.len(), forced.len());
}

#[tokio::test]
async fn a_cancel_asks_for_the_pin_and_a_cry_never_does() {
    let server = stage().await;
    let ana = server.user("ana");
    let cry = async || ana.post("/v1/sdk/sos", json!({})).await.body(200);
    cry().await;
    let cancel = async |body: Value| ana.post("/v1/sdk/sos/cancel", body).await;
    cancel(json!({})).await.error(403, "signature_required");
    for wrong in [
        json!("333333"),
        json!("11111"),
        json!(""),
        json!(111_111),
        json!([]),
    ] {
        let answer = cancel(json!({"signature": wrong})).await;
        if wrong == json!(111_111) {
            answer.body(200);
            cry().await;
        } else {
            answer.error(403, "signature_invalid");
        }
    }
    // Four more lock; what is no PIN was not counted.
    for _ in 0..4 {
        cancel(json!({"signature": "333333"}))
            .await
            .error(403, "signature_invalid");
    }
    cancel(json!({"signature": "333333"}))
        .await
        .error(403, "signature_invalid");
    cancel(json!({"signature": PIN}))
        .await
        .error(429, "rate_limited");
    assert_eq!(cry().await["incident"]["state"], "active");
    // Whoever has no PIN cannot be asked for one.
    let ben = server.user("ben");
    ben.post("/v1/sdk/sos", json!({})).await.body(200);
    let cancelled = ben.post("/v1/sdk/sos/cancel", json!({})).await.body(200);
    assert_eq!(cancelled["incident"]["state"], "cancelled");
}

#[tokio::test]
async fn the_links_of_before_warn_whoever_is_asked() {
    let server = stage().await;
    let cry = Cry::new(&server).await;
    let eva = format!("/t/{}", cry.tokens[1]);
    let before = get(&server, &eva).await;
    assert!(!before.html(200).contains("Under threat"));
    let calm = get(&server, &format!("{eva}?answer=helping")).await;
    assert!(
        calm.html(200)
            .contains("Ana &lt;b&gt; can see it in the app.")
    );
    let forced = json!({"signature": DURESS});
    cry.ana.post("/v1/sdk/sos/cancel", forced).await.body(200);
    for path in [eva.clone(), format!("{eva}?answer=called")] {
        let answer = get(&server, &path).await;
        let page = answer.html(200);
        assert!(page.contains("Under threat"), "{page}");
        assert!(page.contains("Do not call Ana &lt;b&gt; and do not write"));
        assert!(!page.contains("can see it in the app"), "{page}");
    }
    let ben = get(&server, &cry.page()).await;
    assert!(ben.html(200).contains("Bajo amenaza"));
    let told = get(&server, &cry.json()).await.body(200);
    assert_eq!(told["incident"]["underThreat"], true);
}
