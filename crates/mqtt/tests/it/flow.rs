//! What happens when the store or the client is slow.

use std::time::Duration;

use mayday_app::presence::PresenceLimits;
use mayday_mqtt::MqttSettings;
use mayday_store::testing::still::Still;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use crate::support::client::Client;
use crate::support::packets::{BOTH, Connect, PINGREQ, Version, cry, publish, sample};
use crate::support::server::{Server, patient};
use crate::support::transport::Via;
use crate::support::{LIMIT, eventually};

const PUBACK: u8 = 0x40;

async fn a_cry_behind_64_frozen_samples_is_acknowledged_within_200_ms(via: Via) {
    let settings = MqttSettings {
        // Pings show here that time has passed on the server.
        chatter: u32::MAX,
        ..patient()
    };
    for version in BOTH {
        let server = Server::over_with(via, settings.clone(), PresenceLimits::default()).await;
        let mut client = Client::connect(&server, version, "ana").await;
        server.node.telemetry.faults().freeze();
        let still = Still::now();
        let mut bytes = Vec::new();
        for id in 1..=64 {
            bytes.extend(publish(version, id, "tel/data", &sample(id)));
        }
        client.send(&bytes).await;
        client.expect_silence().await;
        client
            .send(&publish(version, 65, "sos/alerts", &cry(1)))
            .await;
        eventually("the cry is stored", async || server.has_sos("ana").await).await;
        // What the server waits for ends within 200 ms; the disk has the time it needs.
        let mut acks = Vec::new();
        for _ in 0..200 {
            tokio::time::advance(Duration::from_millis(1)).await;
            client.send(PINGREQ).await;
            loop {
                match client.packet().await {
                    packet if packet.first == 0xD0 => break,
                    packet => acks.push(packet),
                }
            }
        }
        while acks.len() < 65 {
            acks.push(client.packet().await);
        }
        for (id, ack) in (1..=65_u16).zip(acks) {
            assert_eq!((ack.first, &ack.body[..2]), (PUBACK, &id.to_be_bytes()[..]));
            assert!(ack.body[2..].iter().all(|byte| *byte == 0), "{ack:?}");
        }
        drop(still);
        server.node.telemetry.faults().thaw();
    }
}

async fn pings_and_cries_get_through_while_in_flight_is_full(via: Via) {
    let settings = MqttSettings {
        in_flight: 8,
        ..patient()
    };
    for version in BOTH {
        let server = Server::over_with(via, settings.clone(), PresenceLimits::default()).await;
        let mut client = Client::connect(&server, version, "ana").await;
        server.node.telemetry.faults().freeze();
        // The store would not wait long for the frozen writer.
        let still = Still::now();
        let mut bytes = Vec::new();
        for id in 1..=100 {
            bytes.extend(publish(version, id, "tel/data", &sample(id)));
        }
        bytes.extend_from_slice(PINGREQ);
        bytes.extend(publish(version, 101, "sos/alerts", &cry(1)));
        client.send(&bytes).await;
        client.expect(0xD0, b"").await;
        drop(still);
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
        ..patient()
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
    // None of these is spilled before the last has come.
    let still = Still::now();
    for id in 1..=5 {
        client
            .send(&publish(Version::V5, id, "tel/data", &sample(id)))
            .await;
    }
    client.expect_close(0x93).await;
    drop(still);
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
        // Before the server begins to listen to its silence.
        let since = Instant::now();
        let mut client = Client::accepted(&server, &connect).await;
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
