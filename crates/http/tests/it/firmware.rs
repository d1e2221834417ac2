//! `/v1/sdk/firmware` and the signed links of `/v1/public/firmware`.

use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use mayday_app::admin::{AdminReply, AdminRequest, FirmwareRequest, FirmwareView, HexBytes};
use mayday_app::testing::{APP_ID, create_app};
use mayday_http::HttpSettings;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::harness::{Server, User, keys};

/// Two pieces and a bit, no two bytes in a row the same.
fn artifact() -> Vec<u8> {
    (0..600_000_u32).map(|n| (n % 251) as u8).collect()
}

async fn ask(server: &Server, request: FirmwareRequest) -> AdminReply {
    server.node.admin(AdminRequest::Firmware(request)).await
}

async fn add_to(server: &Server, app: &str, version: &str, bytes: &[u8]) -> FirmwareView {
    let begin = FirmwareRequest::Begin {
        app_id: app.into(),
        hardware_model: "EIXAM R1".into(),
        version: version.into(),
        notes: Some(format!("What is new in {version}")),
        size_bytes: bytes.len() as u64,
    };
    let AdminReply::FirmwareBegun {
        release_id,
        piece_bytes,
    } = ask(server, begin).await
    else {
        panic!("a release is begun");
    };
    for (ordinal, piece) in (0..).zip(bytes.chunks(piece_bytes)) {
        let piece = FirmwareRequest::Piece {
            release_id,
            ordinal,
            bytes: HexBytes(piece.to_vec()),
        };
        assert_eq!(ask(server, piece).await, AdminReply::Done);
    }
    let finish = FirmwareRequest::Finish {
        app_id: app.into(),
        release_id,
        sha256: None,
        publish: true,
    };
    match ask(server, finish).await {
        AdminReply::Firmware(view) => view,
        other => panic!("a release, not {other:?}"),
    }
}

pub(crate) async fn add(server: &Server, version: &str, bytes: &[u8]) -> FirmwareView {
    add_to(server, APP_ID, version, bytes).await
}

async fn set_published(server: &Server, release: &FirmwareView, published: bool) {
    let set = FirmwareRequest::SetPublished {
        app_id: APP_ID.into(),
        release_id: release.release_id.to_string(),
        published,
    };
    ask(server, set).await;
}

async fn check(user: &User<'_>, current: &str) -> Value {
    let path =
        format!("/v1/sdk/firmware/check?current_version={current}&hardware_model=eixam%20r1");
    user.get(&path).await.body(200)
}

/// The path and query of a fresh link.
async fn link(user: &User<'_>, release: &FirmwareView) -> String {
    let path = format!("/v1/sdk/firmware/download/{}", release.release_id);
    let mut request = user.request(axum::http::Method::GET, &path, Body::empty());
    request
        .headers_mut()
        .insert("host", "api.example.org:8443".parse().unwrap());
    let body = user.send(request).await.body(200);
    assert_eq!(
        keys(&body),
        ["download_url", "expires_in_seconds", "sha256_hash"]
    );
    assert_eq!(body["expires_in_seconds"], 900);
    assert_eq!(body["sha256_hash"], release.sha256);
    let url = body["download_url"].as_str().unwrap();
    let path = url.strip_prefix("http://api.example.org:8443").unwrap();
    path.to_owned()
}

async fn fetch(
    server: &Server,
    path: &str,
    headers: &[(&str, &str)],
) -> (StatusCode, HeaderMap, Bytes) {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::empty()).unwrap();
    let response = server.router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, 4 * 1024 * 1024).await.unwrap();
    (parts.status, parts.headers, bytes)
}

#[tokio::test]
async fn a_device_is_offered_the_newest_release_that_it_lacks() {
    let server = Server::start().await;
    let ana = server.user("ana");
    let nothing = json!({"update_available": false, "firmware": null});
    assert_eq!(check(&ana, "2.5.0").await, nothing);
    add(&server, "2.9.0", b"nine").await;
    let newest = add(&server, "2.10.0", b"ten").await;
    let body = check(&ana, "2.5.0").await;
    assert_eq!(
        body,
        json!({
            "update_available": true,
            "firmware": {
                "id": newest.release_id.to_string(),
                "version": "2.10.0",
                "hardware_model": "EIXAM R1",
                "sha256_hash": newest.sha256,
                "file_size_bytes": 3,
                "release_notes": "What is new in 2.10.0",
                "is_active": true
            }
        })
    );
    assert_eq!(
        check(&ana, "unknown").await["firmware"]["version"],
        "2.10.0"
    );
    for current in ["2.10", "v2.10.0", "2.10.0.63df972", "3.0"] {
        assert_eq!(check(&ana, current).await, nothing, "{current}");
    }
    set_published(&server, &newest, false).await;
    assert_eq!(check(&ana, "2.5.0").await["firmware"]["version"], "2.9.0");
    let other_model = "/v1/sdk/firmware/check?current_version=1&hardware_model=R2";
    assert_eq!(ana.get(other_model).await.body(200), nothing);
}

#[tokio::test]
async fn missing_and_bad_parameters_are_named() {
    let server = Server::start().await;
    let ana = server.user("ana");
    let long = "x".repeat(65);
    for (query, field) in [
        (String::new(), "current_version"),
        ("hardware_model=R1".to_owned(), "current_version"),
        ("current_version=1".to_owned(), "hardware_model"),
        (
            "current_version=&hardware_model=R1".to_owned(),
            "current_version",
        ),
        (
            "current_version=1&hardware_model=%20".to_owned(),
            "hardware_model",
        ),
        (
            format!("current_version={long}&hardware_model=R1"),
            "current_version",
        ),
        (
            "current_version=1&hardware_model=a%00b".to_owned(),
            "hardware_model",
        ),
        (
            "current_version=1&current_version=2&hardware_model=R1".to_owned(),
            "current_version",
        ),
    ] {
        let answer = ana.get(&format!("/v1/sdk/firmware/check?{query}")).await;
        let error = answer.error(400, "validation_error");
        assert!(
            error["message"].as_str().unwrap().contains(field),
            "{query}: {error}"
        );
    }
}

