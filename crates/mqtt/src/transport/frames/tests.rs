use proptest::prelude::*;

use super::*;

const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

/// A client's frame.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    put(first, payload, &mut bytes);
    let head = bytes.len() - payload.len();
    let mut out = bytes[..head].to_vec();
    out[1] |= 0x80;
    out.extend(MASK);
    out.extend(payload.iter().zip(MASK.iter().cycle()).map(|(b, k)| b ^ k));
    out
}

fn read(mut bytes: Vec<u8>) -> (Decoder, Result<(), CloseCode>, Vec<u8>) {
    let (mut decoder, mut out) = (Decoder::default(), BytesMut::new());
    let result = decoder.feed(&mut bytes, &mut out);
    (decoder, result, out.to_vec())
}

#[test]
fn the_example_of_the_rfc_is_unmasked() {
    // RFC 6455, 5.7, with the opcode of binary.
    let bytes = vec![
        0x82, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58,
    ];
    let (_, result, out) = read(bytes);
    assert_eq!((result, out.as_slice()), (Ok(()), &b"Hello"[..]));
}

proptest! {
    #[test]
    fn payload_is_the_same_however_frames_and_reads_cut_it(
        messages in prop::collection::vec(
            prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..4),
            0..4,
        ),
        cut in 1_usize..200,
    ) {
        let mut wire = Vec::new();
        for message in &messages {
            for (index, part) in message.iter().enumerate() {
                let opcode = if index == 0 { 0x02 } else { 0x00 };
                let last = if index + 1 == message.len() { 0x80 } else { 0x00 };
                wire.extend(frame(opcode | last, part));
                // A ping may stand between any two frames.
                wire.extend(frame(0x89, b"still there?"));
            }
        }
        let (mut decoder, mut out) = (Decoder::default(), BytesMut::new());
        for piece in wire.chunks_mut(cut) {
            prop_assert_eq!(decoder.feed(piece, &mut out), Ok(()));
        }
        prop_assert_eq!(out.to_vec(), messages.concat().concat());
        let pinged = (!messages.is_empty()).then(|| b"still there?".to_vec());
        prop_assert_eq!(decoder.ping, pinged);
    }

    #[test]
    fn any_bytes_are_read_or_refused(mut bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let (mut decoder, mut out) = (Decoder::default(), BytesMut::new());
        for piece in bytes.chunks_mut(7) {
            if decoder.feed(piece, &mut out).is_err() {
                break;
            }
        }
        prop_assert!(out.len() <= 600 && decoder.control.len() <= MAX_CONTROL_BYTES);
    }
}

#[test]
fn lengths_of_every_width_are_read_and_written() {
    for length in [0, 125, 126, 127, 0xFFFF, 0x1_0000, 0x1_0001] {
        let payload = vec![7; length];
        let (_, result, out) = read(frame(0x82, &payload));
        assert_eq!(result, Ok(()), "{length}");
        assert!(out == payload, "{length}");
    }
}

#[test]
fn what_breaks_the_rules_is_refused_with_its_status() {
    let unmasked = vec![0x82, 0x01, 0x00];
    let mut long_ping = frame(0x89, &[0; 126]);
    long_ping.truncate(2);
    for (bytes, code) in [
        (frame(0x81, b"text"), CloseCode::UNSUPPORTED),
        (frame(0x01, b"te"), CloseCode::UNSUPPORTED),
        (unmasked, CloseCode::PROTOCOL),
        (frame(0xC2, b"compressed"), CloseCode::PROTOCOL),
        (frame(0x80, b"continues nothing"), CloseCode::PROTOCOL),
        (
            [frame(0x02, b"a"), frame(0x82, b"another")].concat(),
            CloseCode::PROTOCOL,
        ),
        (
            [frame(0x02, b"a"), frame(0x81, b"text")].concat(),
            CloseCode::PROTOCOL,
        ),
        (frame(0x83, b"reserved"), CloseCode::PROTOCOL),
        (frame(0x8B, b""), CloseCode::PROTOCOL),
        (frame(0x09, b"half a ping"), CloseCode::PROTOCOL),
        (long_ping, CloseCode::PROTOCOL),
        (
            [&[0x82, 0xFE, 0x00, 0x7D][..], &MASK].concat(),
            CloseCode::PROTOCOL,
        ),
        (
            [&[0x82, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF][..], &MASK].concat(),
            CloseCode::PROTOCOL,
        ),
        (
            [&[0x82, 0xFF, 0x80, 0, 0, 0, 0, 1, 0, 0][..], &MASK].concat(),
            CloseCode::PROTOCOL,
        ),
        (frame(0x88, &[0x03]), CloseCode::PROTOCOL),
        (frame(0x88, &1005_u16.to_be_bytes()), CloseCode::PROTOCOL),
        (frame(0x88, &[0x03, 0xE8, 0xFF, 0xFE]), CloseCode::PROTOCOL),
    ] {
        let (_, result, _) = read(bytes.clone());
        assert_eq!(result, Err(code), "{bytes:x?}");
    }
}

#[test]
fn nothing_is_read_after_the_closing_frame() {
    let bytes = [
        frame(0x82, b"before"),
        frame(0x88, &[0x03, 0xE9, b'b', b'y', b'e']),
        frame(0x81, b"after"),
    ];
    let (decoder, result, out) = read(bytes.concat());
    assert_eq!(result, Ok(()));
    assert_eq!(decoder.closed, Some(CloseCode(1001)));
    assert_eq!(out, b"before");
    assert_eq!(read(frame(0x88, b"")).0.closed, Some(CloseCode::NORMAL));
}
