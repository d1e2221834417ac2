//! Real connections: raw bytes, limits, the drain.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Extension;
use mayday_app::Arrival;
use mayday_app::testing::APP_ID;
use mayday_http::{Door, HttpSettings, serve};
use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::harness::Server;

/// Longer than any of this may take.
const PATIENCE: Duration = Duration::from_mins(1);

struct Listening {
    server: Server,
    address: std::net::SocketAddr,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl Listening {
    async fn start(settings: HttpSettings) -> Self {
        Self::with_tls(settings, None).await
    }

    async fn with_tls(settings: HttpSettings, tls: Option<Arc<ServerConfig>>) -> Self {
        let server = Server::with(settings.clone()).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let app = server.node.app.clone();
        let router = server.router.clone();
        let doors = vec![Door { listener, tls }];
        let task = tokio::spawn(serve(doors, router, settings, app, shutdown.clone()));
        Self {
            server,
            address,
            shutdown,
            task,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// The head of a request of this user.
    fn head(&self, line: &str, user: &str, more: &str) -> Vec<u8> {
        let hash = self.server.node.hash(user);
        format!(
            "{line} HTTP/1.1\r\nHost: localhost\r\nX-App-ID: {APP_ID}\r\n\
             X-User-ID: {user}\r\nAuthorization: Bearer {hash}\r\n{more}\r\n"
        )
        .into_bytes()
    }

    async fn stop(self) {
        self.shutdown.cancel();
        timeout(PATIENCE, self.task).await.unwrap().unwrap();
    }
}

/// One answer: the head and a body of the length that it states.
async fn answer(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .to_ascii_lowercase()
                .lines()
                .find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok())
                .unwrap_or(0);
            if body.len() >= length {
                return text;
            }
        }
        let mut chunk = [0; 4096];
        let read = timeout(PATIENCE, stream.read(&mut chunk)).await.unwrap();
        match read.unwrap() {
            0 => return text,
            count => bytes.extend_from_slice(&chunk[..count]),
        }
    }
}

async fn is_closed(stream: &mut TcpStream) -> bool {
    let mut rest = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut rest))
        .await
        .is_ok()
}

#[tokio::test]
async fn a_user_id_is_taken_as_raw_bytes_and_the_connection_is_kept() {
    let here = Listening::start(HttpSettings::default()).await;
    let mut stream = here.connect().await;
    for _ in 0..2 {
        let head = here.head("GET /v1/sdk/me", "maría", "");
        stream.write_all(&head).await.unwrap();
        let text = answer(&mut stream).await;
        assert!(text.starts_with("HTTP/1.1 200"), "{text}");
        assert!(text.contains("\"external_user_id\":\"maría\""), "{text}");
    }
    here.stop().await;
}

#[tokio::test]
async fn an_sos_whose_sender_loses_its_network_halfway_is_heard() {
    let here = Listening::start(HttpSettings::default()).await;
    let mut stream = here.connect().await;
    let mut request = here.head("POST /v1/sdk/sos", "ana", "Content-Length: 500\r\n");
    request.extend_from_slice(b"{\"message\":\"he");
    stream.write_all(&request).await.unwrap();
    drop(stream);
    let ana = here.server.user("ana");
    let heard = async {
        loop {
            let body = ana.get("/v1/sdk/sos").await.body(200);
            if body["incident"].is_object() {
                return body;
            }
            tokio::task::yield_now().await;
        }
    };
    let body = timeout(PATIENCE, heard).await.unwrap();
    let flags = body["incident"]["flags"].to_string();
    assert!(flags.contains("malformed_payload"), "{flags}");
    here.stop().await;
}

