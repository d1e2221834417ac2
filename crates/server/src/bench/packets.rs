//! The few MQTT packets that load is made of, written straight into a buffer.
//!
//! Shares no code with the server: what it measures must not depend on what
//! the server thinks of itself.

use clap::ValueEnum;
use serde::Serialize;

use super::people::Person;

/// The protocol version that is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
pub(crate) enum Protocol {
    /// MQTT 3.1.1
    #[value(name = "3.1.1")]
    #[serde(rename = "3.1.1")]
    V311,
    /// MQTT 5
    #[value(name = "5")]
    #[serde(rename = "5")]
    V5,
}

/// A packet of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packet<'a> {
    /// The answer to CONNECT; 0 is yes.
    ConnAck(u8),
    /// The answer to SUBSCRIBE.
    SubAck(u8),
    /// A publish of `QoS` 1 was answered; from 0x80 on it was refused.
    PubAck(u16, u8),
    /// A publish of `QoS` 2 was answered.
    PubRec(u16, u8),
    /// The end of a publish of `QoS` 2.
    PubComp(u16),
    /// An event: topic and all, and its id if it wants an answer.
    Publish(Option<u16>, &'a [u8]),
    /// The server is leaving.
    Disconnect(u8),
    /// Anything else.
    Other,
}

/// What a buffer begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next<'a> {
    /// A packet, and how many bytes it takes.
    Packet(Packet<'a>, usize),
    /// Not a whole packet yet.
    Incomplete,
    /// No MQTT.
    Garbage,
}

/// Writes CONNECT with a clean session.
pub(crate) fn connect(
    protocol: Protocol,
    person: &Person,
    client_id: &str,
    keep_alive_seconds: u16,
    to: &mut Vec<u8>,
) {
    let mut body = Vec::with_capacity(192);
    text(&mut body, "MQTT");
    let (level, properties) = match protocol {
        Protocol::V311 => (4, &[][..]),
        Protocol::V5 => (5, &[0][..]),
    };
    let flags = if person.credentials.is_some() {
        0b1100_0010
    } else {
        0b0000_0010
    };
    body.extend([level, flags]);
    body.extend(keep_alive_seconds.to_be_bytes());
    body.extend(properties);
    text(&mut body, client_id);
    if let Some(credentials) = &person.credentials {
        text(&mut body, &credentials.username(&person.id));
        text(&mut body, &credentials.hash);
    }
    packet(0x10, &body, to);
}

/// Writes SUBSCRIBE with `QoS` 1 and id 1.
pub(crate) fn subscribe(protocol: Protocol, topic: &str, to: &mut Vec<u8>) {
    let mut body = vec![0, 1];
    if protocol == Protocol::V5 {
        body.push(0);
    }
    text(&mut body, topic);
    body.push(1);
    packet(0x82, &body, to);
}

/// A PUBLISH in two parts, so that sending one is two copies: everything up to
/// the packet id, and what stands between the id and the payload.
#[derive(Clone, Debug)]
pub(crate) struct PublishTemplate {
    head: Vec<u8>,
    after_id: &'static [u8],
    qos: u8,
}

impl PublishTemplate {
    /// For payloads of exactly `payload_bytes`.
    pub(crate) fn new(protocol: Protocol, qos: u8, topic: &str, payload_bytes: usize) -> Self {
        let after_id: &[u8] = match protocol {
            Protocol::V311 => &[],
            Protocol::V5 => &[0],
        };
        let id = if qos == 0 { 0 } else { 2 };
        let mut head = vec![0x30 | (qos << 1)];
        length(
            2 + topic.len() + id + after_id.len() + payload_bytes,
            &mut head,
        );
        text(&mut head, topic);
        Self {
            head,
            after_id,
            qos,
        }
    }

    /// Writes one.
    pub(crate) fn write(&self, id: u16, payload: &[u8], to: &mut Vec<u8>) {
        to.extend_from_slice(&self.head);
        if self.qos > 0 {
            to.extend_from_slice(&id.to_be_bytes());
        }
        to.extend_from_slice(self.after_id);
        to.extend_from_slice(payload);
    }
}

/// Writes PUBACK.
pub(crate) fn puback(id: u16, to: &mut Vec<u8>) {
    to.extend_from_slice(&[0x40, 2]);
    to.extend_from_slice(&id.to_be_bytes());
}

/// Writes PUBREL.
pub(crate) fn pubrel(id: u16, to: &mut Vec<u8>) {
    to.extend_from_slice(&[0x62, 2]);
    to.extend_from_slice(&id.to_be_bytes());
}

