//! A commit that fails is never acknowledged, and what is sent again once it
//! succeeds is stored once (contract: MQTT, "PUBACK means stored").

use mayday_app::admin::{AdminReply, AdminRequest, PageRequest};
use mayday_app::testing::APP_ID;
use mayday_core::time::Timestamp;
use mayday_store::events;
use mayday_store::faults::CommitFault;

use crate::support::client::Client;
use crate::support::packets::{BOTH, Version, ack, cry, publish_with, sample};
use crate::support::server::Server;
use crate::support::transport::Via;

const TELEMETRY: &str = "tel/data";
const SOS: &str = "sos/alerts";

/// The first byte of what acknowledges a publish of this quality of service.
fn acknowledgement(qos: u8) -> u8 {
    if qos == 1 { 0x40 } else { 0x50 }
}

/// What is stored of a user.
#[derive(Debug, PartialEq, Eq)]
struct Stored {
    incidents: usize,
    events: usize,
    samples: usize,
    spilled: usize,
    dead_letters: usize,
}

const NOTHING: Stored = Stored {
    incidents: 0,
    events: 0,
    samples: 0,
    spilled: 0,
    dead_letters: 0,
};

async fn stored(server: &Server, external_id: &str) -> Stored {
    let caller = server.caller(external_id).await;
    let app = &server.node.app;
    let history = app.sos_history(&caller, 100, None).await.unwrap();
    let (from, to) = (Timestamp::from_secs(0), Timestamp::from_secs(1 << 40));
    let samples = app.telemetry_range(caller.user, from, to, 100).await;
    let mut tx = server.node.store.read().await.unwrap();
    let events = events::read_after(&mut tx, caller.user, 0, 100).await;
    let spilled = mayday_store::spill::oldest(&mut tx, 100).await.unwrap();
    let of_user = |row: &&mayday_store::spill::SpilledSample| row.sample.user == caller.user;
    let request = AdminRequest::DeadLetters {
        app_id: APP_ID.to_owned(),
        page: PageRequest::default(),
    };
    let AdminReply::DeadLetters(letters) = server.node.admin(request).await else {
        panic!("dead letters");
    };
    Stored {
        incidents: history.items.len(),
        events: events.unwrap().len(),
        samples: samples.unwrap().len(),
        spilled: spilled.iter().filter(of_user).count(),
        dead_letters: letters.items.len(),
    }
}

/// Publishes while nothing can be committed, then again on a new connection
/// once it can.
async fn fails_then_succeeds(server: &Server, topic: &str, payload: &[u8], once: &Stored) {
    for (version, qos) in [
        (Version::V311, 1),
        (Version::V311, 2),
        (Version::V5, 1),
        (Version::V5, 2),
    ] {
        let user = format!("{version:?}-{qos}");
        let publish = publish_with(version, qos, 0, 7, topic, payload);
        let mut client = Client::connect(server, version, &user).await;
        server.node.fail_commits(true);
        client.send(&publish).await;
        if version == Version::V311 {
            client.expect_end().await;
        } else {
            client.expect_ack(acknowledgement(qos), 7, 0x97).await;
            // The exchange has ended with its failure, the connection has not.
            client.expect_silence().await;
            drop(client);
        }
        assert_eq!(stored(server, &user).await, NOTHING, "{user}");

        // A client that is known is let in though nothing can be written, and
        // gets the same answer again.
        let mut client = Client::connect(server, version, &user).await;
        client.send(&publish).await;
        if version == Version::V311 {
            client.expect_end().await;
        } else {
            client.expect_ack(acknowledgement(qos), 7, 0x97).await;
            drop(client);
        }
        assert_eq!(stored(server, &user).await, NOTHING, "{user}");

        server.node.fail_commits(false);
        let mut client = Client::connect(server, version, &user).await;
        let again = publish_with(version, qos, 0b1000, 7, topic, payload);
        client.send(&again).await;
        client.expect_ack(acknowledgement(qos), 7, 0).await;
        assert_eq!(stored(server, &user).await, *once, "{user}");
        if qos == 2 {
            client.send(&ack(0x62, 7)).await;
            client.expect_ack(0x70, 7, 0).await;
        }
        client.expect_silence().await;
    }
}

async fn a_cry_whose_commit_fails_is_not_acknowledged_and_the_next_is_stored_once(via: Via) {
    let server = Server::over(via).await;
    let once = Stored {
        incidents: 1,
        events: 1,
        ..NOTHING
    };
    fails_then_succeeds(&server, SOS, &cry(1), &once).await;
}

async fn telemetry_with_no_way_to_the_disk_is_not_acknowledged_and_the_next_is_stored_once(
    via: Via,
) {
    let server = Server::over(via).await;
    let once = Stored {
        samples: 1,
        ..NOTHING
    };
    fails_then_succeeds(&server, TELEMETRY, &sample(1), &once).await;
}