#[tokio::test]
async fn an_sos_body_that_stalls_is_heard_as_far_as_it_came() {
    let here = Listening::start(HttpSettings {
        body_timeout: Duration::from_millis(100),
        ..HttpSettings::default()
    })
    .await;
    let mut stream = here.connect().await;
    let mut request = here.head("POST /v1/sdk/sos", "ana", "Content-Length: 500\r\n");
    request.extend_from_slice(b"{\"message\":\"he");
    stream.write_all(&request).await.unwrap();
    let text = answer(&mut stream).await;
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    assert!(text.contains("malformed_payload"), "{text}");
    let mut stream = here.connect().await;
    let request = here.head("PUT /v1/sdk/me", "ana", "Content-Length: 500\r\n");
    stream.write_all(&request).await.unwrap();
    let text = answer(&mut stream).await;
    assert!(text.starts_with("HTTP/1.1 408"), "{text}");
    assert!(text.contains(r#""code":"unavailable""#), "{text}");
    here.stop().await;
}

#[tokio::test]
async fn a_huge_sos_gets_its_answer_and_not_a_reset() {
    let here = Listening::start(HttpSettings::default()).await;
    let mut stream = here.connect().await;
    let length = 2_000_000;
    let more = format!("Content-Length: {length}\r\n");
    let head = here.head("POST /v1/sdk/sos", "ana", &more);
    stream.write_all(&head).await.unwrap();
    stream.write_all(&vec![b' '; length]).await.unwrap();
    let text = answer(&mut stream).await;
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    assert!(text.contains("oversized"), "{text}");
    here.stop().await;
}

#[tokio::test]
async fn a_head_that_does_not_arrive_ends_the_connection() {
    let here = Listening::start(HttpSettings {
        header_timeout: Duration::from_millis(100),
        ..HttpSettings::default()
    })
    .await;
    for start in ["", "GET /v1/sdk/me HTTP/1.1\r\nHost: lo"] {
        let mut stream = here.connect().await;
        stream.write_all(start.as_bytes()).await.unwrap();
        assert!(is_closed(&mut stream).await, "{start:?}");
    }
    here.stop().await;
}

#[tokio::test]
async fn a_head_beyond_its_limit_is_431() {
    let here = Listening::start(HttpSettings::default()).await;
    let mut stream = here.connect().await;
    let long = format!("X-Long: {}\r\n", "x".repeat(800_000));
    let head = here.head("GET /v1/sdk/me", "ana", &long);
    let _ = stream.write_all(&head).await;
    let text = answer(&mut stream).await;
    assert!(text.starts_with("HTTP/1.1 431"), "{text}");
    here.stop().await;
}

#[tokio::test]
async fn a_full_house_of_strangers_does_not_keep_an_sos_out() {
    let here = Listening::start(HttpSettings {
        max_connections: 8,
        ..HttpSettings::default()
    })
    .await;
    let mut strangers = Vec::new();
    for _ in 0..32 {
        strangers.push(here.connect().await);
    }
    let mut stream = here.connect().await;
    let head = here.head("POST /v1/sdk/sos", "ana", "Content-Length: 0\r\n");
    stream.write_all(&head).await.unwrap();
    let text = answer(&mut stream).await;
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    assert!(is_closed(&mut strangers[0]).await);
    drop(strangers);
    here.stop().await;
}

#[tokio::test]
async fn a_drain_answers_what_is_in_flight_and_takes_nothing_new() {
    let here = Listening::start(HttpSettings::default()).await;
    let mut idle = here.connect().await;
    let mut stream = here.connect().await;
    let head = here.head("POST /v1/sdk/sos", "ana", "Content-Length: 2\r\n");
    stream.write_all(&head).await.unwrap();
    // The request is in flight once its head was read.
    let reading = async {
        while !here
            .server
            .node
            .app
            .metrics()
            .encode()
            .unwrap()
            .contains("mayday_http_connections 2")
        {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, reading).await.unwrap();
    idle.write_all(&here.head("GET /v1/sdk/me", "ana", ""))
        .await
        .unwrap();
    answer(&mut idle).await;
    here.shutdown.cancel();
    assert!(is_closed(&mut idle).await);
    stream.write_all(b"{}").await.unwrap();
    let text = answer(&mut stream).await;
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    timeout(PATIENCE, here.task).await.unwrap().unwrap();
    assert!(TcpStream::connect(here.address).await.is_err());
}

#[tokio::test]
async fn a_drain_ends_in_time_even_if_a_request_does_not() {
    let here = Listening::start(HttpSettings {
        drain_timeout: Duration::from_millis(100),
        ..HttpSettings::default()
    })
    .await;
    let mut stream = here.connect().await;
    let head = here.head("PUT /v1/sdk/me", "ana", "Content-Length: 2\r\n");
    stream.write_all(&head).await.unwrap();
    here.stop().await;
    assert!(is_closed(&mut stream).await);
}

/// Terms under which no handshake is ever finished.
#[derive(Debug)]
struct NoCertificate;

impl ResolvesServerCert for NoCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        None
    }
}

fn unfinished() -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let terms = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(NoCertificate));
    Arc::new(terms)
}

