//! PUBLISH as a client sends it.
//!
//! Read here and not by `rmqtt-codec`, because this packet is the hot path,
//! because the beginning of one that is too large must be read as well, and
//! because a cry for help must not fail over a property that means nothing to
//! us.

use std::num::NonZeroU16;

use bytes::Bytes;

use super::reader::Reader;
use super::{Fault, Version};
use crate::reason::Reason;

/// The quality of service of a publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Qos {
    /// At most once: no answer.
    Zero,
    /// At least once: PUBACK.
    One,
    /// Exactly once: PUBREC, PUBREL, PUBCOMP.
    Two,
}

/// A PUBLISH of a client.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Publish {
    pub(crate) qos: Qos,
    pub(crate) retain: bool,
    /// Present unless QoS is 0.
    pub(crate) id: Option<NonZeroU16>,
    pub(crate) topic: String,
    pub(crate) payload: Bytes,
    /// The packet was too large; `payload` is its beginning.
    pub(crate) oversized: bool,
}

/// What stands in front of the payload.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) qos: Qos,
    pub(crate) retain: bool,
    pub(crate) id: Option<NonZeroU16>,
    pub(crate) topic: String,
}

/// Decodes a whole PUBLISH: `first` is the first byte of its header, `body`
/// what follows the header.
pub(crate) fn decode(version: Version, first: u8, mut body: Bytes) -> Result<Publish, Fault> {
    let mut reader = Reader::new(&body);
    let head = decode_head(first, &mut reader)?;
    if version == Version::V5 {
        let length = reader.varint()?;
        check_properties(reader.take(length)?)?;
    }
    let payload = body.split_off(body.len() - reader.remaining());
    if head.topic.is_empty() {
        // An alias would have been refused above: there is no topic at all.
        return Err(Fault::protocol("PUBLISH without a topic"));
    }
    Ok(Publish {
        qos: head.qos,
        retain: head.retain,
        id: head.id,
        topic: head.topic,
        payload,
        oversized: false,
    })
}

/// Decodes flags, topic and packet id, and leaves `reader` behind them.
pub(crate) fn decode_head(first: u8, reader: &mut Reader<'_>) -> Result<Head, Fault> {
    let qos = match (first >> 1) & 0b11 {
        0 => Qos::Zero,
        1 => Qos::One,
        2 => Qos::Two,
        _ => return Err(Fault::malformed("QoS 3")),
    };
    if qos == Qos::Zero && first & 0b1000 != 0 {
        return Err(Fault::malformed("DUP with QoS 0"));
    }
    let topic = reader.text()?.to_owned();
    let id = if qos == Qos::Zero {
        None
    } else {
        Some(NonZeroU16::new(reader.u16()?).ok_or(Fault::protocol("packet id 0"))?)
    };
    Ok(Head {
        qos,
        retain: first & 1 == 1,
        id,
        topic,
    })
}

/// Properties that a client may send with PUBLISH (MQTT 5: 3.3.2.3).
fn check_properties(bytes: &[u8]) -> Result<(), Fault> {
    let mut reader = Reader::new(bytes);
    let mut seen = 0_u64;
    while reader.remaining() > 0 {
        let property = reader.u8()?;
        match property {
            // Payload format indicator.
            0x01 => {
                if reader.u8()? > 1 {
                    return Err(Fault::malformed("payload format indicator"));
                }
            }
            // Message expiry interval: an event is stored, whatever it says.
            0x02 => {
                reader.take(4)?;
            }
            // Content type, response topic.
            0x03 | 0x08 => {
                reader.text()?;
            }
            // Correlation data.
            0x09 => {
                reader.binary()?;
            }
            0x0B => return Err(Fault::protocol("subscription id from a client")),
            0x23 => {
                return Err(Fault {
                    reason: Reason::TOPIC_ALIAS,
                    what: "a topic alias, though none was allowed",
                });
            }
            // User property: the only one that may repeat.
            0x26 => {
                reader.text()?;
                reader.text()?;
                continue;
            }
            _ => return Err(Fault::malformed("a property that PUBLISH has not")),
        }
        let bit = 1_u64 << property;
        if seen & bit != 0 {
            return Err(Fault::protocol("a property twice"));
        }
        seen |= bit;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(version: Version, first: u8, body: &[u8]) -> Result<Publish, Fault> {
        decode(version, first, Bytes::copy_from_slice(body))
    }

    #[test]
    fn reads_both_versions() {
        let old = decoded(Version::V311, 0x33, b"\0\x03t/d\0\x07{}").unwrap();
        assert_eq!(old.qos, Qos::One);
        assert!(old.retain);
        assert_eq!(old.id.map(NonZeroU16::get), Some(7));
        assert_eq!(old.topic, "t/d");
        assert_eq!(&old.payload[..], b"{}");
        let new = decoded(Version::V5, 0x34, b"\0\x03t/d\0\x07\0{}").unwrap();
        assert_eq!(new.qos, Qos::Two);
        assert_eq!(&new.payload[..], b"{}");
        let bare = decoded(Version::V5, 0x30, b"\0\x03t/d\0").unwrap();
        assert_eq!((bare.id, bare.payload.len()), (None, 0));
    }

    #[test]
    fn takes_every_property_of_a_publish() {
        let properties = b"\x01\x01\x02\0\0\0\0\x03\0\x01j\x08\0\x01r\x09\0\x01c\x26\0\x01a\0\x01b\x26\0\x01a\0\x01b";
        let mut body = b"\0\x01t\0\x01".to_vec();
        body.push(u8::try_from(properties.len()).unwrap());
        body.extend_from_slice(properties);
        body.extend_from_slice(b"payload");
        let publish = decoded(Version::V5, 0x32, &body).unwrap();
        assert_eq!(&publish.payload[..], b"payload");
    }

    #[test]
    fn refuses_what_the_standard_forbids() {
        for (first, body, reason) in [
            (0x36, &b"\0\x01t\0\x01\0"[..], Reason::MALFORMED), // QoS 3
            (0x38, b"\0\x01t\0", Reason::MALFORMED),            // DUP with QoS 0
            (0x32, b"\0\x01t\0\0\0", Reason::PROTOCOL_ERROR),   // packet id 0
            (0x30, b"\0\0\0", Reason::PROTOCOL_ERROR),          // no topic
            (0x30, b"\0\x02\xC0\xAF\0", Reason::MALFORMED),     // overlong UTF-8
            (0x30, b"\0\x01\0\0", Reason::MALFORMED),           // NUL
            (0x30, b"\0\x05t", Reason::MALFORMED),              // short
            (0x30, b"\0\x01t\x03\x23\0\x01", Reason::TOPIC_ALIAS),
            (0x30, b"\0\0\x03\x23\0\x01", Reason::TOPIC_ALIAS),
            (0x30, b"\0\x01t\x02\x0B\x01", Reason::PROTOCOL_ERROR),
            (0x30, b"\0\x01t\x04\x01\0\x01\0", Reason::PROTOCOL_ERROR), // twice
            (0x30, b"\0\x01t\x02\x01\x02", Reason::MALFORMED),
            (0x30, b"\0\x01t\x02\x24\x01", Reason::MALFORMED), // of another packet
            (0x30, b"\0\x01t\x05\x01\0", Reason::MALFORMED),   // beyond the end
            (0x30, b"\0\x01t\x80\0", Reason::MALFORMED),       // length too long
        ] {
            let fault = decoded(Version::V5, first, body).unwrap_err();
            assert_eq!(fault.reason, reason, "{body:?}: {fault}");
        }
    }
}
