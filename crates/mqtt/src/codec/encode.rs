//! What the server sends.

use std::num::NonZeroU16;

use bytes::{BufMut, BytesMut};
use rmqtt_codec::v5;
use tokio_util::codec::Encoder;

use super::packet::put_length;
use super::publish::Qos;
use super::{Fault, Version};
use crate::reason::{Reason, Refusal, v311};

/// The property of 5 that tells a person why.
const REASON_STRING: u8 = 0x1F;

/// What the CONNACK of 5 states.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    pub(crate) receive_maximum: u16,
    pub(crate) max_packet_bytes: usize,
    /// In seconds.
    pub(crate) keep_alive: u16,
    /// For a client that brought none.
    pub(crate) assigned_client_id: Option<String>,
    /// The client asked for a session beyond the connection and gets none.
    pub(crate) no_session: bool,
}

/// CONNACK of an accepted connection; session present is always 0.
pub(crate) fn accept(version: Version, terms: &Terms, into: &mut BytesMut) -> Result<(), Fault> {
    if version == Version::V311 {
        into.put_slice(&[0x20, 2, 0, v311::ACCEPTED]);
        return Ok(());
    }
    let ack = v5::ConnectAck {
        receive_max: NonZeroU16::new(terms.receive_maximum).unwrap_or(NonZeroU16::MIN),
        max_packet_size: u32::try_from(terms.max_packet_bytes).ok(),
        server_keepalive_sec: Some(terms.keep_alive),
        assigned_client_id: terms.assigned_client_id.clone().map(Into::into),
        session_expiry_interval_secs: terms.no_session.then_some(0),
        retain_available: false,
        wildcard_subscription_available: false,
        subscription_identifiers_available: false,
        shared_subscription_available: false,
        ..v5::ConnectAck::default()
    };
    encode_v5(ack.into(), into)
}

/// CONNACK of a refused connection.
pub(crate) fn refuse(
    version: Version,
    refusal: &Refusal,
    into: &mut BytesMut,
) -> Result<(), Fault> {
    if version == Version::V311 {
        into.put_slice(&[0x20, 2, 0, refusal.v311]);
        return Ok(());
    }
    let reason_code = v5::ConnectAckReason::try_from(refusal.v5.0)
        .unwrap_or(v5::ConnectAckReason::UnspecifiedError);
    let ack = v5::ConnectAck {
        reason_code,
        reason_string: Some(refusal.hint.into()),
        ..v5::ConnectAck::default()
    };
    encode_v5(ack.into(), into)
}

fn encode_v5(packet: v5::Packet, into: &mut BytesMut) -> Result<(), Fault> {
    v5::Codec::default()
        .encode(packet, into)
        .map_err(|_| Fault::protocol("CONNACK does not encode"))
}

/// The answers to PUBLISH and PUBREL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum AckKind {
    /// PUBACK, to QoS 1.
    Ack = 0x40,
    /// PUBREC, to QoS 2.
    Received = 0x50,
    /// PUBCOMP, to PUBREL.
    Complete = 0x70,
}

/// PUBACK, PUBREC or PUBCOMP; 3.1.1 has no room for the reason.
pub(crate) fn ack(
    version: Version,
    kind: AckKind,
    id: NonZeroU16,
    reason: Reason,
    into: &mut BytesMut,
) {
    into.put_u8(kind as u8);
    if version == Version::V311 || reason == Reason::SUCCESS {
        into.put_u8(2);
        into.put_u16(id.get());
    } else {
        into.put_u8(3);
        into.put_u16(id.get());
        into.put_u8(reason.0);
    }
}

/// SUBACK; the codes are those of the version.
pub(crate) fn suback(version: Version, id: NonZeroU16, codes: &[u8], into: &mut BytesMut) {
    filters_acked(0x90, version, id, codes, into);
}

/// UNSUBACK; 3.1.1 has no codes.
pub(crate) fn unsuback(version: Version, id: NonZeroU16, codes: &[u8], into: &mut BytesMut) {
    let codes = match version {
        Version::V311 => &[],
        Version::V5 => codes,
    };
    filters_acked(0xB0, version, id, codes, into);
}

fn filters_acked(first: u8, version: Version, id: NonZeroU16, codes: &[u8], into: &mut BytesMut) {
    let properties = usize::from(version == Version::V5);
    into.put_u8(first);
    put_length(2 + properties + codes.len(), into);
    into.put_u16(id.get());
    if version == Version::V5 {
        into.put_u8(0);
    }
    into.put_slice(codes);
}

/// PINGRESP.
pub(crate) fn pingresp(into: &mut BytesMut) {
    into.put_slice(&[0xD0, 0]);
}

/// DISCONNECT with a reason string, which is left out where the client takes no packet
/// of that size; 3.1.1 has none from the server.
pub(crate) fn disconnect(
    version: Version,
    reason: Reason,
    why: &str,
    max_packet_bytes: usize,
    into: &mut BytesMut,
) {
    if version == Version::V311 {
        return;
    }
    // The property's identifier and the length of its text.
    let properties = 3 + why.len();
    let length = 2 + properties;
    // One byte for each of the two lengths below, which ours never exceed.
    let fits = length < 128 && length + 2 <= max_packet_bytes;
    let (Ok(text), true) = (u16::try_from(why.len()), fits) else {
        into.put_slice(&[0xE0, 1, reason.0]);
        return;
    };
    into.put_u8(0xE0);
    put_length(length, into);
    into.put_u8(reason.0);
    put_length(properties, into);
    into.put_u8(REASON_STRING);
    into.put_u16(text);
    into.put_slice(why.as_bytes());
}