#[tokio::test]
async fn a_handshake_that_is_not_finished_is_closed_and_one_without_tls_too() {
    let settings = HttpSettings {
        handshake_timeout: Duration::from_millis(200),
        ..HttpSettings::default()
    };
    let here = Listening::with_tls(settings, Some(unfinished())).await;
    let mut silent = here.connect().await;
    let mut plain = here.connect().await;
    let head = here.head("GET /v1/sdk/me", "ana", "");
    plain.write_all(&head).await.unwrap();
    assert!(is_closed(&mut silent).await);
    assert!(is_closed(&mut plain).await);
    here.stop().await;
}

#[tokio::test]
async fn the_drain_does_not_wait_for_handshakes() {
    // Whoever waited for either would wait for longer than this test does.
    let settings = HttpSettings {
        handshake_timeout: PATIENCE * 10,
        drain_timeout: PATIENCE * 10,
        ..HttpSettings::default()
    };
    let here = Listening::with_tls(settings, Some(unfinished())).await;
    let mut silent = here.connect().await;
    silent.write_all(&[0x16, 0x03, 0x01]).await.unwrap();
    here.stop().await;
    assert!(is_closed(&mut silent).await);
}

#[tokio::test]
async fn of_too_many_handshakes_the_oldest_makes_room() {
    let settings = HttpSettings {
        handshake_timeout: Duration::from_mins(10),
        ..HttpSettings::default()
    };
    let here = Listening::with_tls(settings, Some(unfinished())).await;
    // One more than are made at once.
    let mut handshakes = Vec::new();
    for _ in 0..=512 {
        handshakes.push(here.connect().await);
    }
    assert!(is_closed(&mut handshakes[0]).await);
    let mut byte = [0];
    let newest = handshakes.last_mut().unwrap();
    assert!(
        newest.try_read(&mut byte).is_err(),
        "the newest is still open"
    );
    here.stop().await;
}

#[tokio::test]
async fn a_connection_that_changes_its_protocol_goes_with_whose_it_is() {
    let proxy = std::net::IpAddr::from([127, 0, 0, 1]);
    for (trusted, expected) in [(vec![proxy], "203.0.113.9"), (Vec::new(), "127.0.0.1")] {
        let settings = HttpSettings {
            trusted_proxies: trusted,
            ..HttpSettings::default()
        };
        let node = mayday_app::testing::TestApp::sqlite().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(|arrival: Option<Extension<Arrival>>| async move {
            arrival.map_or_else(String::new, |arrival| arrival.client.to_string())
        });
        let shutdown = CancellationToken::new();
        let doors = vec![listener.into()];
        let serving = serve(doors, router, settings, node.app.clone(), shutdown.clone());
        let task = tokio::spawn(serving);
        let mut stream = TcpStream::connect(address).await.unwrap();
        for (header, expected) in [("Upgrade: websocket\r\n", expected), ("", "")] {
            let request = format!(
                "GET / HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 203.0.113.9\r\n{header}\r\n"
            );
            stream.write_all(request.as_bytes()).await.unwrap();
            let answer = answer(&mut stream).await;
            assert_eq!(answer.split_once("\r\n\r\n").unwrap().1, expected);
        }
        shutdown.cancel();
        timeout(PATIENCE, task).await.unwrap().unwrap();
    }
}
