//! CONNECT and CONNACK.

use std::time::Duration;

use mayday_app::presence::PresenceLimits;
use mayday_mqtt::MqttSettings;
use mayday_store::testing::still::Still;

use crate::support::client::Client;
use crate::support::packets::{BOTH, Connect, Version, packet, text};
use crate::support::server::{Server, patient};
use crate::support::transport::Via;

async fn a_genuine_proof_is_accepted_on_both_versions(via: Via) {
    let server = Server::over(via).await;
    for version in BOTH {
        let mut client = Client::connect(&server, version, "ana").await;
        client.expect_silence().await;
    }
}

async fn connack_of_5_states_the_terms(via: Via) {
    let server = Server::over(via).await;
    let mut client = Client::dial(&server, Version::V5).await;
    let hash = server.node.hash("ana");
    client
        .send(&Connect::new(Version::V5, "ana", &hash).bytes())
        .await;
    let connack = client.packet().await;
    let properties = &connack.body[3..];
    assert_eq!(usize::from(connack.body[2]), properties.len());
    let holds = |wanted: &[u8]| properties.windows(wanted.len()).any(|part| part == wanted);
    assert!(holds(&[0x21, 1, 0]), "receive maximum 256: {connack:?}");
    assert!(holds(&[0x27, 0, 4, 0, 0]), "maximum packet size 256 KiB");
    assert!(holds(&[0x13, 0, 30]), "server keep-alive");
    assert!(holds(&[0x25, 0]), "no retain");
    assert!(holds(&[0x28, 0]), "no wildcard");
    assert!(holds(&[0x29, 0]), "no subscription ids");
    assert!(holds(&[0x2A, 0]), "no shared");
    // Exactly these: the maximum QoS stays at its default.
    assert_eq!(properties.len(), 3 + 5 + 3 + 4 * 2, "{connack:?}");
}

async fn a_session_is_never_present_and_a_client_without_an_id_gets_one(via: Via) {
    let server = Server::over(via).await;
    let hash = server.node.hash("ana");
    for version in BOTH {
        let stored = Connect {
            clean: false,
            ..Connect::new(version, "ana", &hash)
        };
        let (_, code) = Client::try_connect(&server, &stored).await;
        assert_eq!(code, 0);
        let nameless = Connect {
            client_id: String::new(),
            ..Connect::new(version, "ana", &hash)
        };
        let (_, code) = Client::try_connect(&server, &nameless).await;
        assert_eq!(code, 0);
        let both = Connect {
            clean: false,
            ..nameless
        };
        let (_, code) = Client::try_connect(&server, &both).await;
        assert_eq!(code, if version == Version::V5 { 0 } else { 2 });
    }
    let asked = Connect {
        client_id: String::new(),
        // Session expiry of a minute.
        properties: b"\x11\0\0\0\x3C".to_vec(),
        ..Connect::new(Version::V5, "ana", &hash)
    };
    let mut client = Client::dial(&server, Version::V5).await;
    client.send(&asked.bytes()).await;
    let connack = client.packet().await;
    let text = connack
        .body
        .windows(6)
        .any(|part| part == b"\x12\0\x06auto");
    let assigned = connack.body.windows(5).any(|part| part == b"auto-");
    assert!(text || assigned, "assigned client id: {connack:?}");
    let expiry = connack.body.windows(5).any(|part| part == b"\x11\0\0\0\0");
    assert!(expiry, "session expiry 0: {connack:?}");
}

async fn bad_credentials_are_refused_in_the_words_of_each_version(via: Via) {
    let server = Server::over(via).await;
    let good = server.node.hash("ana");
    let user = |name: &str| Some(name.to_owned());
    for version in BOTH {
        let genuine = Connect::new(version, "ana", &good);
        let cases = [
            Connect {
                password: user(&server.node.hash("ben")),
                ..genuine.clone()
            },
            Connect {
                password: user(&format!("Bearer {good}")),
                ..genuine.clone()
            },
            Connect {
                username: user("sdk:nobody:ana"),
                ..genuine.clone()
            },
            Connect {
                username: user("ana"),
                ..genuine.clone()
            },
            Connect {
                username: None,
                password: None,
                ..genuine.clone()
            },
            Connect {
                password: None,
                ..genuine.clone()
            },
        ];
        for case in cases {
            let (mut client, code) = Client::try_connect(&server, &case).await;
            assert_eq!(
                code,
                if version == Version::V5 { 0x86 } else { 4 },
                "{case:?}"
            );
            client.expect_end().await;
        }
    }
}

