//! What happens when the store or the client is slow.

use std::time::Duration;

use mayday_app::presence::PresenceLimits;
use mayday_mqtt::MqttSettings;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use crate::support::client::Client;
use crate::support::packets::{BOTH, Connect, PINGREQ, Version, cry, publish, sample};
use crate::support::server::Server;
use crate::support::transport::Via;
use crate::support::{LIMIT, eventually};

const PUBACK: u8 = 0x40;

async fn a_cry_behind_64_frozen_samples_is_acknowledged_within_200_ms(via: Via) {
    for version in BOTH {
        let server = Server::over(via).await;
        let mut client = Client::connect(&server, version, "ana").await;
        server.node.telemetry.faults().freeze();
        let mut bytes = Vec::new();
        for id in 1..=64 {
            bytes.extend(publish(version, id, "tel/data", &sample(id)));
        }
        client.send(&bytes).await;
        client.expect_silence().await;
        let cried = Instant::now();
        client
            .send(&publish(version, 65, "sos/alerts", &cry(1)))
            .await;
        for id in 1..=65 {
            client.expect_ack(PUBACK, id, 0).await;
        }
        let waited = cried.elapsed();
        // A WebSocket's client here is two more tasks in a debug build.
        let limit = Duration::from_millis(if via == Via::Tcp { 200 } else { 1_000 });
        assert!(waited < limit, "{waited:?}");
        server.node.telemetry.faults().thaw();
    }
}

async fn pings_and_cries_get_through_while_in_flight_is_full(via: Via) {
    let settings = MqttSettings {
        in_flight: 8,
        ..MqttSettings::default()
    };
    for version in BOTH {
        let server = Server::over_with(via, settings.clone(), PresenceLimits::default()).await;
        let mut client = Client::connect(&server, version, "ana").await;
        server.node.telemetry.faults().freeze();
        let mut bytes = Vec::new();
        for id in 1..=100 {
            bytes.extend(publish(version, id, "tel/data", &sample(id)));
        }
        bytes.extend_from_slice(PINGREQ);
        bytes.extend(publish(version, 101, "sos/alerts", &cry(1)));
        client.send(&bytes).await;
        client.expect(0xD0, b"").await;
        eventually("the cry is stored", async || server.has_sos("ana").await).await;
        // The hundred samples ahead of it are spilled, parked or not.
        for id in 1..=101 {
            client.expect_ack(PUBACK, id, 0).await;
        }
        server.node.telemetry.faults().thaw();
    }
}

async fn more_than_the_receive_maximum_closes_5_but_a_cry_is_taken(via: Via) {
    let settings = MqttSettings {
        receive_maximum: 4,
        ..MqttSettings::default()
    };
    let server = Server::over_with(via, settings, PresenceLimits::default()).await;
    server.node.telemetry.faults().freeze();
    let mut client = Client::connect(&server, Version::V5, "ana").await;
    for id in 1..=4 {
        client
            .send(&publish(Version::V5, id, "tel/data", &sample(id)))
            .await;
    }
    client
        .send(&publish(Version::V5, 5, "sos/alerts", &cry(1)))
        .await;
    for id in 1..=5 {
        client.expect_ack(PUBACK, id, 0).await;
    }
    for id in 1..=5 {
        client
            .send(&publish(Version::V5, id, "tel/data", &sample(id)))
            .await;
    }
    client.expect_close(0x93).await;
    server.node.telemetry.faults().thaw();
}

async fn more_than_is_decoded_ahead_is_read_slower_and_answered_in_order(via: Via) {
    let server = Server::over(via).await;
    let client = Client::connect(&server, Version::V311, "ana").await;
    server.node.telemetry.faults().freeze();
    let mut bytes = Vec::new();
    for id in 1..=3_000_u16 {
        bytes.extend(publish(Version::V311, id, "tel/data", &sample(id)));
    }
    let (mut reader, mut writer) = tokio::io::split(client.stream);
    let writing = tokio::spawn(async move {
        writer.write_all(&bytes).await.unwrap();
        writer
    });
    let mut first = [0; 4];
    let acks = reader.read_exact(&mut first);
    tokio::time::timeout(LIMIT, acks)
        .await
        .expect("a writer that stands still is left to the spill table")
        .unwrap();
    server.node.telemetry.faults().thaw();
    let mut rest = vec![0; 2_999 * 4];
    tokio::time::timeout(LIMIT, reader.read_exact(&mut rest))
        .await
        .expect("every sample is acknowledged")
        .unwrap();
    let acks: Vec<_> = first.chunks(4).chain(rest.chunks(4)).collect();
    for (id, ack) in (1..=3_000_u16).zip(acks) {
        let [high, low] = id.to_be_bytes();
        assert_eq!(ack, [PUBACK, 2, high, low]);
    }
    drop(writing.await.unwrap());
}

async fn silence_beyond_the_keep_alive_closes(via: Via) {
    let server = Server::over(via).await;
    for version in BOTH {
        let hash = server.node.hash("ana");
        let connect = Connect {
            keep_alive: 1,
            ..Connect::new(version, "ana", &hash)
        };
        let mut client = Client::accepted(&server, &connect).await;
        let since = Instant::now();
        client.expect_close(0x8D).await;
        assert!(since.elapsed() >= Duration::from_millis(1_400));
    }
}

async fn a_client_that_takes_nothing_is_disconnected(via: Via) {
    let settings = MqttSettings {
        write_timeout: Duration::from_millis(200),
        // The quickest way to have much to say to a client.
        chatter: u32::MAX,
        ..MqttSettings::default()
    };
    let server = Server::over_with(via, settings, PresenceLimits::default()).await;
    let mut client = Client::connect(&server, Version::V311, "ana").await;
    // Pings whose answers nobody reads, until the server gives up.
    let pings = PINGREQ.repeat(32 * 1024);
    let flood = async { while client.stream.write_all(&pings).await.is_ok() {} };
    tokio::time::timeout(LIMIT, flood)
        .await
        .expect("the server closes");
    eventually("the connection is gone", async || {
        server.node.app.presence().counts().members == 0
    })
    .await;
}

crate::over_every_transport!(
    a_cry_behind_64_frozen_samples_is_acknowledged_within_200_ms,
    pings_and_cries_get_through_while_in_flight_is_full,
    more_than_the_receive_maximum_closes_5_but_a_cry_is_taken,
    more_than_is_decoded_ahead_is_read_slower_and_answered_in_order,
    silence_beyond_the_keep_alive_closes,
    a_client_that_takes_nothing_is_disconnected,
);
