//! Packets after CONNECT: cut out of a stream, and decoded.
//!
//! The codec is compiled from the server's own files (and so needs thiserror),
//! without the rest of the server. Oracles: it does not matter in which pieces a
//! stream arrives; what is decoded can be encoded and decoded again; where the
//! codec library reads a PUBLISH too, it reads the same; an SOS that is too large
//! is the beginning of the one that a larger limit would have taken.
#![no_main]
#![expect(dead_code, reason = "this target uses a part of the codec")]

#[path = "../../crates/mqtt/src/codec/mod.rs"]
mod codec;
#[path = "../../crates/mqtt/src/reason/code.rs"]
mod reason;
#[path = "../../crates/mqtt/src/settings.rs"]
mod settings;

use bytes::{BufMut, Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;
use rmqtt_codec::{v3, v5};
use tokio_util::codec::Decoder;

use codec::frame::{Frame, Framer, Step};
use codec::packet::{self, Packet};
use codec::publish::{Publish, Qos};
use codec::{Fault, Version, encode};
use settings::{MAX_PACKET_BYTES, OVERSIZED_SOS_BYTES};

/// Low, so that a small input can be a packet that is too large.
const SMALL_LIMIT: usize = 64;

/// An input: which version and limit, where the stream is cut, and the stream.
struct Input<'a> {
    five: bool,
    small: bool,
    pieces: &'a [u8; 8],
    stream: &'a [u8],
}

impl<'a> Input<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let (flags, rest) = bytes.split_first()?;
        let (pieces, stream) = rest.split_first_chunk()?;
        Some(Self {
            five: flags & 1 != 0,
            small: flags & 2 != 0,
            pieces,
            stream,
        })
    }
}

/// What the server makes of a stream.
#[derive(Debug, PartialEq)]
struct Seen {
    packets: Vec<String>,
    fault: Option<Fault>,
}

fn is_sos(topic: &str) -> bool {
    topic.starts_with("sos/")
}

fn framer(version: Version, limit: usize) -> Framer {
    let mut framer = Framer::new();
    framer.set(version, limit);
    framer
}

/// Feeds the stream in pieces, and hands each packet to `found`.
fn read<'s>(
    version: Version,
    limit: usize,
    pieces: impl Iterator<Item = &'s [u8]>,
    mut found: impl FnMut(Result<Packet, Fault>, Option<&Frame>),
) -> Seen {
    let mut framer = framer(version, limit);
    let mut buffer = BytesMut::new();
    let mut seen = Seen {
        packets: Vec::new(),
        fault: None,
    };
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            let (packet, frame) = match framer.next(&mut buffer, is_sos) {
                Ok(Step::More(want)) => {
                    assert!(want > 0, "nothing wanted, nothing handed out");
                    break;
                }
                Ok(Step::Oversized(publish)) => {
                    assert!(is_sos(&publish.topic) && publish.oversized);
                    assert!(publish.payload.len() <= OVERSIZED_SOS_BYTES);
                    (Ok(Packet::Publish(publish)), None)
                }
                Ok(Step::Frame(frame)) => {
                    assert!(frame.body.len() < limit, "larger than the limit");
                    let again = Frame {
                        first: frame.first,
                        body: frame.body.clone(),
                    };
                    (packet::decode(version, frame), Some(again))
                }
                Err(fault) => {
                    seen.fault = Some(fault);
                    return seen;
                }
            };
            seen.packets.push(format!("{packet:?}"));
            let fault = packet.as_ref().err().copied();
            found(packet, frame.as_ref());
            if fault.is_some() {
                seen.fault = fault;
                return seen;
            }
        }
    }
    seen
}

/// The stream in pieces of these lengths, again and again.
fn cut<'s>(stream: &'s [u8], lengths: &'s [u8; 8]) -> impl Iterator<Item = &'s [u8]> {
    let mut rest = stream;
    let mut lengths = lengths.iter().cycle();
    std::iter::from_fn(move || {
        let length = usize::from(*lengths.next()?).clamp(1, rest.len().max(1));
        let (piece, after) = rest.split_at_checked(length)?;
        rest = after;
        Some(piece)
    })
}