async fn the_external_id_may_hold_colons(via: Via) {
    let server = Server::over(via).await;
    for version in BOTH {
        let _ = Client::connect(&server, version, "a:b:c").await;
    }
}

async fn an_upper_case_hash_is_accepted(via: Via) {
    let server = Server::over(via).await;
    let hash = server.node.hash("ana").to_uppercase();
    let _ = Client::accepted(&server, &Connect::new(Version::V311, "ana", &hash)).await;
}

async fn too_many_failures_are_limited_and_a_genuine_proof_never_is(via: Via) {
    let server = Server::over(via).await;
    let mut limited = false;
    for _ in 0..60 {
        let bad = Connect::new(Version::V5, "ana", "00");
        let (_, code) = Client::try_connect(&server, &bad).await;
        limited |= code == 0x9F;
        assert!(code == 0x86 || code == 0x9F, "{code:x}");
    }
    assert!(limited);
    let old = Connect::new(Version::V311, "ana", "00");
    assert_eq!(Client::try_connect(&server, &old).await.1, 5);
    for version in BOTH {
        let _ = Client::connect(&server, version, "ana").await;
    }
}

async fn versions_it_does_not_speak_are_told_so(via: Via) {
    let server = Server::over(via).await;
    let mut old = Client::dial(&server, Version::V311).await;
    let mut body = text("MQIsdp");
    body.extend_from_slice(b"\x03\x02\0\x1E\0\x02id");
    old.send(&packet(0x10, &body)).await;
    old.expect(0x20, &[0, 1]).await;
    old.expect_end().await;
    let mut new = Client::dial(&server, Version::V5).await;
    let mut body = text("MQTT");
    body.extend_from_slice(b"\x06\x02\0\x1E\0\0\x02id");
    new.send(&packet(0x10, &body)).await;
    let connack = new.packet().await;
    assert_eq!((connack.first, connack.body[1]), (0x20, 0x84));
    new.expect_end().await;
}

async fn extended_authentication_is_refused(via: Via) {
    let server = Server::over(via).await;
    let hash = server.node.hash("ana");
    let connect = Connect {
        properties: b"\x15\0\x05SCRAM".to_vec(),
        ..Connect::new(Version::V5, "ana", &hash)
    };
    assert_eq!(Client::try_connect(&server, &connect).await.1, 0x8C);
}

async fn whoever_sends_no_connect_is_closed(via: Via) {
    let settings = MqttSettings {
        connect_timeout: Duration::from_millis(50),
        ..patient()
    };
    let server = Server::over_with(via, settings, PresenceLimits::default()).await;
    // The time begins when they are there, though a handshake takes long.
    let still = Still::now();
    let mut silent = Client::dial(&server, Version::V311).await;
    let mut slow = Client::dial(&server, Version::V311).await;
    slow.send(b"\x10").await;
    drop(still);
    silent.expect_end().await;
    slow.expect_end().await;
}

async fn a_keep_alive_beyond_ours_is_shortened_on_5(via: Via) {
    let server = Server::over(via).await;
    let hash = server.node.hash("ana");
    for (asked, given) in [(0, 300_u16), (30, 30), (40_000, 300)] {
        let connect = Connect {
            keep_alive: asked,
            ..Connect::new(Version::V5, "ana", &hash)
        };
        let mut client = Client::dial(&server, Version::V5).await;
        client.send(&connect.bytes()).await;
        let connack = client.packet().await;
        let mut wanted = vec![0x13];
        wanted.extend(given.to_be_bytes());
        assert!(connack.body.windows(3).any(|part| part == wanted));
    }
}

crate::over_every_transport!(
    a_genuine_proof_is_accepted_on_both_versions,
    connack_of_5_states_the_terms,
    a_session_is_never_present_and_a_client_without_an_id_gets_one,
    bad_credentials_are_refused_in_the_words_of_each_version,
    the_external_id_may_hold_colons,
    an_upper_case_hash_is_accepted,
    too_many_failures_are_limited_and_a_genuine_proof_never_is,
    versions_it_does_not_speak_are_told_so,
    extended_authentication_is_refused,
    whoever_sends_no_connect_is_closed,
    a_keep_alive_beyond_ours_is_shortened_on_5,
);
