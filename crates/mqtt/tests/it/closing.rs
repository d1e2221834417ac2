//! The end of a connection: goodbye, loss, wills, and the server's own end.

use mayday_store::testing::still::Still;
use std::future::ready;
use std::time::Duration;

use crate::support::client::Client;
use crate::support::eventually;
use crate::support::packets::{BOTH, Connect, Version, cry, publish, publish_with, sample};
use crate::support::server::{Server, patient};
use crate::support::transport::Via;

async fn has_sample(server: &Server, external_id: &str) -> bool {
    let user = server.caller(external_id).await.user;
    let latest = server.node.app.latest_position(user).await;
    latest.unwrap().is_some()
}

fn with_will(server: &Server, version: Version, user: &str, topic: &str) -> Connect {
    Connect {
        will: Some((topic.to_owned(), sample(1))),
        ..Connect::new(version, user, &server.node.hash(user))
    }
}

async fn all_have_left(server: &Server) {
    eventually("all have left", || {
        ready(server.node.app.presence().counts().members == 0)
    })
    .await;
}

async fn a_will_on_the_own_telemetry_topic_is_stored_on_loss_only(via: Via) {
    let server = Server::over(via).await;
    for version in BOTH {
        for (goodbye, stored) in [(None, true), (Some(&b"\xE0\x00"[..]), false)] {
            let user = format!("{version:?}-{stored}");
            let topic = format!("tel/{user}/data");
            let connect = with_will(&server, version, &user, &topic);
            let mut client = Client::accepted(&server, &connect).await;
            if let Some(goodbye) = goodbye {
                client.send(goodbye).await;
                client.expect_end().await;
            }
            drop(client);
            all_have_left(&server).await;
            if stored {
                eventually("the will is stored", async || {
                    has_sample(&server, &user).await
                })
                .await;
            } else {
                assert!(!has_sample(&server, &user).await);
            }
        }
    }
    // Not even when 5 asks for it: the network was not lost.
    let connect = with_will(&server, Version::V5, "asks", "tel/asks/data");
    let mut client = Client::accepted(&server, &connect).await;
    client.send(b"\xE0\x01\x04").await;
    client.expect_end().await;
    all_have_left(&server).await;
    assert!(!has_sample(&server, "asks").await);
}

async fn a_will_on_an_sos_topic_is_accepted_and_ignored(via: Via) {
    let server = Server::over(via).await;
    for version in BOTH {
        let user = format!("lost-{version:?}");
        let connect = with_will(&server, version, &user, "sos/alerts");
        drop(Client::accepted(&server, &connect).await);
        all_have_left(&server).await;
        assert!(!server.has_sos(&user).await);
        assert!(!has_sample(&server, &user).await);
    }
}

async fn a_client_cut_by_the_server_leaves_no_will(via: Via) {
    let server = Server::over(via).await;
    let connect = with_will(&server, Version::V5, "ana", "tel/ana/data");
    let mut first = Client::accepted(&server, &connect).await;
    let without = Connect {
        will: None,
        ..connect
    };
    let mut second = Client::accepted(&server, &without).await;
    first.expect_close(0x8E).await;
    second.expect_silence().await;
    assert!(!has_sample(&server, "ana").await);
}

async fn a_cry_is_stored_though_its_sender_is_gone(via: Via) {
    let server = Server::over(via).await;
    for version in BOTH {
        let user = format!("gone-{version:?}");
        let mut client = Client::connect(&server, version, &user).await;
        client
            .send(&publish(version, 1, "sos/alerts", &cry(1)))
            .await;
        drop(client);
        eventually("the cry is stored", async || server.has_sos(&user).await).await;
    }
}

async fn shutdown_acknowledges_what_is_in_flight_and_says_goodbye(via: Via) {
    for version in BOTH {
        let mut server = Server::over(via).await;
        let mut idle = Client::connect(&server, version, "ben").await;
        let mut client = Client::connect(&server, version, "ana").await;
        let mut stranger = Client::dial(&server, version).await;
        server.node.telemetry.faults().freeze();
        // The store would not wait long for the frozen writer.
        let still = Still::now();
        let mut bytes = Vec::new();
        for id in 1..=20 {
            bytes.extend(publish(version, id, "tel/data", &sample(id)));
        }
        client.send(&bytes).await;
        client.expect_silence().await;
        server.shutdown.cancel();
        idle.expect_close(0x8B).await;
        stranger.expect_end().await;
        assert!(!server.listener.is_finished());
        drop(still);
        server.node.telemetry.faults().thaw();
        for id in 1..=20 {
            client.expect_ack(0x40, id, 0).await;
        }
        client.expect_close(0x8B).await;
        tokio::time::timeout(crate::support::LIMIT, &mut server.listener)
            .await
            .expect("the listener ends when all have left")
            .unwrap();
        let refused = tokio::net::TcpStream::connect(server.address).await;
        assert!(refused.is_err());
    }
}

async fn a_commit_that_hangs_is_waited_for_by_the_shutdown(via: Via) {
    for version in BOTH {
        let mut server = Server::over(via).await;
        let mut idle = Client::connect(&server, version, "ben").await;
        let mut client = Client::connect(&server, version, "ana").await;
        server.node.store.faults().freeze();
        // A cry, a dead letter and a cry of QoS 2, all of which the state store keeps.
        let mut bytes = publish(version, 1, "sos/alerts", &cry(1));
        bytes.extend(publish(version, 2, "tel/data", b"nonsense"));
        bytes.extend(publish_with(version, 2, 0, 3, "sos/alerts", &cry(2)));
        client.send(&bytes).await;
        client.expect_silence().await;
        server.shutdown.cancel();
        // Whoever waits for nothing leaves at once.
        idle.expect_close(0x8B).await;
        assert!(!server.listener.is_finished());
        server.node.store.faults().thaw();
        client.expect_ack(0x40, 1, 0).await;
        let malformed = if version == Version::V5 { 0x99 } else { 0 };
        client.expect_ack(0x40, 2, malformed).await;
        client.expect_ack(0x50, 3, 0).await;
        client.expect_close(0x8B).await;
        tokio::time::timeout(crate::support::LIMIT, &mut server.listener)
            .await
            .expect("the listener ends when all have left")
            .unwrap();
        let caller = server.caller("ana").await;
        let history = server.node.app.sos_history(&caller, 10, None).await;
        assert_eq!(history.unwrap().items.len(), 1);
    }
}

async fn a_store_that_does_not_answer_bounds_the_drain(via: Via) {
    let settings = mayday_mqtt::MqttSettings {
        drain_timeout: Duration::from_millis(50),
        ..patient()
    };
    let server = Server::over_with(
        via,
        settings,
        mayday_app::presence::PresenceLimits::default(),
    )
    .await;
    let mut client = Client::connect(&server, Version::V5, "ana").await;
    server.node.telemetry.faults().freeze();
    let still = Still::now();
    client
        .send(&publish(Version::V5, 1, "tel/data", &sample(1)))
        .await;
    client.expect_silence().await;
    server.shutdown.cancel();
    drop(still);
    client.expect_close(0x8B).await;
    server.node.telemetry.faults().thaw();
}

crate::over_every_transport!(
    a_will_on_the_own_telemetry_topic_is_stored_on_loss_only,
    a_will_on_an_sos_topic_is_accepted_and_ignored,
    a_client_cut_by_the_server_leaves_no_will,
    a_cry_is_stored_though_its_sender_is_gone,
    shutdown_acknowledges_what_is_in_flight_and_says_goodbye,
    a_commit_that_hangs_is_waited_for_by_the_shutdown,
    a_store_that_does_not_answer_bounds_the_drain,
);
