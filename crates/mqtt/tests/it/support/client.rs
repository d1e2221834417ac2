//! A client of a real socket.

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::LIMIT;
use super::packets::{Connect, PINGREQ, Version};
use super::server::Server;
use super::transport::{self, Socket};

/// A client that sends what it is told.
pub(crate) struct Client {
    pub(crate) stream: Box<dyn Socket>,
    pub(crate) version: Version,
}

/// A packet as received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Packet {
    pub(crate) first: u8,
    pub(crate) body: Vec<u8>,
}

/// An event as received.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) topic: String,
    /// 0 of QoS 0.
    pub(crate) id: u16,
    pub(crate) json: Value,
}

impl Client {
    /// A connection on which nothing was sent.
    pub(crate) async fn dial(server: &Server, version: Version) -> Self {
        let stream = transport::dial(server.via, server.address, &server.terms).await;
        Self { stream, version }
    }

    /// Sends a CONNECT and returns the code of the CONNACK.
    pub(crate) async fn try_connect(server: &Server, connect: &Connect) -> (Self, u8) {
        let mut client = Self::dial(server, connect.version).await;
        client.send(&connect.bytes()).await;
        let connack = client.packet().await;
        assert_eq!(connack.first, 0x20, "{connack:?}");
        assert_eq!(connack.body[0], 0, "session present");
        (client, connack.body[1])
    }

    /// Sends a CONNECT that is refused; returns the code and why, as the reason string
    /// of 5 has it.
    pub(crate) async fn refused(server: &Server, connect: &Connect) -> (u8, Option<String>) {
        let mut client = Self::dial(server, connect.version).await;
        client.send(&connect.bytes()).await;
        let connack = client.packet().await;
        assert_eq!((connack.first, connack.body[0]), (0x20, 0), "{connack:?}");
        let why = connack.body.get(2..).and_then(reason_string);
        client.expect_end().await;
        (connack.body[1], why)
    }

    /// A user's accepted connection with a client id of its own.
    pub(crate) async fn connect(server: &Server, version: Version, external_id: &str) -> Self {
        let hash = server.node.hash(external_id);
        Self::accepted(server, &Connect::new(version, external_id, &hash)).await
    }

    /// An accepted connection.
    pub(crate) async fn accepted(server: &Server, connect: &Connect) -> Self {
        let (client, code) = Self::try_connect(server, connect).await;
        assert_eq!(code, 0);
        client
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        let sent = async {
            self.stream.write_all(bytes).await.unwrap();
            // TLS keeps what the socket did not take at once.
            self.stream.flush().await.unwrap();
        };
        timeout(LIMIT, sent).await.expect("the server reads");
    }

    /// The next packet.
    pub(crate) async fn packet(&mut self) -> Packet {
        self.next()
            .await
            .expect("the connection is open and a packet comes")
    }

    /// The next packet; `None` when the server closed.
    pub(crate) async fn next(&mut self) -> Option<Packet> {
        timeout(LIMIT, self.read())
            .await
            .expect("a packet or the end comes")
    }

    async fn read(&mut self) -> Option<Packet> {
        let first = self.stream.read_u8().await.ok()?;
        let (mut length, mut shift) = (0, 0);
        loop {
            let digit = self.stream.read_u8().await.ok()?;
            length |= usize::from(digit & 0x7F) << shift;
            shift += 7;
            if digit & 0x80 == 0 {
                break;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await.ok()?;
        Some(Packet { first, body })
    }

    /// The next packet is this one.
    pub(crate) async fn expect(&mut self, first: u8, body: &[u8]) {
        let packet = self.packet().await;
        let expected = Packet {
            first,
            body: body.to_vec(),
        };
        assert_eq!(packet, expected);
    }

    /// Nothing was sent up to now: the answer to a ping is the next packet.
    pub(crate) async fn expect_silence(&mut self) {
        self.send(PINGREQ).await;
        self.expect(0xD0, b"").await;
    }

    /// The server closes; on 5 it says why.
    pub(crate) async fn expect_close(&mut self, reason: u8) {
        self.expect_close_with(reason).await;
    }

    /// The same; returns why, as the reason string of 5 has it.
    pub(crate) async fn expect_close_with(&mut self, reason: u8) -> Option<String> {
        let mut why = None;
        if self.version == Version::V5 {
            let packet = self.packet().await;
            assert_eq!((packet.first, packet.body[0]), (0xE0, reason), "{packet:?}");
            why = packet.body.get(1..).and_then(reason_string);
        }
        self.expect_end().await;
        why
    }

    /// The server closes without another word.
    pub(crate) async fn expect_end(&mut self) {
        let packet = self.next().await;
        assert_eq!(packet, None);
    }

    /// The next packet acknowledges `id` with `reason`.
    pub(crate) async fn expect_ack(&mut self, first: u8, id: u16, reason: u8) {
        let packet = self.packet().await;
        assert_eq!(packet.first, first, "{packet:?}");
        assert_eq!(packet.body[..2], id.to_be_bytes(), "{packet:?}");
        let found = packet.body.get(2).copied().unwrap_or(0);
        assert_eq!(found, reason, "{packet:?}");
    }

    /// Subscribes and returns the codes of the SUBACK.
    pub(crate) async fn subscribe(&mut self, filters: &[(&str, u8)]) -> Vec<u8> {
        let bytes = super::packets::subscribe(self.version, 99, filters);
        self.send(&bytes).await;
        let suback = self.packet().await;
        assert_eq!(suback.first, 0x90, "{suback:?}");
        let skip = if self.version == Version::V5 { 3 } else { 2 };
        suback.body[skip..].to_vec()
    }

    /// The next packet is an event. It is not acknowledged.
    pub(crate) async fn event(&mut self) -> Delivery {
        let packet = self.packet().await;
        self.delivery(&packet)
    }

    /// Reads a PUBLISH of the server.
    pub(crate) fn delivery(&self, packet: &Packet) -> Delivery {
        assert_eq!(packet.first & 0xF9, 0x30, "no DUP, no RETAIN: {packet:?}");
        let qos = packet.first >> 1 & 0b11;
        let length = usize::from(u16::from_be_bytes([packet.body[0], packet.body[1]]));
        let (topic, rest) = packet.body[2..].split_at(length);
        let (id, rest) = if qos == 0 {
            (0, rest)
        } else {
            (u16::from_be_bytes([rest[0], rest[1]]), &rest[2..])
        };
        let rest = if self.version == Version::V5 {
            assert_eq!(rest[0], 0, "no properties");
            &rest[1..]
        } else {
            rest
        };
        Delivery {
            topic: String::from_utf8(topic.to_vec()).unwrap(),
            id,
            json: serde_json::from_slice(rest).unwrap(),
        }
    }
}

/// The reason string of properties that hold nothing else; `None` where there are none.
fn reason_string(properties: &[u8]) -> Option<String> {
    let (length, rest) = properties.split_first()?;
    assert_eq!((usize::from(*length), rest[0]), (rest.len(), 0x1F));
    assert_eq!(usize::from(rest[2]), rest.len() - 3, "{properties:?}");
    Some(String::from_utf8(rest[3..].to_vec()).unwrap())
}
