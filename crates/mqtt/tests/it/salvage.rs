//! A cry for help among what the end of its connection leaves undecoded.

use std::time::Duration;

use mayday_app::admin::AdminRequest;
use mayday_app::presence::PresenceLimits;
use mayday_app::testing::APP_ID;
use mayday_mqtt::MqttSettings;
use mayday_store::incidents;
use mayday_store::testing::still::Still;
use tokio::io::AsyncWriteExt;

use crate::support::client::Client;
use crate::support::packets::{BOTH, Version, cry, packet, publish, publish_with, sample};
use crate::support::server::{Server, patient};
use crate::support::transport::Via;
use crate::support::{LIMIT, eventually};

/// Foreign to the user: refused, as a sample is that cannot be stored.
const REFUSED: &str = "tel/ben/data";
/// More than are decoded before the refusal is noticed.
const SAMPLES: u16 = 200;

async fn an_sos_behind_a_refused_publish_is_stored_and_nothing_else_is(via: Via) {
    let server = Server::over(via).await;
    let mut phone = Client::connect(&server, Version::V311, "ana").await;
    let mut sent = Vec::new();
    for id in 1..=SAMPLES {
        sent.extend(publish(Version::V311, id, REFUSED, &sample(id)));
    }
    sent.extend(publish(Version::V311, 500, "tel/data", &sample(1)));
    sent.extend(publish(Version::V311, 501, "sos/alerts/ben", &cry(1)));
    sent.extend(publish(Version::V311, 502, "sos/alerts", &cry(2)));
    phone.send(&sent).await;
    phone.expect_end().await;
    eventually("the SOS is stored", async || server.has_sos("ana").await).await;
    assert!(!server.has_sos("ben").await);
    let ana = server.caller("ana").await.user;
    let latest = server.node.app.latest_position(ana).await.unwrap();
    assert!(latest.is_none(), "{latest:?}");
}

async fn an_sos_that_arrives_after_the_refusal_is_stored(via: Via) {
    let server = Server::over(via).await;
    let mut phone = Client::connect(&server, Version::V311, "ana").await;
    let help = publish(Version::V311, 2, "sos/alerts", &cry(1));
    let (begun, rest) = help.split_at(20);
    let mut sent = publish(Version::V311, 1, REFUSED, &sample(1));
    sent.extend(begun);
    phone.send(&sent).await;
    phone.expect_end().await;
    phone.send(rest).await;
    eventually("the SOS is stored", async || server.has_sos("ana").await).await;
}

/// More than the queue holds: what comes behind stays undecoded.
const BACKLOG: u16 = 1_100;

/// A phone whose queue is full of samples that are not stored, with a cry behind
/// them that nobody decodes. The clock stands still, or the store would not wait
/// long for the frozen writer.
async fn clogged(server: &Server, version: Version, external_id: &str) -> (Client, Still) {
    let mut phone = Client::connect(server, version, external_id).await;
    server.node.telemetry.faults().freeze();
    let still = Still::now();
    let mut sent = Vec::new();
    for second in 0..BACKLOG {
        let sample = sample(second);
        sent.extend(publish_with(version, 0, 0, 0, "tel/data", &sample));
    }
    sent.extend(publish(version, 1, "sos/alerts", &cry(1)));
    phone.send(&sent).await;
    (phone, still)
}

async fn an_sos_that_a_take_over_left_undecoded_is_stored(via: Via) {
    let server = Server::over(via).await;
    for version in BOTH {
        let user = format!("taken-{version:?}");
        let (mut first, still) = clogged(&server, version, &user).await;
        let _second = Client::connect(&server, version, &user).await;
        first.expect_close(0x8E).await;
        drop(still);
        eventually("the SOS is stored", async || server.has_sos(&user).await).await;
        server.node.telemetry.faults().thaw();
    }
}

const DRAIN: Duration = Duration::from_millis(500);

#[tokio::test]
async fn an_sos_that_a_drain_left_undecoded_is_stored_before_the_server_ends() {
    for version in BOTH {
        let settings = MqttSettings {
            drain_timeout: DRAIN,
            ..patient()
        };
        let mut server = Server::over_with(Via::Tcp, settings, PresenceLimits::default()).await;
        let (mut phone, still) = clogged(&server, version, "ana").await;
        let mut idle = Client::connect(&server, version, "ben").await;
        server.shutdown.cancel();
        idle.expect_close(0x8B).await;
        // The time of the drain is over, and none of the time for what it left.
        tokio::time::advance(DRAIN + Duration::from_millis(1)).await;
        phone.expect_close(0x8B).await;
        drop((phone, idle));
        let ended = tokio::time::timeout(LIMIT, &mut server.listener).await;
        ended.expect("the listener ends").unwrap();
        assert!(server.has_sos("ana").await);
        drop(still);
        server.node.telemetry.faults().thaw();
    }
}

