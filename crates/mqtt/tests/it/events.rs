//! Cries for help and what comes back on `sos/events`.

use crate::support::client::Client;
use crate::support::eventually;
use crate::support::packets::{BOTH, Connect, Version, cry, packet, publish, publish_with};
use crate::support::server::Server;

const PUBACK: u8 = 0x40;

/// Reads until `acks` acknowledgements and `events` events have come.
async fn gather(
    client: &mut Client,
    acks: usize,
    events: usize,
) -> (Vec<u16>, Vec<crate::support::client::Delivery>) {
    let (mut ids, mut deliveries) = (Vec::new(), Vec::new());
    while ids.len() < acks || deliveries.len() < events {
        let packet = client.packet().await;
        if packet.first & 0xF0 == 0x30 {
            deliveries.push(client.delivery(&packet));
        } else {
            assert_eq!(packet.first, PUBACK, "{packet:?}");
            ids.push(u16::from_be_bytes([packet.body[0], packet.body[1]]));
        }
    }
    (ids, deliveries)
}

#[tokio::test]
async fn an_event_goes_out_on_the_exact_text_that_was_subscribed() {
    let server = Server::start().await;
    for version in BOTH {
        let name = format!("a/{version:?}");
        let user = server.caller(&name).await.user.to_string();
        let mut client = Client::connect(&server, version, &name).await;
        let uuid = format!("sos/events/{user}");
        let alias = format!("sos/events/a%2f{version:?}");
        let codes = client.subscribe(&[(&uuid, 1), (&alias, 1)]).await;
        assert_eq!(codes, [1, 1]);
        let topic = format!("sos/alerts/{user}");
        client.send(&publish(version, 7, &topic, &cry(1))).await;
        let (ids, events) = gather(&mut client, 1, 2).await;
        assert_eq!(ids, [7]);
        let on = |topic: &str| events.iter().find(|e| e.topic == topic).unwrap();
        let (by_uuid, by_alias) = (on(&uuid), on(&alias));
        assert_eq!(by_uuid.json["userId"], user.as_str());
        assert_eq!(by_alias.json["userId"], name.as_str());
        for (event, other) in [(by_uuid, by_alias), (by_alias, by_uuid)] {
            assert_eq!(event.json["type"], "processed");
            assert_eq!(event.json["status"], "active");
            // Echoed to the last digit.
            assert_eq!(event.json["occurredAt"], "2026-09-09T10:00:00.001456Z");
            assert_eq!(event.json["eventId"], other.json["eventId"]);
            assert_eq!(event.json["snapshotVersion"], other.json["snapshotVersion"]);
        }
    }
}

#[tokio::test]
async fn the_flat_topic_and_every_quality_of_service_open_an_incident() {
    let server = Server::start().await;
    for version in BOTH {
        for qos in [0, 1, 2] {
            let name = format!("{version:?}-{qos}");
            let mut client = Client::connect(&server, version, &name).await;
            let bytes = publish_with(version, qos, 0, 3, "sos/alerts", &cry(1));
            client.send(&bytes).await;
            match qos {
                1 => client.expect_ack(PUBACK, 3, 0).await,
                2 => client.expect_ack(0x50, 3, 0).await,
                _ => client.expect_silence().await,
            }
            eventually("an incident is open", async || server.has_sos(&name).await).await;
        }
    }
}

#[tokio::test]
async fn unreadable_retained_and_oversized_cries_are_heard_and_flagged() {
    let server = Server::start().await;
    for version in BOTH {
        let huge = {
            let mut body = cry(1);
            body.resize(300 * 1024, b' ');
            body
        };
        let cases: [(&str, u8, &[u8], &str); 4] = [
            ("garbage", 0, b"\xFF\xFE not json", "MalformedPayload"),
            ("empty", 0, b"", "NoPosition"),
            ("retained", 1, &cry(1), "Retained"),
            ("oversized", 0, &huge, "Oversized"),
        ];
        for (name, flags, body, flag) in cases {
            let name = format!("{name}-{version:?}");
            let mut client = Client::connect(&server, version, &name).await;
            let bytes = publish_with(version, 1, flags, 3, "sos/alerts", body);
            client.send(&bytes).await;
            client.expect_ack(PUBACK, 3, 0).await;
            client.expect_silence().await;
            let caller = server.caller(&name).await;
            let incident = server.node.app.current_sos(&caller).await.unwrap();
            let flags = format!("{:?}", incident.expect("an incident is open").flags);
            assert!(flags.contains(flag), "{name}: {flags}");
        }
    }
}