/// A PUBLISH to the client: QoS 0 without `id`, else QoS 1. `false` when it is
/// larger than the client takes; then nothing was written.
pub(crate) fn publish(
    version: Version,
    topic: &str,
    id: Option<NonZeroU16>,
    payload: &[u8],
    max_packet_bytes: usize,
    into: &mut BytesMut,
) -> bool {
    let Ok(topic_length) = u16::try_from(topic.len()) else {
        return false;
    };
    let properties = usize::from(version == Version::V5);
    let id_length = if id.is_some() { 2 } else { 0 };
    let length = 2 + topic.len() + id_length + properties + payload.len();
    let before = into.len();
    let qos = if id.is_some() { Qos::One } else { Qos::Zero };
    into.put_u8(if qos == Qos::One { 0x32 } else { 0x30 });
    put_length(length, into);
    if into.len() - before + length > max_packet_bytes {
        into.truncate(before);
        return false;
    }
    into.reserve(length);
    into.put_u16(topic_length);
    into.put_slice(topic.as_bytes());
    if let Some(id) = id {
        into.put_u16(id.get());
    }
    if version == Version::V5 {
        into.put_u8(0);
    }
    into.put_slice(payload);
    true
}

#[cfg(test)]
mod tests {
    use tokio_util::codec::Decoder;

    use super::*;

    fn id(id: u16) -> NonZeroU16 {
        NonZeroU16::new(id).unwrap()
    }

    fn terms() -> Terms {
        Terms {
            receive_maximum: 256,
            max_packet_bytes: 262_144,
            keep_alive: 30,
            assigned_client_id: None,
            no_session: false,
        }
    }

    #[test]
    fn connack_of_5_states_the_terms_and_leaves_the_maximum_qos_out() {
        let mut bytes = BytesMut::new();
        accept(Version::V5, &terms(), &mut bytes).unwrap();
        let raw = bytes.to_vec();
        assert_eq!(raw[3], 0, "reason code");
        // Every property is two to five bytes; 0x24 (maximum QoS) is none.
        let Ok(Some((v5::Packet::ConnectAck(ack), _))) = v5::Codec::default().decode(&mut bytes)
        else {
            panic!("{raw:x?}");
        };
        assert!(!ack.session_present);
        assert_eq!(ack.receive_max.get(), 256);
        assert_eq!(ack.max_packet_size, Some(262_144));
        assert_eq!(ack.server_keepalive_sec, Some(30));
        assert!(!ack.retain_available && !ack.wildcard_subscription_available);
        assert!(!ack.shared_subscription_available && !ack.subscription_identifiers_available);
        assert_eq!(ack.max_qos, rmqtt_codec::types::QoS::ExactlyOnce);
        assert_eq!(ack.topic_alias_max, 0);
    }

    #[test]
    fn answers_are_spelled_as_the_standard_says() {
        let mut bytes = BytesMut::new();
        accept(Version::V311, &terms(), &mut bytes).unwrap();
        refuse(Version::V311, &Refusal::CREDENTIALS, &mut bytes).unwrap();
        ack(
            Version::V311,
            AckKind::Ack,
            id(7),
            Reason::SUCCESS,
            &mut bytes,
        );
        ack(
            Version::V5,
            AckKind::Received,
            id(7),
            Reason::PAYLOAD_INVALID,
            &mut bytes,
        );
        suback(Version::V311, id(1), &[1, 0x80], &mut bytes);
        suback(Version::V5, id(1), &[1, 0x87], &mut bytes);
        unsuback(Version::V311, id(2), &[0], &mut bytes);
        unsuback(Version::V5, id(2), &[0], &mut bytes);
        pingresp(&mut bytes);
        let why = "bye";
        disconnect(Version::V311, Reason::SHUTTING_DOWN, why, 100, &mut bytes);
        disconnect(Version::V5, Reason::SHUTTING_DOWN, why, 10, &mut bytes);
        // Of a client that takes ten bytes at most this is one too many.
        disconnect(Version::V5, Reason::SHUTTING_DOWN, "bye!", 10, &mut bytes);
        let long = "x".repeat(200);
        disconnect(Version::V5, Reason::SHUTTING_DOWN, &long, 1_000, &mut bytes);
        let expected = b"\x20\x02\0\0\x20\x02\0\x04\x40\x02\0\x07\x50\x03\0\x07\x99\x90\x04\0\x01\x01\x80\x90\x05\0\x01\0\x01\x87\xB0\x02\0\x02\xB0\x04\0\x02\0\0\xD0\0\xE0\x08\x8B\x06\x1F\0\x03bye\xE0\x01\x8B\xE0\x01\x8B";
        assert_eq!(&bytes[..], &expected[..]);
    }

    #[test]
    fn an_event_larger_than_the_client_takes_is_not_written() {
        let mut bytes = BytesMut::new();
        assert!(publish(
            Version::V5,
            "t",
            Some(id(3)),
            b"{}",
            10,
            &mut bytes
        ));
        assert_eq!(&bytes[..], b"\x32\x08\0\x01t\0\x03\0{}");
        assert!(!publish(
            Version::V5,
            "t",
            Some(id(3)),
            b"{}",
            9,
            &mut bytes
        ));
        assert_eq!(bytes.len(), 10);
        bytes.clear();
        assert!(publish(Version::V311, "t", None, b"{}", 100, &mut bytes));
        assert_eq!(&bytes[..], b"\x30\x05\0\x01t{}");
    }
}