/// PINGREQ.
pub(crate) const PINGREQ: [u8; 2] = [0xC0, 0];
/// DISCONNECT.
pub(crate) const DISCONNECT: [u8; 2] = [0xE0, 0];

/// Reads what `buffer` begins with.
pub(crate) fn next(buffer: &[u8]) -> Next<'_> {
    let Some((&first, rest)) = buffer.split_first() else {
        return Next::Incomplete;
    };
    let mut body_length = 0_usize;
    let mut digits = 0;
    for &byte in rest.iter().take(4) {
        body_length |= usize::from(byte & 0x7F) << (7 * digits);
        digits += 1;
        if byte & 0x80 == 0 {
            let header = 1 + digits;
            let Some(body) = buffer.get(header..header + body_length) else {
                return Next::Incomplete;
            };
            return match parse(first, body) {
                Some(packet) => Next::Packet(packet, header + body_length),
                None => Next::Garbage,
            };
        }
    }
    if digits == 4 {
        Next::Garbage
    } else {
        Next::Incomplete
    }
}

fn parse(first: u8, body: &[u8]) -> Option<Packet<'_>> {
    // A missing reason code is success.
    let reason = || body.get(2).copied().unwrap_or(0);
    Some(match first >> 4 {
        2 => Packet::ConnAck(*body.get(1)?),
        3 => {
            let topic_end = 2 + usize::from(u16_at(body, 0)?);
            let id = match first & 0b0110 {
                0 => None,
                _ => Some(u16_at(body, topic_end)?),
            };
            Packet::Publish(id, body)
        }
        4 => Packet::PubAck(u16_at(body, 0)?, reason()),
        5 => Packet::PubRec(u16_at(body, 0)?, reason()),
        7 => Packet::PubComp(u16_at(body, 0)?),
        // The only topic's code comes last, whatever properties precede it.
        9 => Packet::SubAck(*body.last()?),
        14 => Packet::Disconnect(body.first().copied().unwrap_or(0)),
        _ => Packet::Other,
    })
}

fn u16_at(body: &[u8], at: usize) -> Option<u16> {
    let bytes = body.get(at..at + 2)?;
    Some(u16::from_be_bytes(bytes.try_into().ok()?))
}

fn packet(first: u8, body: &[u8], to: &mut Vec<u8>) {
    to.push(first);
    length(body.len(), to);
    to.extend_from_slice(body);
}

fn length(mut left: usize, to: &mut Vec<u8>) {
    loop {
        let low = u8::try_from(left % 128).unwrap_or_default();
        left /= 128;
        to.push(if left > 0 { low | 0x80 } else { low });
        if left == 0 {
            return;
        }
    }
}

fn text(to: &mut Vec<u8>, text: &str) {
    // Ids, hashes and topics of a run are all shorter than 64 KiB.
    to.extend(u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes());
    to.extend(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_publish_is_framed_whole() {
        for (protocol, qos) in [
            (Protocol::V311, 0),
            (Protocol::V311, 1),
            (Protocol::V5, 1),
            (Protocol::V5, 2),
        ] {
            let payload = [b'x'; 200];
            let template = PublishTemplate::new(protocol, qos, "tel/a/data", payload.len());
            let mut bytes = Vec::new();
            template.write(7, &payload, &mut bytes);
            let id = (qos > 0).then_some(7);
            match next(&bytes) {
                Next::Packet(Packet::Publish(found, body), length) => {
                    assert_eq!((found, length), (id, bytes.len()));
                    assert!(body.ends_with(&payload));
                }
                other => panic!("{other:?}"),
            }
            assert_eq!(next(&bytes[..bytes.len() - 1]), Next::Incomplete);
        }
    }

    #[test]
    fn answers_are_told_apart() {
        for (bytes, packet) in [
            (&[0x40, 2, 0, 9][..], Packet::PubAck(9, 0)),
            (&[0x40, 3, 0, 9, 0x99], Packet::PubAck(9, 0x99)),
            (&[0x20, 2, 0, 5], Packet::ConnAck(5)),
            (&[0x20, 3, 0, 0x87, 0], Packet::ConnAck(0x87)),
            (&[0x90, 4, 0, 1, 0, 1], Packet::SubAck(1)),
            (&[0xD0, 0], Packet::Other),
            (&[0xE0, 2, 0x8B, 0], Packet::Disconnect(0x8B)),
        ] {
            assert_eq!(next(bytes), Next::Packet(packet, bytes.len()));
        }
        assert_eq!(next(&[0x40, 0xFF, 0xFF, 0xFF, 0xFF]), Next::Garbage);
        assert_eq!(next(&[0x40, 1, 0]), Next::Garbage);
        assert_eq!(next(&[]), Next::Incomplete);
    }
}
