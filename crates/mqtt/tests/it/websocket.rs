//! The WebSocket around MQTT: the upgrade, what breaks its rules, its end.

use std::future::ready;
use std::time::Duration;

use mayday_app::presence::PresenceLimits;
use mayday_mqtt::MqttSettings;
use mayday_store::testing::still::Still;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::frames::{self, BINARY, CLOSE, Frame, LAST, PING, PONG, TEXT, frame};
use crate::support::packets::{BOTH, Connect, PINGREQ, Version, cry, publish};
use crate::support::server::{Server, patient};
use crate::support::transport::{self, HEADERS, Socket, Via};
use crate::support::{LIMIT, eventually};

async fn tcp(server: &Server) -> Box<dyn Socket> {
    Box::new(TcpStream::connect(server.address).await.unwrap())
}

async fn open(server: &Server) -> Box<dyn Socket> {
    transport::upgrade("/mqtt", tcp(server).await).await
}

async fn next(socket: &mut Box<dyn Socket>) -> Option<Frame> {
    timeout(LIMIT, frames::read(socket))
        .await
        .expect("a frame or the end comes")
}

async fn expect(socket: &mut Box<dyn Socket>, opcode: u8, payload: &[u8]) {
    let expected = Frame {
        opcode,
        payload: payload.to_vec(),
    };
    assert_eq!(next(socket).await, Some(expected));
}

/// An accepted connection of version 3.1.1.
async fn connected(server: &Server, user: &str) -> Box<dyn Socket> {
    let mut socket = open(server).await;
    let connect = Connect::new(Version::V311, user, &server.node.hash(user));
    let packet = frame(BINARY | LAST, &connect.bytes());
    socket.write_all(&packet).await.unwrap();
    expect(&mut socket, BINARY, b"\x20\x02\x00\x00").await;
    socket
}

/// The status of an upgrade with these headers.
async fn status(server: &Server, path: &str, headers: &str) -> String {
    let mut socket = tcp(server).await;
    let request = transport::request(path, headers);
    socket.write_all(request.as_bytes()).await.unwrap();
    let head = transport::head(&mut socket).await;
    head.split(' ').nth(1).unwrap().to_owned()
}

#[tokio::test]
async fn it_is_at_mqtt_at_ws_and_at_the_root_however_many_slashes() {
    let server = Server::over(Via::Ws).await;
    for path in ["/mqtt", "/ws", "/", "//mqtt", "/mqtt/", "//", "/ws?x=1"] {
        transport::upgrade(path, tcp(&server).await).await;
    }
    for path in ["/mqtt/more", "/v1/sdk/me", "/websocket"] {
        assert_eq!(status(&server, path, HEADERS).await, "404", "{path}");
    }
}

#[tokio::test]
async fn an_upgrade_that_is_not_as_it_must_be_is_refused() {
    let server = Server::over(Via::Ws).await;
    for (from, to, expected) in [
        ("mqttv3.1, mqtt", "mqttv3.1", "400"),
        ("Sec-WebSocket-Protocol", "X-Other", "400"),
        ("dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ=", "400"),
        ("Sec-WebSocket-Key", "X-Other", "400"),
        ("Version: 13", "Version: 8", "426"),
    ] {
        let headers = HEADERS.replace(from, to);
        assert_eq!(status(&server, "/mqtt", &headers).await, expected, "{to}");
    }
    let mut socket = tcp(&server).await;
    let plain = b"GET /mqtt HTTP/1.1\r\nHost: localhost\r\n\r\n";
    socket.write_all(plain).await.unwrap();
    let head = transport::head(&mut socket).await;
    assert!(
        head.starts_with("http/1.1 404 "),
        "HTTP's own answer: {head}"
    );
    assert_eq!(server.node.app.presence().counts().visitors, 0);
}

#[tokio::test]
async fn a_text_frame_is_closed_with_1003_and_an_unmasked_one_with_1002() {
    let server = Server::over(Via::Ws).await;
    let unmasked = [&[BINARY | LAST, 2][..], PINGREQ].concat();
    for (bytes, code) in [
        (frame(TEXT | LAST, b"hello"), 1003_u16),
        (unmasked, 1002),
        (frame(PING, b"not the last"), 1002),
    ] {
        // Before CONNECT, and after it, behind a packet that still counts.
        let mut stranger = open(&server).await;
        stranger.write_all(&bytes).await.unwrap();
        expect(&mut stranger, CLOSE, &code.to_be_bytes()).await;
        assert_eq!(next(&mut stranger).await, None);

        let mut member = connected(&server, "ana").await;
        let ping = frame(BINARY | LAST, PINGREQ);
        member.write_all(&[ping, bytes].concat()).await.unwrap();
        expect(&mut member, BINARY, b"\xD0\x00").await;
        expect(&mut member, CLOSE, &code.to_be_bytes()).await;
        assert_eq!(next(&mut member).await, None);
    }
}