#[tokio::test]
async fn an_oversized_cry_is_stored_before_its_rest_has_come() {
    let server = Server::start().await;
    for version in BOTH {
        let name = format!("cut-off-{version:?}");
        let mut client = Client::connect(&server, version, &name).await;
        let mut body = cry(1);
        body.resize(1024 * 1024, b' ');
        let bytes = publish_with(version, 1, 0, 3, "sos/alerts", &body);
        client.send(&bytes[..100 * 1024]).await;
        eventually("the cry is heard", async || server.has_sos(&name).await).await;
        // No acknowledgement before the packet has ended.
        client.send(&bytes[100 * 1024..]).await;
        client.expect_ack(PUBACK, 3, 0).await;
    }
}

#[tokio::test]
async fn a_new_subscription_is_sent_the_open_incident_again() {
    let server = Server::start().await;
    for version in BOTH {
        let name = format!("again-{version:?}");
        let filter = format!("sos/events/{name}");
        let mut first = Client::connect(&server, version, &name).await;
        first.subscribe(&[(&filter, 1)]).await;
        first
            .send(&publish(version, 1, "sos/alerts", &cry(1)))
            .await;
        let (_, events) = gather(&mut first, 1, 1).await;
        let other = Connect {
            client_id: "another".to_owned(),
            ..Connect::new(version, &name, &server.node.hash(&name))
        };
        let mut second = Client::accepted(&server, &other).await;
        assert_eq!(second.subscribe(&[(&filter, 0)]).await, [0]);
        let again = second.event().await;
        assert_eq!(again.id, 0, "QoS as granted");
        assert_eq!(again.json["eventId"], events[0].json["eventId"]);
        // Of a second topic only the second is told.
        let uuid = format!("sos/events/{}", server.caller(&name).await.user);
        second.subscribe(&[(&uuid, 1)]).await;
        assert_eq!(second.event().await.topic, uuid);
        second.expect_silence().await;
    }
}

#[tokio::test]
async fn users_of_two_apps_with_one_name_hear_only_their_own() {
    let server = Server::start().await;
    let secret = mayday_app::testing::create_app(&server.node.app, "other").await;
    let name = mayday_core::identity::ExternalUserId::parse("1").unwrap();
    let hash = mayday_core::identity::signing::sign_static(&secret, &name);
    let foreign = Connect {
        username: Some("sdk:other:1".to_owned()),
        ..Connect::new(Version::V5, "1", &hash)
    };
    let mut theirs = Client::accepted(&server, &foreign).await;
    let mut ours = Client::connect(&server, Version::V5, "1").await;
    assert_eq!(theirs.subscribe(&[("sos/events/1", 1)]).await, [1]);
    assert_eq!(ours.subscribe(&[("sos/events/1", 1)]).await, [1]);
    ours.send(&publish(Version::V5, 1, "sos/alerts", &cry(1)))
        .await;
    gather(&mut ours, 1, 1).await;
    theirs.expect_silence().await;
    theirs
        .send(&publish(Version::V5, 1, "sos/alerts", &cry(2)))
        .await;
    let (_, events) = gather(&mut theirs, 1, 1).await;
    assert_ne!(events[0].json["appId"], serde_json::Value::Null);
    ours.expect_silence().await;
}

#[tokio::test]
async fn the_clients_window_and_packet_size_are_honoured() {
    let server = Server::start().await;
    let hash = server.node.hash("ana");
    let narrow = Connect {
        // Receive maximum 1.
        properties: b"\x21\0\x01".to_vec(),
        ..Connect::new(Version::V5, "ana", &hash)
    };
    let mut client = Client::accepted(&server, &narrow).await;
    let uuid = format!("sos/events/{}", server.caller("ana").await.user);
    client.subscribe(&[(&uuid, 1), ("sos/events/ana", 1)]).await;
    client
        .send(&publish(Version::V5, 1, "sos/alerts", &cry(1)))
        .await;
    let (_, events) = gather(&mut client, 1, 1).await;
    // The second waits for the acknowledgement of the first.
    client.expect_silence().await;
    client
        .send(&packet(0x40, &events[0].id.to_be_bytes()))
        .await;
    let second = client.event().await;
    assert_eq!(second.json["eventId"], events[0].json["eventId"]);
    assert_ne!(second.topic, events[0].topic);
    let small = Connect {
        client_id: "small".to_owned(),
        // Maximum packet size 64.
        properties: b"\x27\0\0\0\x40".to_vec(),
        ..Connect::new(Version::V5, "ana", &hash)
    };
    let mut client = Client::accepted(&server, &small).await;
    client.subscribe(&[("sos/events/ana", 1)]).await;
    client.expect_silence().await;
}

