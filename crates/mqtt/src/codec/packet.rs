//! Every packet that a client may send after CONNECT.

use std::num::NonZeroU16;

use bytes::{Buf, BufMut, BytesMut};
use rmqtt_codec::{v3, v5};
use tokio_util::codec::Decoder;

use super::frame::Frame;
use super::publish::{self, Publish, Qos};
use super::reader::{Reader, varint_length};
use super::{Fault, Version};

/// A packet that a client may send after CONNECT.
#[derive(Debug)]
pub(crate) enum Packet {
    Publish(Publish),
    /// An event arrived.
    PubAck(NonZeroU16),
    /// A publish of QoS 2 is released.
    PubRel(NonZeroU16),
    Subscribe(Subscribe),
    Unsubscribe(Unsubscribe),
    PingReq,
    Disconnect,
}

/// SUBSCRIBE.
#[derive(Debug)]
pub(crate) struct Subscribe {
    pub(crate) id: NonZeroU16,
    /// Filter and wanted QoS.
    pub(crate) filters: Vec<(String, Qos)>,
    /// Carries a subscription id (5), which we do not offer.
    pub(crate) has_subscription_id: bool,
}

/// UNSUBSCRIBE.
#[derive(Debug)]
pub(crate) struct Unsubscribe {
    pub(crate) id: NonZeroU16,
    pub(crate) filters: Vec<String>,
}

/// Decodes a whole packet.
pub(crate) fn decode(version: Version, frame: Frame) -> Result<Packet, Fault> {
    let Frame { first, body } = frame;
    match (first >> 4, first & 0x0F) {
        (3, _) => publish::decode(version, first, body).map(Packet::Publish),
        (12, 0) => {
            if body.has_remaining() {
                return Err(Fault::malformed("PINGREQ with a payload"));
            }
            Ok(Packet::PingReq)
        }
        (1, _) => Err(Fault::protocol("a second CONNECT")),
        (4 | 14, 0) | (6 | 8 | 10, 2) => {
            check(version, first, &body)?;
            let mut packet = BytesMut::with_capacity(body.len() + 5);
            packet.put_u8(first);
            put_length(body.len(), &mut packet);
            packet.extend_from_slice(&body);
            match version {
                Version::V311 => decode_v311(&mut packet),
                Version::V5 => decode_v5(&mut packet),
            }
        }
        (4 | 6 | 8 | 10 | 12 | 14, _) => Err(Fault::malformed("reserved flags")),
        (5 | 7, _) => Err(Fault::protocol("an answer of QoS 2 to an event of QoS 1")),
        (15, _) => Err(Fault::protocol("AUTH without an authentication method")),
        _ => Err(Fault::protocol("a packet that only a server sends")),
    }
}

/// What the codec lets pass.
fn check(version: Version, first: u8, body: &[u8]) -> Result<(), Fault> {
    let mut reader = Reader::new(body);
    match (first >> 4, version) {
        (14, Version::V311) if !body.is_empty() => {
            return Err(Fault::malformed("DISCONNECT with a payload"));
        }
        (8 | 10, _) => {
            if reader.u16()? == 0 {
                return Err(Fault::protocol("packet id 0"));
            }
            if version == Version::V5 {
                let length = reader.varint()?;
                reader.take(length)?;
            }
            while reader.remaining() > 0 {
                if reader.text()?.is_empty() {
                    return Err(Fault::protocol("an empty topic filter"));
                }
                if first >> 4 == 8 {
                    let options = reader.u8()?;
                    let reserved = match version {
                        Version::V311 => 0b1111_1100,
                        Version::V5 => 0b1100_0000,
                    };
                    if options & reserved != 0 || options & 0b11 == 0b11 {
                        return Err(Fault::malformed("options of a subscription"));
                    }
                }
            }
        }
        _ => {}
    }
    Ok(())
}

fn decode_v311(packet: &mut BytesMut) -> Result<Packet, Fault> {
    let Ok(Some((packet, _))) = v3::Codec::default().decode(packet) else {
        return Err(Fault::malformed("a packet of 3.1.1"));
    };
    Ok(match packet {
        v3::Packet::PublishAck { packet_id } => Packet::PubAck(packet_id),
        v3::Packet::PublishRelease { packet_id } => Packet::PubRel(packet_id),
        v3::Packet::Subscribe {
            packet_id,
            topic_filters,
        } => Packet::Subscribe(Subscribe {
            id: packet_id,
            filters: topic_filters
                .into_iter()
                .map(|(filter, qos)| (filter.to_string(), wanted(qos.value())))
                .collect(),
            has_subscription_id: false,
        }),
        v3::Packet::Unsubscribe {
            packet_id,
            topic_filters,
        } => Packet::Unsubscribe(Unsubscribe {
            id: packet_id,
            filters: topic_filters.iter().map(ToString::to_string).collect(),
        }),
        v3::Packet::Disconnect => Packet::Disconnect,
        _ => return Err(Fault::protocol("a packet that only a server sends")),
    })
}