async fn an_sos_behind_a_fault_of_its_client_is_stored(via: Via) {
    let server = Server::over(via).await;
    let mut phone = Client::connect(&server, Version::V5, "ana").await;
    server.node.telemetry.faults().freeze();
    let still = Still::now();
    let mut sent = Vec::new();
    // More than may be unanswered.
    for id in 1..=300 {
        sent.extend(publish(Version::V5, id, "tel/data", &sample(id)));
    }
    sent.extend(publish(Version::V5, 500, "sos/alerts", &cry(1)));
    phone.send(&sent).await;
    phone.expect_close(0x93).await;
    drop(still);
    eventually("the SOS is stored", async || server.has_sos("ana").await).await;
    server.node.telemetry.faults().thaw();
}

/// More than is taken whole.
const TOO_LARGE: usize = 300 * 1024;

/// A sample of so many bytes.
fn blown_up(version: Version, bytes: usize) -> Vec<u8> {
    let mut body = sample(1);
    body.resize(bytes, b' ');
    publish(version, 1, "tel/data", &body)
}

async fn an_sos_behind_packets_that_are_too_large_is_stored(via: Via) {
    let server = Server::over(via).await;
    for version in BOTH {
        let user = format!("large-{version:?}");
        let mut phone = Client::connect(&server, version, &user).await;
        // Or what arrives slowly on a busy machine would not be waited for.
        let still = Still::now();
        let mut sent = blown_up(version, TOO_LARGE);
        sent.extend(packet(0x82, &vec![0; TOO_LARGE]));
        sent.extend(publish(version, 2, "sos/alerts", &cry(1)));
        phone.send(&sent).await;
        phone.expect_close(0x95).await;
        eventually("the SOS is stored", async || server.has_sos(&user).await).await;
        drop(still);
        let ana = server.caller(&user).await.user;
        let latest = server.node.app.latest_position(ana).await.unwrap();
        assert!(latest.is_none(), "{latest:?}");
    }
}

async fn an_sos_behind_a_refused_and_a_too_large_publish_is_stored(via: Via) {
    let server = Server::over(via).await;
    let mut phone = Client::connect(&server, Version::V311, "ana").await;
    let still = Still::now();
    let mut sent = publish(Version::V311, 1, REFUSED, &sample(1));
    sent.extend(blown_up(Version::V311, TOO_LARGE));
    sent.extend(publish(Version::V311, 2, "sos/alerts", &cry(1)));
    phone.send(&sent).await;
    phone.expect_end().await;
    eventually("the SOS is stored", async || server.has_sos("ana").await).await;
    drop(still);
}

#[tokio::test]
async fn a_too_large_packet_whose_rest_never_comes_is_waited_for_no_longer_than_others() {
    for version in BOTH {
        let mut server = Server::start().await;
        let mut phone = Client::connect(&server, version, "ana").await;
        let packet = blown_up(version, TOO_LARGE);
        phone.send(&packet[..TOO_LARGE / 2]).await;
        phone.expect_close(0x95).await;
        // The phone hangs on.
        server.shutdown.cancel();
        let ended = tokio::time::timeout(LIMIT, &mut server.listener).await;
        ended.expect("the listener ends").unwrap();
        drop(phone);
    }
}

#[tokio::test]
async fn a_too_large_packet_is_not_thrown_away_without_end() {
    for version in BOTH {
        let mut server = Server::start().await;
        let mut phone = Client::connect(&server, version, "ana").await;
        // Time alone does not end it.
        let still = Still::now();
        let mut sent = blown_up(version, 4 * 1024 * 1024);
        sent.extend(publish(version, 2, "sos/alerts", &cry(1)));
        // The server may be gone before it has taken all.
        let all = tokio::time::timeout(LIMIT, phone.stream.write_all(&sent)).await;
        drop(all.expect("the server reads or closes"));
        server.shutdown.cancel();
        let ended = tokio::time::timeout(LIMIT, &mut server.listener).await;
        ended.expect("the listener ends").unwrap();
        drop(still);
        assert!(!server.has_sos("ana").await);
    }
}

#[tokio::test]
async fn nothing_is_taken_from_somebody_who_was_blocked() {
    let server = Server::start().await;
    let ana = server.caller("ana").await.user;
    let (mut phone, still) = clogged(&server, Version::V5, "ana").await;
    let block = AdminRequest::UserSetBlocked {
        app_id: APP_ID.to_owned(),
        external_id: "ana".to_owned(),
        blocked: true,
    };
    server.node.admin(block).await;
    phone.expect_close(0x87).await;
    drop(still);
    server.shutdown.cancel();
    let mut server = server;
    let ended = tokio::time::timeout(LIMIT, &mut server.listener).await;
    ended.expect("the listener ends").unwrap();
    let mut tx = server.node.store.read().await.unwrap();
    assert_eq!(incidents::open_of(&mut tx, ana).await.unwrap(), None);
    drop(tx);
    server.node.telemetry.faults().thaw();
}

crate::over_every_transport!(
    an_sos_behind_a_refused_publish_is_stored_and_nothing_else_is,
    an_sos_that_arrives_after_the_refusal_is_stored,
    an_sos_that_a_take_over_left_undecoded_is_stored,
    an_sos_behind_a_fault_of_its_client_is_stored,
    an_sos_behind_packets_that_are_too_large_is_stored,
    an_sos_behind_a_refused_and_a_too_large_publish_is_stored,
);
