//! CONNECT: the one packet that comes from people who have proven nothing.
//!
//! What is accepted on 3.1.1 has no second spelling: written anew from what was
//! understood, it is the same bytes. On 5, without its properties, it is
//! understood the same way.
#![no_main]
#![expect(dead_code, reason = "this target uses a part of the codec")]

#[path = "../../crates/mqtt/src/codec/mod.rs"]
mod codec;
#[path = "../../crates/mqtt/src/reason/code.rs"]
mod reason;
#[path = "../../crates/mqtt/src/settings.rs"]
mod settings;

use bytes::BytesMut;
use libfuzzer_sys::arbitrary::{self, Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;

use codec::Version;
use codec::connect::{self, Connect};
use codec::frame::{Framer, Step};
use settings::MAX_CONNECT_BYTES;

/// Where the flags stand, behind the protocol's name and level.
const FLAGS: usize = 7;

/// A body that is put together rightly but for what is in the fields.
#[derive(Arbitrary, Debug)]
struct Made<'a> {
    level: u8,
    flags: u8,
    keep_alive: u16,
    properties: &'a [u8],
    fields: [&'a [u8]; 5],
}

impl Made<'_> {
    fn body(&self) -> Vec<u8> {
        let mut body = b"\0\x04MQTT".to_vec();
        body.push(self.level);
        body.push(self.flags);
        body.extend(self.keep_alive.to_be_bytes());
        let properties = |body: &mut Vec<u8>| {
            if let (5, Ok(length @ 0..128)) = (self.level, u8::try_from(self.properties.len())) {
                body.push(length);
                body.extend(self.properties);
            }
        };
        properties(&mut body);
        for (number, field) in self.fields.iter().enumerate() {
            let needed = match number {
                0 => true,
                1 | 2 => self.flags & 0b100 != 0,
                3 => self.flags & 0x80 != 0,
                _ => self.flags & 0x40 != 0,
            };
            if needed {
                if number == 1 {
                    properties(&mut body);
                }
                put(&mut body, field);
            }
        }
        body
    }
}

fn put(body: &mut Vec<u8>, field: &[u8]) {
    let length = u16::try_from(field.len()).unwrap_or(u16::MAX);
    body.extend(length.to_be_bytes());
    body.extend(field);
}

/// What was understood, written down as the standard says, without properties.
fn written(connect: &Connect, flags: u8) -> Vec<u8> {
    let five = connect.version == Version::V5;
    let mut body = b"\0\x04MQTT".to_vec();
    body.push(if five { 5 } else { 4 });
    body.push(flags);
    body.extend(connect.keep_alive.to_be_bytes());
    if five {
        body.push(0);
    }
    put(&mut body, connect.client_id.as_bytes());
    if let Some(will) = &connect.will {
        if five {
            body.push(0);
        }
        put(&mut body, will.topic.as_bytes());
        put(&mut body, &will.payload);
    }
    if let Some(username) = &connect.username {
        put(&mut body, username.as_bytes());
    }
    if let Some(password) = &connect.password {
        put(&mut body, password);
    }
    body
}

fn same(one: &Connect, other: &Connect) {
    assert_eq!(one.version, other.version);
    assert_eq!(one.client_id, other.client_id);
    assert_eq!((one.clean, one.keep_alive), (other.clean, other.keep_alive));
    assert_eq!(one.username, other.username);
    assert_eq!(one.password, other.password);
    let will = |connect: &Connect| {
        let will = connect.will.as_ref()?;
        Some((will.topic.clone(), will.payload.clone()))
    };
    assert_eq!(will(one), will(other));
}

/// The first byte of an input chooses: a body as it stands, one behind another
/// first byte, or one that is [`Made`].
fn input(bytes: &[u8]) -> Option<(u8, Vec<u8>)> {
    let (&kind, rest) = bytes.split_first()?;
    match kind {
        0 => Some((0x10, rest.to_vec())),
        1 => rest
            .split_first()
            .map(|(&first, rest)| (first, rest.to_vec())),
        _ => {
            let made = Made::arbitrary(&mut Unstructured::new(rest)).ok()?;
            Some((0x10, made.body()))
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Some((first, body)) = input(bytes) else {
        return;
    };

    // Before the proof nothing large is taken in, whatever is announced.
    let mut stream = BytesMut::new();
    stream.extend_from_slice(&[first]);
    stream.extend_from_slice(&body);
    if let Ok(Step::Frame(frame)) = Framer::new().next(&mut stream, |_| true) {
        assert!(frame.body.len() <= MAX_CONNECT_BYTES);
        let _ = connect::decode(frame.first, &frame.body);
    }

    let Ok(understood) = connect::decode(first, &body) else {
        return;
    };
    assert_eq!(first, 0x10);
    let flags = *body.get(FLAGS).expect("a CONNECT has flags");
    assert_eq!(understood.clean, flags & 0b10 != 0);
    assert_eq!(understood.will.is_some(), flags & 0b100 != 0);
    assert_eq!(understood.username.is_some(), flags & 0x80 != 0);
    assert_eq!(understood.password.is_some(), flags & 0x40 != 0);
    assert!(understood.receive_maximum > 0 && understood.max_packet_bytes > 0);
    let again = written(&understood, flags);
    if understood.version == Version::V311 {
        assert_eq!(again, body, "two spellings of one CONNECT");
    }
    match connect::decode(first, &again) {
        Ok(again) => same(&understood, &again),
        Err(fault) => panic!("what was understood is not: {fault:?}"),
    }
});