#[tokio::test]
async fn a_ping_is_answered_between_the_frames_of_a_packet() {
    let server = Server::over(Via::Ws).await;
    let mut socket = connected(&server, "ana").await;
    let (begin, end) = PINGREQ.split_at(1);
    let bytes = [
        frame(BINARY, begin),
        frame(PING | LAST, b"first"),
        frame(PING | LAST, b""),
    ];
    socket.write_all(&bytes.concat()).await.unwrap();
    // Of pings that came together the latest is answered (RFC 6455, 5.5.3).
    expect(&mut socket, PONG, b"").await;
    let bytes = [frame(PONG | LAST, b"unasked"), frame(LAST, end)];
    socket.write_all(&bytes.concat()).await.unwrap();
    expect(&mut socket, BINARY, b"\xD0\x00").await;
}

#[tokio::test]
async fn a_closing_frame_is_returned_and_ends_the_connection() {
    let server = Server::over(Via::Ws).await;
    let mut socket = connected(&server, "ana").await;
    let goodbye = [&1001_u16.to_be_bytes()[..], b"going away"].concat();
    socket
        .write_all(&frame(CLOSE | LAST, &goodbye))
        .await
        .unwrap();
    expect(&mut socket, CLOSE, &1001_u16.to_be_bytes()).await;
    assert_eq!(next(&mut socket).await, None);
    eventually("it has left", || {
        ready(server.node.app.presence().counts().members == 0)
    })
    .await;
}

#[tokio::test]
async fn an_sos_that_fills_many_messages_or_one_beyond_any_limit_is_heard() {
    let server = Server::over(Via::Ws).await;
    let mut socket = connected(&server, "ana").await;
    let mut body = cry(1);
    body.truncate(body.len() - 1);
    body.extend(format!(r#","message":"{}"}}"#, "x".repeat(600 * 1024)).bytes());
    let packet = publish(Version::V311, 7, "sos/alerts", &body);
    let (small, large) = packet.split_at(1_000);
    for byte in small {
        let frame = frame(BINARY | LAST, &[*byte]);
        socket.write_all(&frame).await.unwrap();
    }
    socket
        .write_all(&frame(BINARY | LAST, large))
        .await
        .unwrap();
    expect(&mut socket, BINARY, b"\x40\x02\x00\x07").await;
    let caller = server.caller("ana").await;
    let incident = server.node.app.current_sos(&caller).await.unwrap().unwrap();
    let flags = format!("{:?}", incident.flags).to_lowercase();
    assert!(flags.contains("oversized"), "{flags}");
}

#[tokio::test]
async fn telemetry_beyond_the_limit_of_packets_closes_as_on_tcp() {
    let server = Server::over(Via::Ws).await;
    let mut socket = open(&server).await;
    let connect = Connect::new(Version::V5, "ana", &server.node.hash("ana"));
    let packet = frame(BINARY | LAST, &connect.bytes());
    socket.write_all(&packet).await.unwrap();
    assert_eq!(next(&mut socket).await.unwrap().payload[0], 0x20);
    let large = publish(Version::V5, 1, "tel/data", &vec![b' '; 300 * 1024]);
    let _ = socket.write_all(&frame(BINARY | LAST, &large)).await;
    let told = b"\xE0\x1F\x95\x1D\x1F\x00\x1Aa PUBLISH beyond the limit";
    expect(&mut socket, BINARY, told).await;
    expect(&mut socket, CLOSE, &1000_u16.to_be_bytes()).await;
}

#[tokio::test]
async fn an_upgrade_without_a_connect_is_closed_in_time_and_makes_room_for_others() {
    let settings = MqttSettings {
        connect_timeout: Duration::from_millis(300),
        ..patient()
    };
    let server = Server::over_with(Via::Ws, settings, PresenceLimits::default()).await;
    let still = Still::now();
    let mut silent = open(&server).await;
    // Pings prove nothing.
    silent
        .write_all(&frame(PING | LAST, b"here"))
        .await
        .unwrap();
    expect(&mut silent, PONG, b"here").await;
    drop(still);
    expect(&mut silent, CLOSE, &1000_u16.to_be_bytes()).await;

    let limits = PresenceLimits {
        members: 2,
        reserve: 2,
    };
    let server = Server::over_with(Via::Ws, patient(), limits).await;
    let mut flood = Vec::new();
    for _ in 0..12 {
        flood.push(open(&server).await);
    }
    let mut genuine = connected(&server, "ana").await;
    let sos = publish(Version::V311, 1, "sos/alerts", &cry(1));
    let sos = frame(BINARY | LAST, &sos);
    genuine.write_all(&sos).await.unwrap();
    expect(&mut genuine, BINARY, b"\x40\x02\x00\x01").await;
}

#[tokio::test]
async fn whoever_leaves_during_the_upgrade_leaves_nothing() {
    let server = Server::over(Via::Ws).await;
    for _ in BOTH {
        let mut socket = tcp(&server).await;
        let request = transport::request("/mqtt", HEADERS);
        socket.write_all(request.as_bytes()).await.unwrap();
        drop(socket);
    }
    let mut half = tcp(&server).await;
    half.write_all(b"GET /mqtt HTTP/1.1\r\nUpgr").await.unwrap();
    drop(half);
    // One who stays shows that the others were served before.
    let mut socket = connected(&server, "ana").await;
    eventually("the others have left", || {
        ready(server.node.app.presence().counts().visitors == 0)
    })
    .await;
    let ping = frame(BINARY | LAST, PINGREQ);
    socket.write_all(&ping).await.unwrap();
    assert_eq!(next(&mut socket).await.unwrap().payload, b"\xD0\x00");
}
