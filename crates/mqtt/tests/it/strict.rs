//! What the standard forbids closes the connection, and on 5 says why.

use crate::support::client::Client;
use crate::support::packets::{BOTH, Connect, Version, packet, publish_with, text};
use crate::support::server::Server;

const MALFORMED: u8 = 0x81;
const PROTOCOL: u8 = 0x82;

async fn closes(server: &Server, version: Version, bytes: &[u8], reason: u8) {
    let mut client = Client::connect(server, version, "ana").await;
    client.send(bytes).await;
    client.expect_close(reason).await;
}

#[tokio::test]
async fn connect_with_trailing_bytes_is_closed_without_a_word() {
    let server = Server::start().await;
    for version in BOTH {
        let hash = server.node.hash("ana");
        let genuine = Connect::new(version, "ana", &hash).bytes();
        let header = genuine.len() - (2 + usize::from(genuine[1] & 0x7F));
        assert!(header <= 128, "a length of one or two digits");
        let body_at = if genuine[1] & 0x80 == 0 { 2 } else { 3 };
        let mut body = genuine[body_at..].to_vec();
        body.push(0);
        let mut client = Client::dial(&server, version).await;
        client.send(&packet(0x10, &body)).await;
        client.expect_end().await;
    }
}

#[tokio::test]
async fn will_details_without_a_will_are_refused() {
    let server = Server::start().await;
    for version in BOTH {
        let mut body = text("MQTT");
        body.push(if version == Version::V5 { 5 } else { 4 });
        body.extend_from_slice(b"\x0A\0\x1E");
        if version == Version::V5 {
            body.push(0);
        }
        body.extend(text("id"));
        let mut client = Client::dial(&server, version).await;
        client.send(&packet(0x10, &body)).await;
        client.expect_end().await;
    }
}

#[tokio::test]
async fn the_first_packet_is_connect() {
    let server = Server::start().await;
    for bytes in [
        &b"\xC0\x00"[..],
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
    ] {
        let mut client = Client::dial(&server, Version::V311).await;
        client.send(bytes).await;
        client.expect_end().await;
    }
}

#[tokio::test]
async fn a_second_connect_is_a_protocol_error() {
    let server = Server::start().await;
    for version in BOTH {
        let hash = server.node.hash("ana");
        let again = Connect::new(version, "ana", &hash).bytes();
        closes(&server, version, &again, PROTOCOL).await;
    }
}

#[tokio::test]
async fn a_ping_with_payload_is_malformed() {
    let server = Server::start().await;
    for version in BOTH {
        closes(&server, version, b"\xC0\x01x", MALFORMED).await;
    }
}

#[tokio::test]
async fn reserved_flags_and_lengths_without_end_are_malformed() {
    let server = Server::start().await;
    for version in BOTH {
        closes(&server, version, b"\xC1\x00", MALFORMED).await;
        closes(&server, version, b"\x80\x02\0\x01", MALFORMED).await;
        closes(&server, version, b"\x30\xFF\xFF\xFF\xFF\x01", MALFORMED).await;
    }
}

#[tokio::test]
async fn publish_of_qos_3_or_packet_id_0_is_refused() {
    let server = Server::start().await;
    for version in BOTH {
        let three = publish_with(version, 3, 0, 1, "tel/data", b"{}");
        closes(&server, version, &three, MALFORMED).await;
        let zero = publish_with(version, 1, 0, 0, "tel/data", b"{}");
        closes(&server, version, &zero, PROTOCOL).await;
    }
}

#[tokio::test]
async fn a_topic_alias_is_above_the_maximum() {
    let server = Server::start().await;
    for topic in ["tel/data", ""] {
        let mut body = text(topic);
        body.extend_from_slice(b"\0\x01\x03\x23\0\x01{}");
        closes(&server, Version::V5, &packet(0x32, &body), 0x94).await;
    }
}

#[tokio::test]
async fn topics_must_be_utf8_without_nul() {
    let server = Server::start().await;
    for version in BOTH {
        for topic in [&b"\0\x02\xC0\xAF"[..], b"\0\x03a\0b", b"\0\x03\xED\xA0\x80"] {
            let mut body = topic.to_vec();
            body.extend_from_slice(b"\0{}");
            closes(&server, version, &packet(0x30, &body), MALFORMED).await;
        }
    }
}

#[tokio::test]
async fn packets_that_only_a_server_sends_are_refused() {
    let server = Server::start().await;
    for version in BOTH {
        for bytes in [
            &b"\x20\x02\0\0"[..],
            b"\x90\x03\0\x01\0",
            b"\xD0\x00",
            b"\xF0\x00",
        ] {
            closes(&server, version, bytes, PROTOCOL).await;
        }
    }
}

#[tokio::test]
async fn a_large_packet_that_is_no_sos_closes() {
    let server = Server::start().await;
    for version in BOTH {
        let large = publish_with(version, 1, 0, 1, "tel/data", &vec![b' '; 256 * 1024]);
        let mut client = Client::connect(&server, version, "ana").await;
        // The server may close while we still write.
        let _ = tokio::io::AsyncWriteExt::write_all(&mut client.stream, &large).await;
        client.expect_close(0x95).await;
    }
}