#[tokio::test]
async fn a_topic_named_more_than_once_is_replayed_once() {
    let server = Server::start().await;
    for version in BOTH {
        let name = format!("twice-{version:?}");
        let alias = format!("sos/events/{name}");
        let uuid = format!("sos/events/{}", server.caller(&name).await.user);
        let mut client = Client::connect(&server, version, &name).await;
        client
            .send(&publish(version, 1, "sos/alerts", &cry(1)))
            .await;
        client.expect_ack(PUBACK, 1, 0).await;
        let refused = if version == Version::V5 { 0x87 } else { 0x80 };
        let filters: [(&str, u8); 6] = [
            (&uuid, 1),
            (&alias, 1),
            (&uuid, 1),
            ("sos/events/ben", 1),
            (&alias, 0),
            (&uuid, 2),
        ];
        let codes = client.subscribe(&filters).await;
        assert_eq!(codes, [1, 1, 1, refused, 0, 1]);
        let (_, events) = gather(&mut client, 0, 2).await;
        assert_eq!([&events[0].topic, &events[1].topic], [&uuid, &alias]);
        assert_eq!(events[1].id, 0, "QoS as granted last");
        client.expect_silence().await;
    }
}

/// How often a client subscribes that does not acknowledge, each time to as many
/// filters.
const ROUNDS: usize = 40;
const REPEATS: usize = 1_000;

#[tokio::test]
async fn a_client_that_subscribes_without_end_is_sent_each_topic_again_once() {
    let server = Server::start().await;
    let narrow = Connect {
        // Receive maximum 1.
        properties: b"\x21\0\x01".to_vec(),
        ..Connect::new(Version::V5, "ana", &server.node.hash("ana"))
    };
    let mut client = Client::accepted(&server, &narrow).await;
    let uuid = format!("sos/events/{}", server.caller("ana").await.user);
    let both = [(uuid.as_str(), 1), ("sos/events/ana", 1)];
    client.subscribe(&both).await;
    client
        .send(&publish(Version::V5, 1, "sos/alerts", &cry(1)))
        .await;
    let (_, mut events) = gather(&mut client, 1, 1).await;
    // One waits for its acknowledgement, the other for its turn.
    let filters = both.repeat(REPEATS / both.len());
    for _ in 0..ROUNDS {
        assert_eq!(client.subscribe(&filters).await, [1; REPEATS]);
    }
    // The rest of the event, one replay that was under way, and one for all that
    // was subscribed meanwhile.
    for last in 0..5 {
        let id = events[last].id.to_be_bytes();
        client.send(&packet(0x40, &id)).await;
        events.push(client.event().await);
    }
    client
        .send(&packet(0x40, &events[5].id.to_be_bytes()))
        .await;
    client.expect_silence().await;
    for pair in events.chunks(2) {
        assert_ne!(pair[0].topic, pair[1].topic);
        assert_eq!(pair[0].json["eventId"], events[0].json["eventId"]);
    }
}

#[tokio::test]
async fn nothing_comes_after_unsubscribe() {
    let server = Server::start().await;
    for version in BOTH {
        let name = format!("off-{version:?}");
        let filter = format!("sos/events/{name}");
        let mut client = Client::connect(&server, version, &name).await;
        client.subscribe(&[(&filter, 1)]).await;
        let bytes = crate::support::packets::unsubscribe(version, 5, &[&filter]);
        client.send(&bytes).await;
        assert_eq!(client.packet().await.first, 0xB0);
        client
            .send(&publish(version, 1, "sos/alerts", &cry(1)))
            .await;
        client.expect_ack(PUBACK, 1, 0).await;
        client.expect_silence().await;
    }
}

#[tokio::test]
async fn a_subscriber_that_does_not_keep_up_is_disconnected() {
    let server = Server::start().await;
    for version in BOTH {
        let name = format!("slow-{version:?}");
        let filter = format!("sos/events/{name}");
        let hash = server.node.hash(&name);
        let slow = Connect {
            client_id: "slow".to_owned(),
            // Receive maximum 1; 3.1.1 has 64.
            properties: b"\x21\0\x01".to_vec(),
            ..Connect::new(version, &name, &hash)
        };
        let mut slow = Client::accepted(&server, &slow).await;
        slow.subscribe(&[(&filter, 1)]).await;
        let mut sender = Client::connect(&server, version, &name).await;
        let mut cries = Vec::new();
        for n in 1..=400 {
            cries.extend(publish(version, n, "sos/alerts", &cry(n)));
            if n % 50 == 0 {
                sender.send(&cries).await;
                cries.clear();
                for id in n - 49..=n {
                    sender.expect_ack(PUBACK, id, 0).await;
                }
            }
        }
        // What it was sent is in order and without gaps; then it is told.
        let window = if version == Version::V5 { 1 } else { 64 };
        let mut last = 0;
        for _ in 0..window {
            let event = slow.event().await;
            let now = event.json["snapshotVersion"].as_i64().unwrap();
            assert!(now > last, "{event:?}");
            last = now;
        }
        slow.expect_close(0x97).await;
    }
}