#[tokio::test]
async fn a_link_is_fetched_without_a_proof_whole_or_in_ranges() {
    let server = Server::start().await;
    let bytes = artifact();
    let release = add(&server, "2.6.0", &bytes).await;
    let path = link(&server.user("ana"), &release).await;
    let gzip = ("accept-encoding", "gzip");
    let (status, headers, body) = fetch(&server, &path, &[gzip]).await;
    assert_eq!((status.as_u16(), body.as_ref()), (200, bytes.as_slice()));
    assert_eq!(headers["content-length"], "600000");
    assert_eq!(headers["accept-ranges"], "bytes");
    assert!(!headers.contains_key("content-encoding"));
    let tag = format!("\"{}\"", release.sha256);
    assert_eq!(headers["etag"], tag.as_str());
    // Ranges within a piece, over two, to the end, and the last bytes.
    for (range, from, to) in [
        ("bytes=0-9", 0, 10),
        ("bytes=262140-262150", 262_140, 262_151),
        ("bytes=100000-", 100_000, 600_000),
        ("bytes=-7", 599_993, 600_000),
    ] {
        let (status, headers, body) = fetch(&server, &path, &[("range", range)]).await;
        assert_eq!(status.as_u16(), 206, "{range}");
        assert_eq!(body.as_ref(), &bytes[from..to], "{range}");
        let expected = format!("bytes {from}-{}/600000", to - 1);
        assert_eq!(headers["content-range"], expected.as_str());
        assert_eq!(headers["content-length"], (to - from).to_string().as_str());
    }
    let (status, headers, _) = fetch(&server, &path, &[("range", "bytes=600000-")]).await;
    assert_eq!(status.as_u16(), 416);
    assert_eq!(headers["content-range"], "bytes */600000");
    let same = [("range", "bytes=0-0"), ("if-range", tag.as_str())];
    assert_eq!(fetch(&server, &path, &same).await.0.as_u16(), 206);
    let other = [("range", "bytes=0-0"), ("if-range", "\"other\"")];
    assert_eq!(fetch(&server, &path, &other).await.0.as_u16(), 200);
    let known = [("if-none-match", tag.as_str())];
    assert_eq!(fetch(&server, &path, &known).await.0.as_u16(), 304);
}

#[tokio::test]
async fn a_link_is_good_for_one_release_and_a_quarter_of_an_hour() {
    let server = Server::start().await;
    let one = add(&server, "2.6.0", b"one").await;
    let two = add(&server, "2.7.0", b"two").await;
    let ana = server.user("ana");
    let path = link(&ana, &one).await;
    let bad = [
        path.replace(&one.release_id.to_string(), &two.release_id.to_string()),
        path.split('?').next().unwrap().to_owned(),
        path.replace("expires=", "expires=9"),
        path.replace("signature=", "signature=00"),
        path.replace("/firmware/", "/firmware/..%2F"),
        path.replace(&one.release_id.to_string(), "..%2f..%2fmaster.key"),
        format!("{path}&expires=1"),
    ];
    for path in bad {
        let (status, _, body) = fetch(&server, &path, &[]).await;
        assert_eq!(status.as_u16(), 404, "{path}");
        assert!(
            body.starts_with(b"{\"error\":{\"code\":\"not_found\""),
            "{path}"
        );
    }
    let clock = &server.node.store.clock;
    clock.advance(Duration::from_secs(899));
    assert_eq!(fetch(&server, &path, &[]).await.0.as_u16(), 200);
    clock.advance(Duration::from_secs(1));
    assert_eq!(fetch(&server, &path, &[]).await.0.as_u16(), 404);
    let path = link(&ana, &one).await;
    set_published(&server, &one, false).await;
    assert_eq!(fetch(&server, &path, &[]).await.0.as_u16(), 404);
    let refused = format!("/v1/sdk/firmware/download/{}", one.release_id);
    ana.get(&refused).await.error(404, "not_found");
}

#[tokio::test]
async fn another_app_s_release_is_not_found() {
    let server = Server::start().await;
    create_app(&server.node.app, "other").await;
    let foreign = add_to(&server, "other", "9.0.0", b"foreign").await;
    let ana = server.user("ana");
    assert_eq!(check(&ana, "1").await["update_available"], false);
    let path = format!("/v1/sdk/firmware/download/{}", foreign.release_id);
    ana.get(&path).await.error(404, "not_found");
}

#[tokio::test]
async fn the_public_url_is_what_the_setting_says() {
    let settings = HttpSettings {
        public_url: Some("https://sdk.example.org/api".into()),
        ..HttpSettings::default()
    };
    let server = Server::with(settings).await;
    let release = add(&server, "2.6.0", b"one").await;
    let path = format!("/v1/sdk/firmware/download/{}", release.release_id);
    let body = server.user("ana").get(&path).await.body(200);
    let url = body["download_url"].as_str().unwrap();
    let path = url.strip_prefix("https://sdk.example.org/api").unwrap();
    assert_eq!(fetch(&server, path, &[]).await.0.as_u16(), 200);
}
