//! As much of an MQTT 3.1.1 client as the story needs: connect, subscribe,
//! publish with `QoS` 1, take events.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::text_of;
use crate::failure::Failure;

/// Time for any one answer of the server.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest packet that is read, in bytes.
const MAX_PACKET_BYTES: usize = 256 * 1024;

/// Keep-alive in seconds, as the SDK sends it; the story is shorter.
const KEEP_ALIVE_SECONDS: u16 = 30;

/// Events that are remembered for the end of the story.
const MAX_SEEN: usize = 1_000;

/// A phone's MQTT side.
pub(super) struct MqttClient {
    stream: BufReader<TcpStream>,
    last_packet_id: u16,
    events: VecDeque<(Value, Instant)>,
    /// The types and numbers of all events since they were last forgotten.
    seen: Vec<(String, i64)>,
}

/// What was published, acknowledged.
pub(super) struct Published {
    /// When it left.
    pub(super) sent: Instant,
    /// From sending to PUBACK: by then it is on disk.
    pub(super) acknowledged: Duration,
}

enum Packet {
    ConnAck { code: u8 },
    SubAck { code: u8 },
    PubAck { id: u16 },
    Event { id: Option<u16>, payload: Vec<u8> },
    Other,
}

impl MqttClient {
    /// Connects and proves who is calling.
    pub(super) async fn connect(
        address: SocketAddr,
        client_id: &str,
        username: &str,
        password: &str,
    ) -> Result<Self, Failure> {
        let stream = within(TcpStream::connect(address)).await?;
        let _ = stream.set_nodelay(true);
        let mut client = Self {
            stream: BufReader::new(stream),
            last_packet_id: 0,
            events: VecDeque::new(),
            seen: Vec::new(),
        };
        let mut body = Vec::new();
        put_text(&mut body, "MQTT");
        // Level 4 is 3.1.1; flags: username, password, clean session.
        body.extend([4, 0b1100_0010]);
        body.extend(KEEP_ALIVE_SECONDS.to_be_bytes());
        for text in [client_id, username, password] {
            put_text(&mut body, text);
        }
        client.send(0x10, &body).await?;
        match within(client.receive()).await? {
            Packet::ConnAck { code: 0 } => Ok(client),
            Packet::ConnAck { code } => Err(Failure::new(format!(
                "the MQTT listener refused the connection with code {code}"
            ))),
            _ => Err(Failure::new("the MQTT listener did not answer CONNECT")),
        }
    }

    /// Subscribes with `QoS` 1.
    pub(super) async fn subscribe(&mut self, topic: &str) -> Result<(), Failure> {
        let mut body = self.next_id().to_be_bytes().to_vec();
        put_text(&mut body, topic);
        body.push(1);
        self.send(0x82, &body).await?;
        loop {
            match self.next_packet().await? {
                Packet::SubAck { code: 0..=2 } => return Ok(()),
                Packet::SubAck { code } => {
                    let refused = format!("SUBSCRIBE to {topic} was refused with code {code}");
                    return Err(Failure::new(refused));
                }
                _ => {}
            }
        }
    }

    /// Publishes with `QoS` 1 and waits for the PUBACK.
    pub(super) async fn publish(
        &mut self,
        topic: &str,
        payload: &Value,
    ) -> Result<Published, Failure> {
        let id = self.next_id();
        let mut body = Vec::new();
        put_text(&mut body, topic);
        body.extend(id.to_be_bytes());
        body.extend(payload.to_string().as_bytes());
        let sent = Instant::now();
        self.send(0x32, &body).await?;
        loop {
            if let Packet::PubAck { id: acknowledged } = self.next_packet().await?
                && acknowledged == id
            {
                let acknowledged = sent.elapsed();
                return Ok(Published { sent, acknowledged });
            }
        }
    }

