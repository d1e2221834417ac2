//! The page in a real browser: `tests/browser/look.mjs` opens it in Chromium at
//! the width of a small phone, and axe judges it.
//!
//! `MAYDAY_TEST_PICTURES` names a directory for pictures of every page.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use mayday_http::{Door, HttpSettings, serve};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::support::Cry;
use crate::harness::Server;

/// All of it takes a fraction of this on an idle machine.
const LIMIT: Duration = Duration::from_mins(3);

#[tokio::test(flavor = "multi_thread")]
async fn axe_finds_nothing_and_the_page_lives() {
    if left_out() {
        println!("left out: browser");
        return;
    }
    let server = Server::start().await;
    let cry = Cry::new(&server).await;
    let name = json!({"name": "Núria Ferrer"});
    cry.ana.put("/v1/sdk/me", name).await.body(200);
    walk(&cry).await;
    let over = Server::start().await;
    let ended = Cry::new(&over).await;
    ended
        .ana
        .post("/v1/sdk/sos/cancel", json!({}))
        .await
        .body(200);
    let (base, stop) = listen(&server).await;
    let (base_over, stop_over) = listen(&over).await;
    let (ben, eva) = (cry.page(), format!("/t/{}", cry.tokens[1]));
    let pages = json!([
        ["open", ben],
        ["open-english", eva],
        ["confirm-helping", format!("{ben}?answer=helping")],
        ["confirm-called", format!("{ben}?answer=called")],
        ["confirm-declined", format!("{ben}?answer=declined")],
        ["gone", format!("/t/{:032x}", 0)],
    ]);
    look(json!({"base": base, "pages": pages, "ben": ben, "eva": eva})).await;
    // What is left of it afterwards, and what an ended one looks like.
    let helped = json!([["helped", ben], ["helping", eva]]);
    let answered = look_at(json!({"base": base, "pages": helped})).await;
    cry.ana.post("/v1/sdk/sos", json!({})).await.body(200);
    let again = json!([["again", ben]]);
    let again = look_at(json!({"base": base, "pages": again})).await;
    let ended = json!([["over", ended.page()]]);
    let over = look_at(json!({"base": base_over, "pages": ended})).await;
    for said in [answered, again, over] {
        assert_eq!(said["faults"], json!([]), "{said:#}");
    }
    stop.cancel();
    stop_over.cancel();
}

/// Whether there is to be no browser.
pub(crate) fn left_out() -> bool {
    let skip = std::env::var("MAYDAY_TEST_SKIP").unwrap_or_default();
    skip.split(',').any(|word| word == "browser")
}

/// Twenty minutes of telemetry, so that there is a trail to draw.
async fn walk(cry: &Cry<'_>) {
    let node = &cry.server.node;
    for n in 0..20 {
        node.store.clock.advance(Duration::from_secs(12));
        let way = f64::from(n);
        let sample = json!({
            "timestamp": node.app.now().to_string(),
            "latitude": 41.3875 + way * 9e-5 + (way / 3.0).sin() * 1e-4,
            "longitude": 2.1687 + way * 1.4e-4 - (way / 4.0).cos() * 2e-4,
            "horizontalAccuracyMeters": 9.0, "mobileBattery": 9,
        });
        cry.ana.post("/v1/sdk/telemetry", sample).await.body(200);
    }
    // A page that warns of the battery is judged, too.
    node.app.listen_to_phones().await.unwrap();
    node.store.clock.advance(Duration::from_secs(70));
}

pub(crate) async fn listen(server: &Server) -> (String, CancellationToken) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let doors = vec![Door {
        listener,
        tls: None,
    }];
    let (router, app) = (server.router.clone(), server.node.app.clone());
    tokio::spawn(serve(
        doors,
        router,
        HttpSettings::default(),
        app,
        stop.clone(),
    ));
    (format!("http://{address}"), stop)
}

/// Looks, and plays the scenes.
async fn look(mut told: Value) {
    told["scenes"] = true.into();
    let said = look_at(told).await;
    assert_eq!(said["faults"], json!([]), "{said:#}");
    let seen: Vec<&str> = said["seen"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    for scene in ["first-screen", "offline", "live", "open-dark", "gone-light"] {
        assert!(seen.contains(&scene), "{scene}: {said:#}");
    }
}

pub(crate) async fn look_at(told: Value) -> Value {
    browse("look.mjs", told).await
}

/// Has a script of `tests/browser` look; what it says.
pub(crate) async fn browse(script: &str, mut told: Value) -> Value {
    let clients = std::env::var_os("MAYDAY_TEST_CLIENTS").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/e2e")),
        PathBuf::from,
    );
    told["modules"] = clients.join("browser").to_str().unwrap().into();
    told["chromium"] = "/usr/bin/chromium".into();
    if let Ok(pictures) = std::env::var("MAYDAY_TEST_PICTURES") {
        told["pictures"] = pictures.into();
    }
    let scripts = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/browser");
    let script = PathBuf::from(scripts).join(script);
    let ran = tokio::task::spawn_blocking(move || {
        let mut child = Command::new("node")
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("node: `cargo xtask test` gets what the tests need: {error}")
            });
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(told.to_string().as_bytes()).unwrap();
        drop(stdin);
        child.wait_with_output().unwrap()
    });
    let output = tokio::time::timeout(LIMIT, ran).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&said).unwrap_or_else(|error| {
        panic!("{error}: {said:?}; `cargo xtask test` gets what the tests need")
    })
}