fn decode_v5(packet: &mut BytesMut) -> Result<Packet, Fault> {
    let Ok(Some((packet, _))) = v5::Codec::default().decode(packet) else {
        return Err(Fault::malformed("a packet of 5"));
    };
    Ok(match packet {
        v5::Packet::PublishAck(ack) => Packet::PubAck(ack.packet_id),
        v5::Packet::PublishRelease(release) => Packet::PubRel(release.packet_id),
        v5::Packet::Subscribe(subscribe) => Packet::Subscribe(Subscribe {
            id: subscribe.packet_id,
            filters: subscribe
                .topic_filters
                .into_iter()
                .map(|(filter, options)| (filter.to_string(), wanted(options.qos.value())))
                .collect(),
            has_subscription_id: subscribe.id.is_some(),
        }),
        v5::Packet::Unsubscribe(unsubscribe) => Packet::Unsubscribe(Unsubscribe {
            id: unsubscribe.packet_id,
            filters: unsubscribe
                .topic_filters
                .iter()
                .map(ToString::to_string)
                .collect(),
        }),
        v5::Packet::Disconnect(_) => Packet::Disconnect,
        _ => return Err(Fault::protocol("a packet that only a server sends")),
    })
}

fn wanted(qos: u8) -> Qos {
    match qos {
        0 => Qos::Zero,
        1 => Qos::One,
        _ => Qos::Two,
    }
}

/// Writes a length that was read from the wire.
pub(super) fn put_length(mut value: usize, into: &mut BytesMut) {
    for _ in 0..varint_length(value) {
        let digit = u8::try_from(value % 128).unwrap_or_default();
        value /= 128;
        into.put_u8(if value > 0 { digit | 0x80 } else { digit });
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::reason::Reason;

    fn decoded(version: Version, first: u8, body: &'static [u8]) -> Result<Packet, Fault> {
        decode(
            version,
            Frame {
                first,
                body: Bytes::from_static(body),
            },
        )
    }

    #[test]
    fn reads_subscribe_and_unsubscribe_of_both_versions() {
        for (version, body) in [
            (Version::V311, &b"\0\x07\0\x01a\x01\0\x01b\x02"[..]),
            (Version::V5, b"\0\x07\0\0\x01a\x01\0\x01b\x02"),
        ] {
            let Ok(Packet::Subscribe(subscribe)) = decoded(version, 0x82, body) else {
                panic!("{version:?}");
            };
            assert_eq!(subscribe.id.get(), 7);
            let expected = [("a".to_owned(), Qos::One), ("b".to_owned(), Qos::Two)];
            assert_eq!(subscribe.filters, expected);
        }
        let Ok(Packet::Subscribe(subscribe)) =
            decoded(Version::V5, 0x82, b"\0\x07\x02\x0B\x05\0\x01a\0")
        else {
            panic!("subscription id");
        };
        assert!(subscribe.has_subscription_id);
        let unsubscribe = decoded(Version::V311, 0xA2, b"\0\x07\0\x01a");
        assert!(matches!(unsubscribe, Ok(Packet::Unsubscribe(packet)) if packet.filters == ["a"]));
    }

    #[test]
    fn reads_acknowledgements_with_and_without_properties() {
        for (version, body) in [
            (Version::V311, &b"\0\x07"[..]),
            (Version::V5, b"\0\x07"),
            (Version::V5, b"\0\x07\0"),
            (Version::V5, b"\0\x07\x10\0"),
        ] {
            let ack = decoded(version, 0x40, body);
            assert!(matches!(ack, Ok(Packet::PubAck(id)) if id.get() == 7));
        }
        assert!(matches!(
            decoded(Version::V5, 0x62, b"\0\x07"),
            Ok(Packet::PubRel(_))
        ));
    }

    #[test]
    fn refuses_what_the_standard_forbids() {
        use Version::{V5, V311};
        let malformed = Reason::MALFORMED;
        let protocol = Reason::PROTOCOL_ERROR;
        for (version, first, body, reason) in [
            (V311, 0xC0, &b"x"[..], malformed), // PINGREQ with a payload
            (V5, 0xC0, b"x", malformed),
            (V311, 0xC1, b"", malformed), // reserved flags
            (V311, 0x80, b"\0\x01\0\x01a\0", malformed),
            (V311, 0xA0, b"\0\x01\0\x01a", malformed),
            (V311, 0x60, b"\0\x01", malformed),
            (V311, 0x42, b"\0\x01", malformed),
            (V311, 0xE1, b"", malformed),
            (V311, 0xE0, b"\0", malformed), // DISCONNECT with a payload
            (V311, 0x10, b"", protocol),    // second CONNECT
            (V5, 0x10, b"\0\x04MQTT\x05\x02\0\0\0\0\0", protocol),
            (V311, 0x82, b"\0\0\0\x01a\0", protocol), // packet id 0
            (V311, 0xA2, b"\0\0\0\x01a", protocol),
            (V5, 0x40, b"\0\0", malformed),
            (V311, 0x82, b"\0\x01\0\x01a\x03", malformed), // QoS 3
            (V311, 0x82, b"\0\x01\0\x01a\x05", malformed), // reserved bits
            (V5, 0x82, b"\0\x01\0\0\x01a\x41", malformed),
            (V5, 0x82, b"\0\x01\0\0\0\x01", protocol), // empty filter
            (V311, 0x82, b"\0\x01", malformed),        // no filter at all
            (V311, 0x40, b"\0\x01\0", malformed),      // trailing byte
            (V311, 0x82, b"\0\x01\0\x02\xC0\xAF\0", malformed),
            (V311, 0x82, b"\0\x01\0\x01\0\0", malformed), // NUL
            (V311, 0x20, b"\0\0", protocol),              // CONNACK
            (V311, 0xD0, b"", protocol),
            (V311, 0x50, b"\0\x01", protocol),
            (V311, 0x00, b"", protocol),
            (V311, 0xF0, b"", protocol),
            (V5, 0xF0, b"", protocol),
        ] {
            let fault = decoded(version, first, body).unwrap_err();
            assert_eq!(fault.reason, reason, "{first:x} {body:?}: {fault}");
        }
    }
}