    /// The next event of this type, and when it arrived.
    pub(super) async fn event(&mut self, kind: &str) -> Result<(Value, Instant), Failure> {
        loop {
            while let Some((event, at)) = self.events.pop_front() {
                if event.get("type").and_then(Value::as_str) == Some(kind) {
                    return Ok((event, at));
                }
            }
            self.next_packet().await?;
        }
    }

    /// Forgets the events that arrived.
    pub(super) fn forget_events(&mut self) {
        self.events.clear();
        self.seen.clear();
    }

    /// The types and numbers of the events that arrived, in their order.
    pub(super) fn events_seen(&self) -> &[(String, i64)] {
        &self.seen
    }

    /// Says goodbye.
    pub(super) async fn disconnect(mut self) -> Result<(), Failure> {
        self.send(0xE0, &[]).await
    }

    /// Reads a packet; an event is acknowledged and kept.
    async fn next_packet(&mut self) -> Result<Packet, Failure> {
        let packet = within(self.receive()).await?;
        if let Packet::Event { id, payload } = &packet {
            let at = Instant::now();
            if let Some(id) = id {
                self.send(0x40, &id.to_be_bytes()).await?;
            }
            let event: Value = serde_json::from_slice(payload).unwrap_or(Value::Null);
            if self.seen.len() < MAX_SEEN {
                let number = event.get("snapshotVersion").and_then(Value::as_i64);
                let kind = text_of(&event, "/type");
                self.seen.push((kind, number.unwrap_or_default()));
            }
            self.events.push_back((event, at));
        }
        Ok(packet)
    }

    async fn receive(&mut self) -> io::Result<Packet> {
        let first = self.stream.read_u8().await?;
        let (mut length, mut shift) = (0_usize, 0_u32);
        loop {
            let byte = self.stream.read_u8().await?;
            length |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
            if shift > 21 {
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
        if length > MAX_PACKET_BYTES {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await?;
        parse(first, &body).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    async fn send(&mut self, first: u8, body: &[u8]) -> Result<(), Failure> {
        let mut packet = vec![first];
        let mut left = body.len();
        loop {
            let low = u8::try_from(left % 128).unwrap_or_default();
            left /= 128;
            packet.push(if left > 0 { low | 0x80 } else { low });
            if left == 0 {
                break;
            }
        }
        packet.extend(body);
        within(self.stream.get_mut().write_all(&packet)).await
    }

    fn next_id(&mut self) -> u16 {
        self.last_packet_id = self.last_packet_id.checked_add(1).unwrap_or(1);
        self.last_packet_id
    }
}

/// Runs an exchange with the server within its limit.
async fn within<T>(exchange: impl Future<Output = io::Result<T>>) -> Result<T, Failure> {
    match timeout(ANSWER_TIMEOUT, exchange).await {
        Ok(done) => done.map_err(|error| Failure::new(format!("MQTT: {error}"))),
        Err(_) => Err(Failure::new(format!(
            "MQTT: no answer within {} s",
            ANSWER_TIMEOUT.as_secs()
        ))),
    }
}

fn put_text(to: &mut Vec<u8>, text: &str) {
    // The story's texts are all shorter than 64 KiB.
    to.extend(u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes());
    to.extend(text.as_bytes());
}

fn parse(first: u8, body: &[u8]) -> Option<Packet> {
    let u16_at = |at: usize| {
        let bytes = body.get(at..at + 2)?;
        Some(u16::from_be_bytes(bytes.try_into().ok()?))
    };
    Some(match first >> 4 {
        2 => Packet::ConnAck {
            code: *body.get(1)?,
        },
        3 => {
            let topic_end = 2 + usize::from(u16_at(0)?);
            let with_id = first & 0b0110 != 0;
            let (id, begin) = if with_id {
                (Some(u16_at(topic_end)?), topic_end + 2)
            } else {
                (None, topic_end)
            };
            Packet::Event {
                id,
                payload: body.get(begin..)?.to_vec(),
            }
        }
        4 => Packet::PubAck { id: u16_at(0)? },
        9 => Packet::SubAck {
            code: *body.get(2)?,
        },
        _ => Packet::Other,
    })
}
