//! CONNECT of both versions: decoded by `rmqtt-codec`, then held against what
//! it lets pass.

use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};
use rmqtt_codec::{v3, v5};
use tokio_util::codec::Decoder;

use super::packet::put_length;
use super::reader::Reader;
use super::{Fault, Version};

pub(crate) const CONNECT: u8 = 0x10;
const CLEAN: u8 = 0b0000_0010;
const WILL: u8 = 0b0000_0100;
const WILL_DETAILS: u8 = 0b0011_1000;
const WILL_QOS: u8 = 0b0001_1000;
const PASSWORD: u8 = 0b0100_0000;
const USERNAME: u8 = 0b1000_0000;

/// A CONNECT.
pub(crate) struct Connect {
    pub(crate) version: Version,
    pub(crate) client_id: String,
    /// Whether nothing of an earlier session is wanted. We keep none.
    pub(crate) clean: bool,
    /// In seconds; 0 is none.
    pub(crate) keep_alive: u16,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<Bytes>,
    pub(crate) will: Option<Will>,
    /// How many publishes the client takes unacknowledged.
    pub(crate) receive_maximum: u16,
    /// The largest packet that the client takes, in bytes.
    pub(crate) max_packet_bytes: usize,
    /// A session beyond the connection was asked for (5).
    pub(crate) wants_session: bool,
    /// Extended authentication was asked for (5).
    pub(crate) wants_auth_method: bool,
}

/// What is to be published when the network loses the client.
pub(crate) struct Will {
    pub(crate) topic: String,
    pub(crate) payload: Bytes,
}

/// The first packet is another (MQTT 3.1.1, 3.1.0-1).
pub(crate) const NO_CONNECT: Fault = Fault::protocol("the first packet is not CONNECT");

/// A first packet that is no CONNECT of a version we speak.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ConnectFault {
    /// Close without a word.
    Malformed(Fault),
    /// Say so in the words of the version: older than 3.1.1.
    TooOld,
    /// Say so in the words of 5: newer than 5.
    TooNew,
}

impl From<Fault> for ConnectFault {
    fn from(fault: Fault) -> Self {
        Self::Malformed(fault)
    }
}

/// Decodes the first packet of a connection.
pub(crate) fn decode(first: u8, body: &[u8]) -> Result<Connect, ConnectFault> {
    if first != CONNECT {
        return Err(NO_CONNECT.into());
    }
    let version = version_of(body)?;
    let flags = check(version, body)?;
    // Decoded as if it were clean, because the codec refuses an empty client
    // id otherwise, which 5 allows.
    let mut packet = BytesMut::with_capacity(body.len() + 5);
    packet.put_u8(CONNECT);
    put_length(body.len(), &mut packet);
    for (index, &byte) in body.iter().enumerate() {
        packet.put_u8(if index == 7 { byte | CLEAN } else { byte });
    }
    let clean = flags & CLEAN != 0;
    match version {
        Version::V311 => match v3::Codec::default().decode(&mut packet) {
            Ok(Some((v3::Packet::Connect(connect), _))) => Ok(from_v311(*connect, clean)),
            _ => Err(Fault::malformed("CONNECT").into()),
        },
        Version::V5 => match v5::Codec::default().decode(&mut packet) {
            Ok(Some((v5::Packet::Connect(connect), _))) => Ok(from_v5(*connect, clean)),
            _ => Err(Fault::malformed("CONNECT").into()),
        },
    }
}

fn version_of(body: &[u8]) -> Result<Version, ConnectFault> {
    let mut reader = Reader::new(body);
    match (reader.binary()?, reader.u8()?) {
        (b"MQTT", 4) => Ok(Version::V311),
        (b"MQTT", 5) => Ok(Version::V5),
        (b"MQTT", 6..) => Err(ConnectFault::TooNew),
        (b"MQTT" | b"MQIsdp", _) => Err(ConnectFault::TooOld),
        _ => Err(Fault::protocol("not MQTT").into()),
    }
}

/// What the codec lets pass: bytes behind the last field, details of a will
/// that is none, a password without a username (3.1.1), NUL in texts.
fn check(version: Version, body: &[u8]) -> Result<u8, Fault> {
    let mut reader = Reader::new(body);
    reader.take(7)?;
    let flags = reader.u8()?;
    if flags & 1 != 0 {
        return Err(Fault::malformed("the reserved flag of CONNECT"));
    }
    if flags & WILL == 0 && flags & WILL_DETAILS != 0 {
        return Err(Fault::malformed("details of a will that is none"));
    }
    if flags & WILL_QOS == WILL_QOS {
        return Err(Fault::malformed("a will of QoS 3"));
    }
    if version == Version::V311 && flags & PASSWORD != 0 && flags & USERNAME == 0 {
        return Err(Fault::malformed("a password without a username"));
    }
    reader.u16()?;
    let properties = |reader: &mut Reader<'_>| {
        if version == Version::V5 {
            let length = reader.varint()?;
            reader.take(length)?;
        }
        Ok::<_, Fault>(())
    };
    properties(&mut reader)?;
    reader.text()?;
    if flags & WILL != 0 {
        properties(&mut reader)?;
        reader.text()?;
        reader.binary()?;
    }
    if flags & USERNAME != 0 {
        reader.text()?;
    }
    if flags & PASSWORD != 0 {
        reader.binary()?;
    }
    if reader.remaining() > 0 {
        return Err(Fault::malformed("bytes behind the end of CONNECT"));
    }
    Ok(flags)
}

