//! TLS itself: handshakes that are slow, foreign or broken off.

use std::future::ready;
use std::time::Duration;

use mayday_app::presence::PresenceLimits;
use mayday_mqtt::MqttSettings;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::client::Client;
use crate::support::packets::{Connect, Version, cry, publish};
use crate::support::server::Server;
use crate::support::transport::Via;
use crate::support::{LIMIT, eventually};

async fn closes(stream: &mut TcpStream) {
    let mut rest = Vec::new();
    // With or without a reset: it ends.
    let _ = timeout(LIMIT, stream.read_to_end(&mut rest))
        .await
        .expect("the server closes");
}

fn without_patience() -> MqttSettings {
    MqttSettings {
        connect_timeout: Duration::from_millis(300),
        ..MqttSettings::default()
    }
}

#[tokio::test]
async fn a_handshake_that_is_not_finished_in_time_is_closed() {
    let limits = PresenceLimits::default();
    let server = Server::over_with(Via::Tls, without_patience(), limits).await;
    let mut silent = TcpStream::connect(server.address).await.unwrap();
    let mut halfway = TcpStream::connect(server.address).await.unwrap();
    // The first bytes of a ClientHello.
    halfway.write_all(&[0x16, 0x03, 0x01, 0x02]).await.unwrap();
    closes(&mut silent).await;
    closes(&mut halfway).await;
    eventually("both have left", || {
        ready(server.node.app.presence().counts().visitors == 0)
    })
    .await;
}

#[tokio::test]
async fn a_client_without_tls_is_closed_at_once() {
    let server = Server::over(Via::Tls).await;
    let mut plain = TcpStream::connect(server.address).await.unwrap();
    let connect = Connect::new(Version::V5, "ana", &server.node.hash("ana"));
    plain.write_all(&connect.bytes()).await.unwrap();
    closes(&mut plain).await;
    Client::connect(&server, Version::V5, "ana").await;
}

#[tokio::test]
async fn a_flood_of_unfinished_handshakes_keeps_no_cry_out() {
    let limits = PresenceLimits {
        members: 2,
        reserve: 2,
    };
    let server = Server::over_with(Via::Tls, MqttSettings::default(), limits).await;
    let mut flood = Vec::new();
    for _ in 0..20 {
        flood.push(TcpStream::connect(server.address).await.unwrap());
    }
    let mut genuine = Client::connect(&server, Version::V5, "ana").await;
    genuine
        .send(&publish(Version::V5, 1, "sos/alerts", &cry(1)))
        .await;
    genuine.expect_ack(0x40, 1, 0).await;
    let counts = server.node.app.presence().counts();
    assert!(counts.visitors <= 2, "{counts:?}");
    // The oldest of the flood had to go, though the ten seconds have not passed.
    closes(&mut flood[0]).await;
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_handshakes() {
    let mut server = Server::over(Via::Tls).await;
    let mut silent = TcpStream::connect(server.address).await.unwrap();
    eventually("it has arrived", || {
        ready(server.node.app.presence().counts().visitors == 1)
    })
    .await;
    server.shutdown.cancel();
    timeout(LIMIT, &mut server.listener)
        .await
        .expect("it does not wait until the handshake's time is over")
        .unwrap();
    closes(&mut silent).await;
}
