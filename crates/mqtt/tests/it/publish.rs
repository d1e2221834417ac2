//! PUBLISH of telemetry: topics, quality of service, acknowledgements.

use mayday_app::admin::{AdminReply, AdminRequest, PageRequest};
use mayday_app::testing::APP_ID;

use crate::support::client::Client;
use crate::support::eventually;
use crate::support::packets::{BOTH, Version, ack, publish, publish_with, sample};
use crate::support::server::Server;
use crate::support::transport::Via;

const PUBACK: u8 = 0x40;
const PUBREC: u8 = 0x50;
const PUBCOMP: u8 = 0x70;

/// How many dead letters operators see.
async fn dead_letters(server: &Server) -> usize {
    let request = AdminRequest::DeadLetters {
        app_id: APP_ID.to_owned(),
        page: PageRequest::default(),
    };
    match server.node.admin(request).await {
        AdminReply::DeadLetters(page) => page.items.len(),
        other => panic!("dead letters, not {other:?}"),
    }
}

/// The time of the user's newest sample, in seconds after the hour.
async fn newest(server: &Server, external_id: &str) -> Option<i64> {
    let user = server.caller(external_id).await.user;
    let latest = server.node.app.latest_position(user).await.unwrap();
    latest.map(|sample| sample.time.as_secs() % 3_600)
}

async fn every_own_topic_takes_telemetry_and_puback_means_stored(via: Via) {
    let server = Server::over(via).await;
    let user = server.caller("a/b").await.user;
    for (n, version) in [(0, Version::V311), (10, Version::V5)] {
        let mut client = Client::connect(&server, version, "a/b").await;
        let topics = [
            format!("tel/{user}/data"),
            "tel/a%2Fb/data".to_owned(),
            "tel/data".to_owned(),
        ];
        for (id, topic) in (n + 1..).zip(&topics) {
            client.send(&publish(version, id, topic, &sample(id))).await;
            client.expect_ack(PUBACK, id, 0).await;
            assert_eq!(newest(&server, "a/b").await, Some(i64::from(id)), "{topic}");
        }
    }
}

async fn a_foreign_topic_is_refused_on_5_and_closes_3_1_1(via: Via) {
    let server = Server::over(via).await;
    let other = server.caller("ben").await.user;
    for version in BOTH {
        for topic in [
            format!("tel/{other}/data"),
            "tel/ben/data".to_owned(),
            format!("sos/alerts/{other}"),
            "sos/alerts/ana".to_owned(),
            "sos/events/ana".to_owned(),
            "tel/%00/data".to_owned(),
            "tel/+/data".to_owned(),
            "anything".to_owned(),
        ] {
            let mut client = Client::connect(&server, version, "ana").await;
            client.send(&publish(version, 1, &topic, &sample(1))).await;
            if version == Version::V5 {
                client.expect_ack(PUBACK, 1, 0x87).await;
                client.expect_silence().await;
            } else {
                client.expect_end().await;
            }
        }
    }
    assert_eq!(newest(&server, "ben").await, None);
    assert_eq!(newest(&server, "ana").await, None);
}

async fn what_came_before_a_foreign_topic_is_acknowledged_first(via: Via) {
    let server = Server::over(via).await;
    let mut client = Client::connect(&server, Version::V311, "ana").await;
    let mut bytes = publish(Version::V311, 1, "tel/data", &sample(1));
    bytes.extend(publish(Version::V311, 2, "tel/ben/data", &sample(2)));
    client.send(&bytes).await;
    client.expect_ack(PUBACK, 1, 0).await;
    client.expect_end().await;
}

async fn malformed_telemetry_is_kept_as_a_dead_letter(via: Via) {
    let server = Server::over(via).await;
    for (kept, version) in [(1, Version::V311), (2, Version::V5)] {
        let mut client = Client::connect(&server, version, "ana").await;
        client
            .send(&publish(version, 1, "tel/data", b"{nonsense"))
            .await;
        let reason = if version == Version::V5 { 0x99 } else { 0 };
        client.expect_ack(PUBACK, 1, reason).await;
        assert_eq!(dead_letters(&server).await, kept);
        client.expect_silence().await;
    }
}

async fn telemetry_relayed_for_an_unknown_device_is_acknowledged(via: Via) {
    let server = Server::over(via).await;
    let body = br#"{"timestamp":"2026-09-09T10:00:01.000Z","latitude":1,"longitude":2,"deviceId":"CF:00:00:00:00:99","relayNodeId":7}"#;
    for (kept, version) in [(1, Version::V311), (2, Version::V5)] {
        let mut client = Client::connect(&server, version, "ana").await;
        client.send(&publish(version, 1, "tel/data", body)).await;
        client.expect_ack(PUBACK, 1, 0).await;
        assert_eq!(dead_letters(&server).await, kept);
    }
}