async fn a_dead_letter_that_cannot_be_kept_is_not_acknowledged(via: Via) {
    for (version, code) in [(Version::V311, 0), (Version::V5, 0x99)] {
        let server = Server::over(via).await;
        let publish = publish_with(version, 1, 0, 7, TELEMETRY, b"nonsense");
        let mut client = Client::connect(&server, version, "ana").await;
        server.node.fail_commits(true);
        client.send(&publish).await;
        if version == Version::V311 {
            client.expect_end().await;
        } else {
            client.expect_ack(0x40, 7, 0x97).await;
        }
        assert_eq!(stored(&server, "ana").await, NOTHING);
        server.node.fail_commits(false);
        let mut client = Client::connect(&server, version, "ana").await;
        client.send(&publish).await;
        client.expect_ack(0x40, 7, code).await;
        let once = Stored {
            dead_letters: 1,
            ..NOTHING
        };
        assert_eq!(stored(&server, "ana").await, once);
    }
}

async fn a_fault_of_ours_is_answered_with_0x80_on_5_and_closes_311(via: Via) {
    let server = Server::over(via).await;
    for version in BOTH {
        for qos in [1, 2] {
            let user = format!("{version:?}-{qos}");
            let mut client = Client::connect(&server, version, &user).await;
            let faults = server.node.store.faults();
            faults.fail_commits(Some(CommitFault::Statement));
            client
                .send(&publish_with(version, qos, 0, 7, SOS, &cry(1)))
                .await;
            if version == Version::V311 {
                client.expect_end().await;
            } else {
                client.expect_ack(acknowledgement(qos), 7, 0x80).await;
            }
            assert_eq!(stored(&server, &user).await, NOTHING);
            faults.fail_commits(None);
        }
    }
}

async fn what_was_stored_before_a_failure_is_acknowledged_before_it_is_told(via: Via) {
    let server = Server::over(via).await;
    for version in BOTH {
        let user = format!("{version:?}");
        let mut client = Client::connect(&server, version, &user).await;
        // The state store alone fails: telemetry has its own way to the disk.
        server
            .node
            .store
            .faults()
            .fail_commits(Some(CommitFault::Disk));
        let mut bytes = publish_with(version, 1, 0, 1, TELEMETRY, &sample(1));
        bytes.extend(publish_with(version, 1, 0, 2, SOS, &cry(1)));
        bytes.extend(publish_with(version, 1, 0, 3, TELEMETRY, &sample(3)));
        client.send(&bytes).await;
        client.expect_ack(0x40, 1, 0).await;
        if version == Version::V311 {
            client.expect_end().await;
        } else {
            client.expect_ack(0x40, 2, 0x97).await;
            client.expect_ack(0x40, 3, 0).await;
        }
        server.node.store.faults().fail_commits(None);
        assert_eq!(stored(&server, &user).await.incidents, 0);
    }
}

async fn a_subscriber_hears_nothing_of_a_cry_that_was_not_stored(via: Via) {
    let server = Server::over(via).await;
    let mut watcher = Client::connect(&server, Version::V5, "ana").await;
    assert_eq!(watcher.subscribe(&[("sos/events/ana", 1)]).await, [1]);
    watcher.expect_silence().await;
    server
        .node
        .store
        .faults()
        .fail_commits(Some(CommitFault::Disk));
    let publish = publish_with(Version::V5, 1, 0, 7, SOS, &cry(1));
    watcher.send(&publish).await;
    watcher.expect_ack(0x40, 7, 0x97).await;
    watcher.expect_silence().await;
    server.node.store.faults().fail_commits(None);
    watcher.send(&publish).await;
    let (first, second) = (watcher.packet().await, watcher.packet().await);
    let (event, puback) = if first.first & 0xF0 == 0x30 {
        (first, second)
    } else {
        (second, first)
    };
    assert_eq!(puback.body[..2], [0, 7]);
    let event = watcher.delivery(&event);
    assert_eq!(event.json["type"], "processed");
    assert_eq!(event.json["snapshotVersion"], 1);
    watcher.expect_silence().await;
}

crate::over_every_transport!(
    a_cry_whose_commit_fails_is_not_acknowledged_and_the_next_is_stored_once,
    telemetry_with_no_way_to_the_disk_is_not_acknowledged_and_the_next_is_stored_once,
    a_dead_letter_that_cannot_be_kept_is_not_acknowledged,
    a_fault_of_ours_is_answered_with_0x80_on_5_and_closes_311,
    what_was_stored_before_a_failure_is_acknowledged_before_it_is_told,
    a_subscriber_hears_nothing_of_a_cry_that_was_not_stored,
);
