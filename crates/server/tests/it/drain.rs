//! The ready file, and what signals do.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;

use super::harness::{Home, Running, request, wait_for};

#[test]
fn the_ready_file_tells_addresses_that_accept_and_goes_at_the_end() {
    let home = Home::new();
    let mut running = home.serve();
    assert_eq!(running.ready_content()["pid"], running.pid());
    assert_eq!(running.ready_content().as_object().unwrap().len(), 4);
    for listener in ["http", "mqtt", "admin"] {
        TcpStream::connect(running.address(listener)).unwrap();
    }
    let (status, _) = request(running.address("admin"), "/health/live", "");
    assert_eq!(status, 200);
    running.signal(Signal::TERM);
    assert_eq!(running.ended(), Some(0), "{}", home.log());
    assert!(!running.ready.exists());
    assert!(!home.data().join("admin.sock").exists());
}

#[test]
fn an_interrupt_drains_like_a_termination() {
    let home = Home::new();
    let mut running = home.serve();
    running.signal(Signal::INT);
    assert_eq!(running.ended(), Some(0), "{}", home.log());
}

#[test]
fn a_hangup_ends_nothing_without_tls() {
    let home = Home::new();
    let mut running = home.serve();
    running.signal(Signal::HUP);
    wait_for("the log line", || {
        home.log().contains("nothing is reloaded").then_some(())
    });
    let (status, _) = request(running.address("admin"), "/health/live", "");
    assert_eq!(status, 200);
    running.signal(Signal::TERM);
    assert_eq!(running.ended(), Some(0), "{}", home.log());
}

#[test]
fn files_are_for_the_owner_alone() {
    let home = Home::new();
    let _running = home.serve();
    let mode =
        |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&home.data()), 0o700);
    assert_eq!(mode(&home.data().join("admin.sock")), 0o600);
    assert_eq!(mode(&home.data().join("master.key")), 0o600);
}

#[test]
fn a_directory_that_others_may_enter_is_closed_to_them() {
    let home = Home::new();
    std::fs::create_dir(home.data()).unwrap();
    open_to_all(&home.data());
    let _running = home.serve();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&home.data()), 0o700);
    assert!(home.log().contains("closed to others"), "{}", home.log());
    let files: Vec<_> = std::fs::read_dir(home.data()).unwrap().collect();
    assert!(files.len() > 3, "{files:?}");
    for file in files {
        let path = file.unwrap().path();
        assert_eq!(mode(&path) & 0o077, 0, "{}", path.display());
    }
}

fn open_to_all(directory: &Path) {
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(directory, open).unwrap();
}

/// A request whose body never comes: it holds the drain.
fn hold(running: &Running, hash: &str) -> TcpStream {
    let mut stream = TcpStream::connect(running.address("http")).unwrap();
    write!(
        stream,
        "POST /v1/sdk/telemetry HTTP/1.1\r\nHost: x\r\nX-App-ID: shop\r\nX-User-ID: ana\r\n\
         Authorization: Bearer {hash}\r\nExpect: 100-continue\r\nContent-Length: 100\r\n\r\n"
    )
    .unwrap();
    // The server asks for the body once it has begun to handle the request.
    let mut answer = [0_u8; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 100");
    stream
}

#[test]
fn the_second_signal_stops_at_once() {
    let home = Home::new();
    let secret = home.app("shop");
    let hash = home.hash(&secret, "ana");
    let mut running = home.serve();
    let stuck = hold(&running, &hash);
    running.signal(Signal::TERM);
    wait_for("the drain's begin", || {
        home.log().contains("draining").then_some(())
    });
    wait_for("the listener's end", || {
        TcpStream::connect(running.address("http"))
            .is_err()
            .then_some(())
    });
    assert!(!running.has_ended(), "the request under way is waited for");
    let (status, verdict) = request(running.address("admin"), "/health/ready", "");
    assert_eq!(status, 503);
    assert_eq!(verdict["reasons"][0]["code"], "draining", "{verdict}");
    running.signal(Signal::TERM);
    assert_eq!(running.ended(), Some(1), "{}", home.log());
    assert!(home.log().contains("second signal"));
    assert!(!running.ready.exists());
    drop(stuck);
}

#[test]
fn load_balancers_get_their_time_before_the_listeners_close() {
    let home = Home::new();
    let secret = home.app("shop");
    let hash = home.hash(&secret, "ana");
    let mut running = home.serve_with(&["--set", "lifecycle.drain_lead_seconds=600"]);
    let ready = |running: &Running| request(running.address("admin"), "/health/ready", "");
    assert_eq!(ready(&running).0, 200);
    running.signal(Signal::TERM);
    let verdict = wait_for("readiness to say no", || {
        let (status, verdict) = ready(&running);
        (status == 503).then_some(verdict)
    });
    assert_eq!(verdict["reasons"][0]["code"], "draining", "{verdict}");
    assert_eq!(running.get("/v1/sdk/me", "shop", "ana", &hash).0, 200);
    TcpStream::connect(running.address("mqtt")).unwrap();
    assert!(!running.has_ended());
    running.signal(Signal::TERM);
    assert_eq!(running.ended(), Some(1), "{}", home.log());
}

#[test]
fn the_drain_follows_the_lead() {
    let home = Home::new();
    let mut running = home.serve_with(&["--set", "lifecycle.drain_lead_seconds=1"]);
    running.signal(Signal::TERM);
    assert_eq!(running.ended(), Some(0), "{}", home.log());
    assert!(home.log().contains("still accepting"), "{}", home.log());
}

#[test]
fn clients_of_version_5_are_told_why() {
    let home = Home::new();
    let secret = home.app("shop");
    let hash = home.hash(&secret, "ana");
    let mut running = home.serve();
    let mut stream = TcpStream::connect(running.address("mqtt")).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    stream
        .write_all(&connect_v5("sdk:shop:ana", &hash))
        .unwrap();
    let mut first = [0_u8; 2];
    stream.read_exact(&mut first).unwrap();
    assert_eq!(first[0], 0x20, "CONNACK");
    let mut connack = vec![0; usize::from(first[1])];
    stream.read_exact(&mut connack).unwrap();
    assert_eq!(connack[1], 0, "{connack:?}");
    running.signal(Signal::TERM);
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert_eq!(rest[0], 0xE0, "DISCONNECT {rest:x?}");
    assert_eq!(rest[2], 0x8B, "server shutting down {rest:x?}");
    drop(stream);
    assert_eq!(running.ended(), Some(0), "{}", home.log());
}

fn connect_v5(username: &str, password: &str) -> Vec<u8> {
    let text = |text: &str| {
        let mut bytes = u16::try_from(text.len()).unwrap().to_be_bytes().to_vec();
        bytes.extend(text.as_bytes());
        bytes
    };
    let mut body = text("MQTT");
    // Version 5; username, password, clean start; keep-alive 30 s; no properties.
    body.extend([5, 0b1100_0010, 0, 30, 0]);
    for part in ["phone", username, password] {
        body.extend(text(part));
    }
    let mut packet = vec![0x10];
    let length = body.len();
    assert!(length < 16_384);
    packet.extend([
        u8::try_from(length % 128).unwrap() | 0x80,
        u8::try_from(length / 128).unwrap(),
    ]);
    packet.extend(body);
    packet
}