async fn qos_0_is_stored_without_an_answer_and_retain_is_ignored(via: Via) {
    let server = Server::over(via).await;
    for (second, version) in [(1, Version::V311), (2, Version::V5)] {
        let mut client = Client::connect(&server, version, "ana").await;
        let zero = publish_with(version, 0, 1, 0, "tel/data", &sample(second));
        client.send(&zero).await;
        let expected = Some(i64::from(second));
        eventually("the sample is stored", async || {
            newest(&server, "ana").await == expected
        })
        .await;
        let retained = publish_with(version, 1, 1, 4, "tel/data", &sample(second));
        client.send(&retained).await;
        client.expect_ack(PUBACK, 4, 0).await;
        client.expect_silence().await;
    }
}

async fn dup_is_a_repetition_like_any_other(via: Via) {
    let server = Server::over(via).await;
    for version in BOTH {
        let mut client = Client::connect(&server, version, "ana").await;
        for flags in [0, 0b1000] {
            let again = publish_with(version, 1, flags, 9, "tel/data", &sample(9));
            client.send(&again).await;
            client.expect_ack(PUBACK, 9, 0).await;
        }
    }
}

async fn qos_2_is_stored_before_pubrec_and_taken_once_until_pubrel(via: Via) {
    let server = Server::over(via).await;
    for (first, version) in [(1, Version::V311), (5, Version::V5)] {
        let mut client = Client::connect(&server, version, "ana").await;
        let two = |second: u16| publish_with(version, 2, 0, 7, "tel/data", &sample(second));
        client.send(&two(first)).await;
        client.expect_ack(PUBREC, 7, 0).await;
        assert_eq!(newest(&server, "ana").await, Some(i64::from(first)));
        // The same id before PUBREL is the same publish, whatever it holds.
        client.send(&two(first + 1)).await;
        client.expect_ack(PUBREC, 7, 0).await;
        assert_eq!(newest(&server, "ana").await, Some(i64::from(first)));
        client.send(&ack(0x62, 7)).await;
        client.expect_ack(PUBCOMP, 7, 0).await;
        // Now it is another.
        client.send(&two(first + 2)).await;
        client.expect_ack(PUBREC, 7, 0).await;
        assert_eq!(newest(&server, "ana").await, Some(i64::from(first + 2)));
        client.send(&ack(0x62, 7)).await;
        client.expect_ack(PUBCOMP, 7, 0).await;
        client.send(&ack(0x62, 7)).await;
        let unknown = if version == Version::V5 { 0x92 } else { 0 };
        client.expect_ack(PUBCOMP, 7, unknown).await;
    }
}

async fn a_refused_publish_of_qos_2_ends_with_its_pubrec(via: Via) {
    let server = Server::over(via).await;
    let mut client = Client::connect(&server, Version::V5, "ana").await;
    let foreign = publish_with(Version::V5, 2, 0, 7, "tel/ben/data", &sample(1));
    let own = publish_with(Version::V5, 2, 0, 7, "tel/data", &sample(1));
    client.send(&foreign).await;
    client.expect_ack(PUBREC, 7, 0x87).await;
    client.send(&own).await;
    client.expect_ack(PUBREC, 7, 0).await;
    assert_eq!(newest(&server, "ana").await, Some(1));
}

async fn pipelined_publishes_are_acknowledged_in_order(via: Via) {
    let server = Server::over(via).await;
    for version in BOTH {
        let mut client = Client::connect(&server, version, "ana").await;
        let mut bytes = Vec::new();
        for id in 1..=200 {
            // Malformed, plain and foreign ones take different ways.
            match id % 3 {
                0 => bytes.extend(publish(version, id, "tel/data", b"nonsense")),
                1 => bytes.extend(publish(version, id, "tel/data", &sample(id))),
                _ => bytes.extend(publish_with(version, 2, 0, id, "tel/data", &sample(id))),
            }
        }
        client.send(&bytes).await;
        for id in 1..=200 {
            let refused = if version == Version::V5 { 0x99 } else { 0 };
            match id % 3 {
                0 => client.expect_ack(PUBACK, id, refused).await,
                1 => client.expect_ack(PUBACK, id, 0).await,
                _ => client.expect_ack(PUBREC, id, 0).await,
            }
        }
        client.expect_silence().await;
    }
}

async fn bytes_may_come_one_by_one(via: Via) {
    let server = Server::over(via).await;
    for version in BOTH {
        let mut client = Client::connect(&server, version, "ana").await;
        for byte in publish(version, 1, "tel/data", &sample(1)) {
            client.send(&[byte]).await;
        }
        client.expect_ack(PUBACK, 1, 0).await;
    }
}

crate::over_every_transport!(
    every_own_topic_takes_telemetry_and_puback_means_stored,
    a_foreign_topic_is_refused_on_5_and_closes_3_1_1,
    what_came_before_a_foreign_topic_is_acknowledged_first,
    malformed_telemetry_is_kept_as_a_dead_letter,
    telemetry_relayed_for_an_unknown_device_is_acknowledged,
    qos_0_is_stored_without_an_answer_and_retain_is_ignored,
    dup_is_a_repetition_like_any_other,
    qos_2_is_stored_before_pubrec_and_taken_once_until_pubrel,
    a_refused_publish_of_qos_2_ends_with_its_pubrec,
    pipelined_publishes_are_acknowledged_in_order,
    bytes_may_come_one_by_one,
);