fn from_v311(connect: v3::Connect, clean: bool) -> Connect {
    Connect {
        version: Version::V311,
        client_id: connect.client_id.to_string(),
        clean,
        keep_alive: connect.keep_alive,
        username: connect.username.map(|name| name.to_string()),
        password: connect.password,
        will: connect.last_will.map(|will| Will {
            topic: will.topic.to_string(),
            payload: will.message,
        }),
        receive_maximum: u16::MAX,
        max_packet_bytes: usize::MAX,
        wants_session: false,
        wants_auth_method: false,
    }
}

fn from_v5(connect: v5::Connect, clean: bool) -> Connect {
    Connect {
        version: Version::V5,
        client_id: connect.client_id.to_string(),
        clean,
        keep_alive: connect.keep_alive,
        username: connect.username.map(|name| name.to_string()),
        password: connect.password,
        will: connect.last_will.map(|will| Will {
            topic: will.topic.to_string(),
            payload: will.message,
        }),
        receive_maximum: connect.receive_max.map_or(u16::MAX, std::num::NonZero::get),
        max_packet_bytes: connect.max_packet_size.map_or(usize::MAX, |max| {
            usize::try_from(max.get()).unwrap_or(usize::MAX)
        }),
        wants_session: connect.session_expiry_interval_secs > 0,
        wants_auth_method: connect.auth_method.is_some() || connect.auth_data.is_some(),
    }
}

impl fmt::Debug for Connect {
    /// Without what proves or tells anything.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connect")
            .field("version", &self.version)
            .field("client_id", &self.client_id)
            .field("keep_alive", &self.keep_alive)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v311(flags: u8, tail: &[u8]) -> Vec<u8> {
        let mut body = b"\0\x04MQTT\x04".to_vec();
        body.extend_from_slice(&[flags, 0, 30]);
        body.extend_from_slice(tail);
        body
    }

    fn v5(flags: u8, tail: &[u8]) -> Vec<u8> {
        let mut body = b"\0\x04MQTT\x05".to_vec();
        body.extend_from_slice(&[flags, 0, 30]);
        body.extend_from_slice(tail);
        body
    }

    #[test]
    fn reads_both_versions() {
        let old = decode(0x10, &v311(0xC2, b"\0\x02id\0\x01u\0\x01p")).unwrap();
        assert_eq!(old.version, Version::V311);
        assert_eq!((old.client_id.as_str(), old.keep_alive), ("id", 30));
        assert!(old.clean);
        assert_eq!(old.password.as_deref(), Some(&b"p"[..]));
        let new = decode(
            0x10,
            &v5(0xC0, b"\x08\x21\0\x05\x27\0\0\x01\0\0\0\0\x01u\0\x01p"),
        )
        .unwrap();
        assert_eq!(new.version, Version::V5);
        assert!(!new.clean && new.client_id.is_empty());
        assert_eq!((new.receive_maximum, new.max_packet_bytes), (5, 256));
    }

    #[test]
    fn keeps_a_will() {
        let with_will = decode(0x10, &v311(0x2E, b"\0\x02id\0\x03t/d\0\x02{}")).unwrap();
        let will = with_will.will.unwrap();
        assert_eq!(
            (will.topic.as_str(), &will.payload[..]),
            ("t/d", &b"{}"[..])
        );
    }

    #[test]
    fn refuses_what_the_codec_lets_pass() {
        for (body, what) in [
            (v311(0x02, b"\0\x02id!"), "trailing bytes"),
            (v5(0x02, b"\0\0\x02id!"), "trailing bytes"),
            (v311(0x0A, b"\0\x02id"), "will QoS without a will"),
            (v5(0x0A, b"\0\0\x02id"), "will QoS without a will"),
            (v5(0x22, b"\0\0\x02id"), "will retain without a will"),
            (v311(0x1E, b"\0\x02id\0\x01t\0\0"), "a will of QoS 3"),
            (v311(0x03, b"\0\x02id"), "reserved flag"),
            (v311(0x42, b"\0\x02id\0\x01p"), "password without username"),
            (v311(0x02, b"\0\x02i\0"), "NUL"),
            (v311(0x02, b"\0\x02\xC0\xAF"), "overlong"),
            (v311(0x82, b"\0\x02id"), "no username"),
            (v5(0x02, b"\x03\x21\0\0\0\x02id"), "receive maximum 0"),
            (
                v5(0x02, b"\x05\x27\0\0\0\0\0\x02id"),
                "maximum packet size 0",
            ),
            (v5(0x02, b"\x80\0\0\x02id"), "length too long"),
            (b"\0\x04MQTX\x04\x02\0\0\0\0".to_vec(), "another protocol"),
        ] {
            assert!(
                matches!(decode(0x10, &body), Err(ConnectFault::Malformed(_))),
                "{what}"
            );
        }
        assert!(decode(0x11, &v311(0x02, b"\0\x02id")).is_err());
        assert!(decode(0x30, &v311(0x02, b"\0\x02id")).is_err());
    }

    #[test]
    fn tells_versions_it_does_not_speak() {
        let old = b"\0\x06MQIsdp\x03\x02\0\x1E\0\x02id";
        assert!(matches!(decode(0x10, old), Err(ConnectFault::TooOld)));
        let new = b"\0\x04MQTT\x06\x02\0\x1E\0\0\x02id";
        assert!(matches!(decode(0x10, new), Err(ConnectFault::TooNew)));
    }

    #[test]
    fn its_debug_form_holds_no_secret() {
        let connect = decode(0x10, &v311(0xC2, b"\0\x02id\0\x04user\0\x04hash")).unwrap();
        let printed = format!("{connect:?}");
        assert!(
            !printed.contains("user") && !printed.contains("hash"),
            "{printed}"
        );
    }
}