fn check(version: Version, packet: &Packet, frame: Option<&Frame>) {
    match packet {
        Packet::Publish(publish) => {
            assert!(!publish.topic.contains('\0'));
            assert_eq!(publish.qos == Qos::Zero, publish.id.is_none());
            if let Some(frame) = frame {
                assert!(!publish.topic.is_empty());
                encoded_again(version, publish);
                as_the_library_reads_it(version, publish, frame);
            }
        }
        Packet::Subscribe(subscribe) => {
            assert!(!subscribe.filters.is_empty());
            for (filter, _) in &subscribe.filters {
                assert!(!filter.is_empty() && !filter.contains('\0'));
            }
        }
        Packet::Unsubscribe(unsubscribe) => {
            assert!(!unsubscribe.filters.is_empty());
            assert!(unsubscribe.filters.iter().all(|filter| !filter.is_empty()));
        }
        Packet::PubAck(_) | Packet::PubRel(_) | Packet::PingReq | Packet::Disconnect => {}
    }
}

/// What a server would send on is read as it was.
fn encoded_again(version: Version, publish: &Publish) {
    let mut bytes = BytesMut::new();
    let id = publish.id;
    let limit = 2 * MAX_PACKET_BYTES;
    let written = encode::publish(
        version,
        &publish.topic,
        id,
        &publish.payload,
        limit,
        &mut bytes,
    );
    assert!(written);
    let Ok(Step::Frame(frame)) = framer(version, limit).next(&mut bytes, is_sos) else {
        panic!("what was encoded is no packet");
    };
    assert!(bytes.is_empty());
    let Ok(Packet::Publish(again)) = packet::decode(version, frame) else {
        panic!("what was encoded is no PUBLISH");
    };
    assert_eq!(again.topic, publish.topic);
    assert_eq!((again.id, again.payload), (id, publish.payload.clone()));
}

/// The library may refuse what this server takes, never read it otherwise.
fn as_the_library_reads_it(version: Version, publish: &Publish, frame: &Frame) {
    let mut packet = BytesMut::new();
    packet.put_u8(frame.first);
    let mut length = frame.body.len();
    loop {
        let digit = u8::try_from(length % 128).unwrap();
        length /= 128;
        packet.put_u8(if length > 0 { digit | 0x80 } else { digit });
        if length == 0 {
            break;
        }
    }
    packet.extend_from_slice(&frame.body);
    let (topic, payload, id) = match version {
        Version::V311 => match v3::Codec::default().decode(&mut packet) {
            Ok(Some((v3::Packet::Publish(read), _))) => {
                (read.topic.to_string(), read.payload.clone(), read.packet_id)
            }
            _ => return,
        },
        Version::V5 => match v5::Codec::default().decode(&mut packet) {
            Ok(Some((v5::Packet::Publish(read), _))) => {
                (read.topic.to_string(), read.payload.clone(), read.packet_id)
            }
            _ => return,
        },
    };
    assert_eq!(
        (topic, payload, id),
        (publish.topic.clone(), publish.payload.clone(), publish.id)
    );
}

fuzz_target!(|bytes: &[u8]| {
    let Some(input) = Input::read(bytes) else {
        return;
    };
    let version = if input.five {
        Version::V5
    } else {
        Version::V311
    };
    let limit = if input.small {
        SMALL_LIMIT
    } else {
        MAX_PACKET_BYTES
    };
    let whole = || std::iter::once(input.stream);
    let at_once = read(version, limit, whole(), |packet, frame| {
        if let Ok(packet) = &packet {
            check(version, packet, frame);
        }
    });
    let in_pieces = read(version, limit, cut(input.stream, input.pieces), |_, _| {});
    assert_eq!(at_once, in_pieces, "it matters how the stream arrives");

    if input.small {
        // An oversized SOS is the beginning of what a larger limit takes whole.
        let mut small = Vec::new();
        read(version, SMALL_LIMIT, whole(), |packet, _| {
            small.push(packet)
        });
        let mut large = Vec::new();
        read(version, MAX_PACKET_BYTES, whole(), |packet, _| {
            large.push(packet)
        });
        for (small, large) in small.into_iter().zip(large) {
            let (Ok(Packet::Publish(small)), Ok(Packet::Publish(large))) = (small, large) else {
                break;
            };
            assert_eq!((small.topic, small.id), (large.topic, large.id));
            let kept: Bytes = small.payload;
            assert!(large.payload.starts_with(&kept));
        }
    }
});
