//! SUBSCRIBE, UNSUBSCRIBE and who may hear what.

use crate::support::client::Client;
use crate::support::packets::{BOTH, Version, packet, unsubscribe};
use crate::support::server::Server;

#[tokio::test]
async fn the_own_events_are_granted_in_both_forms_with_qos_1_at_most() {
    let server = Server::start().await;
    let user = server.caller("a/b c+#%").await.user;
    for version in BOTH {
        let mut client = Client::connect(&server, version, "a/b c+#%").await;
        let uuid = format!("sos/events/{user}");
        let alias = "sos/events/a%2Fb%20c%2B%23%25";
        let codes = client
            .subscribe(&[(&uuid, 1), (alias, 2), (alias, 0)])
            .await;
        assert_eq!(codes, [1, 1, 0]);
        client.expect_silence().await;
    }
}

#[tokio::test]
async fn anything_else_is_refused_and_the_connection_stays() {
    let server = Server::start().await;
    let other = server.caller("ben").await.user;
    for version in BOTH {
        let mut client = Client::connect(&server, version, "ana").await;
        let bens = format!("sos/events/{other}");
        let filters = [
            ("sos/events/+", 0xA2),
            ("#", 0xA2),
            ("$share/g/sos/events/ana", 0x9E),
            (bens.as_str(), 0x87),
            ("sos/events/ben", 0x87),
            ("sos/events", 0x87),
            ("sos/alerts", 0x87),
            ("tel/ana/data", 0x87),
            ("sos/events/ana%00", 0x87),
            ("sos/events/%C1%A1na", 0x87),
            ("sos/events/ana", 1),
        ];
        let asked: Vec<_> = filters.iter().map(|(filter, _)| (*filter, 1)).collect();
        let codes = client.subscribe(&asked).await;
        for ((filter, of_5), code) in filters.iter().zip(codes) {
            let expected = match version {
                Version::V311 if *of_5 >= 0x80 => 0x80,
                _ => *of_5,
            };
            assert_eq!(code, expected, "{filter}");
        }
        client.expect_silence().await;
    }
}

#[tokio::test]
async fn a_subscription_id_is_refused() {
    let server = Server::start().await;
    let mut client = Client::connect(&server, Version::V5, "ana").await;
    let body = b"\0\x07\x02\x0B\x05\0\x0esos/events/ana\x01";
    client.send(&packet(0x82, body)).await;
    client.expect(0x90, &[0, 7, 0, 0xA1]).await;
    client.expect_silence().await;
}

#[tokio::test]
async fn topics_are_bounded_per_connection() {
    let server = Server::start().await;
    let mut client = Client::connect(&server, Version::V5, "anab").await;
    // Every spelling of one alias is a topic of its own.
    let mut spellings = Vec::new();
    for a in ["a", "%61"] {
        for n in ["n", "%6e", "%6E"] {
            for last in ["ab", "%61b", "a%62", "%61%62"] {
                spellings.push(format!("sos/events/{a}{n}{last}"));
            }
        }
    }
    let filters: Vec<_> = spellings
        .iter()
        .map(|filter| (filter.as_str(), 1))
        .collect();
    let codes = client.subscribe(&filters).await;
    assert_eq!(codes.len(), 24);
    assert!(codes[..16].iter().all(|code| *code == 1), "{codes:?}");
    assert!(codes[16..].iter().all(|code| *code == 0x97), "{codes:?}");
}

#[tokio::test]
async fn unsubscribe_says_whether_there_was_one() {
    let server = Server::start().await;
    for version in BOTH {
        let mut client = Client::connect(&server, version, "ana").await;
        client.subscribe(&[("sos/events/ana", 1)]).await;
        let bytes = unsubscribe(version, 5, &["sos/events/ana", "sos/events/ben"]);
        client.send(&bytes).await;
        match version {
            Version::V311 => client.expect(0xB0, &[0, 5]).await,
            Version::V5 => client.expect(0xB0, &[0, 5, 0, 0, 0x11]).await,
        }
        client.expect_silence().await;
    }
}
