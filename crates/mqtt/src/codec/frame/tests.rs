use bytes::BufMut;

use super::*;
use crate::reason::Reason;

const LIMIT: usize = 100_000;

fn framer(version: Version) -> Framer {
    let mut framer = Framer::new();
    framer.set(version, LIMIT);
    framer
}

fn is_sos(topic: &str) -> bool {
    topic == "sos/alerts"
}

fn packet(first: u8, length: usize, body: &[u8]) -> BytesMut {
    let mut bytes = BytesMut::new();
    bytes.put_u8(first);
    let mut rest = length;
    loop {
        let digit = u8::try_from(rest % 128).unwrap();
        rest /= 128;
        bytes.put_u8(if rest > 0 { digit | 0x80 } else { digit });
        if rest == 0 {
            break;
        }
    }
    bytes.extend_from_slice(body);
    bytes
}

#[test]
fn hands_out_whole_packets_however_they_arrive() {
    let mut stream = packet(0x30, 5, b"\0\x01tab");
    stream.unsplit(packet(0xC0, 0, b""));
    let mut framer = framer(Version::V311);
    let mut buffer = BytesMut::new();
    let mut seen = Vec::new();
    for &byte in &stream {
        buffer.put_u8(byte);
        while let Step::Frame(frame) = framer.next(&mut buffer, is_sos).unwrap() {
            seen.push((frame.first, frame.body.to_vec()));
        }
    }
    assert_eq!(seen, [(0x30, b"\0\x01tab".to_vec()), (0xC0, Vec::new())]);
    assert!(buffer.is_empty());
}

#[test]
fn refuses_lengths_of_five_bytes_and_needlessly_long_ones() {
    let mut five = BytesMut::from(&b"\x30\xFF\xFF\xFF\xFF\x01"[..]);
    assert!(framer(Version::V311).next(&mut five, is_sos).is_err());
    let mut long = BytesMut::from(&b"\xC0\x80\x00"[..]);
    assert!(framer(Version::V5).next(&mut long, is_sos).is_err());
}

#[test]
fn a_packet_beyond_the_limit_is_refused_by_its_header_or_topic() {
    let mut subscribe = packet(0x82, LIMIT, b"");
    let fault = framer(Version::V5)
        .next(&mut subscribe, is_sos)
        .unwrap_err();
    assert_eq!(fault.reason, Reason::TOO_LARGE);
    let mut telemetry = packet(0x30, LIMIT, b"\0\x08tel/data\0\0\0\0\0\0");
    let fault = framer(Version::V5)
        .next(&mut telemetry, is_sos)
        .unwrap_err();
    assert_eq!(fault.reason, Reason::TOO_LARGE);
    let mut connect = packet(0x10, MAX_CONNECT_BYTES, b"");
    assert!(Framer::new().next(&mut connect, is_sos).is_err());
}

#[test]
fn a_packet_beyond_the_limit_is_thrown_away_after_its_fault() {
    let cases: [(u8, &[u8], Reason); 4] = [
        (0x82, b"", Reason::TOO_LARGE),
        (0x30, b"\0\x08tel/data", Reason::TOO_LARGE),
        // Faulty in its head as well.
        (0x36, b"\0\x08tel/data", Reason::MALFORMED),
        (0x32, b"\0\x0asos/alerts\0\0", Reason::PROTOCOL_ERROR),
    ];
    for version in [Version::V311, Version::V5] {
        for (first, head, reason) in cases {
            let mut body = head.to_vec();
            body.resize(300_000, 0);
            let mut stream = packet(first, body.len(), &body);
            stream.unsplit(packet(0xC0, 0, b""));
            let mut framer = framer(version);
            let mut buffer = BytesMut::new();
            let (mut faults, mut pings) = (Vec::new(), 0);
            for chunk in stream.chunks(1_000) {
                buffer.extend_from_slice(chunk);
                assert!(buffer.len() < 2_000, "{}", buffer.len());
                loop {
                    match framer.next(&mut buffer, is_sos) {
                        Ok(Step::More(_)) => break,
                        Ok(Step::Frame(_)) => pings += 1,
                        Ok(Step::Oversized(publish)) => panic!("{publish:?}"),
                        Err(fault) => {
                            assert!(framer.is_skipping());
                            faults.push(fault.reason);
                        }
                    }
                }
            }
            assert_eq!((faults, pings), (vec![reason], 1), "{first:x}");
            assert!(!framer.is_skipping() && buffer.is_empty());
        }
    }
}

#[test]
fn nothing_behind_a_connect_that_is_too_large_is_read() {
    let mut connect = packet(0x10, MAX_CONNECT_BYTES, &vec![0; MAX_CONNECT_BYTES]);
    connect.unsplit(packet(0xC0, 0, b""));
    let arrived = connect.len();
    let mut framer = Framer::new();
    for _ in 0..2 {
        let fault = framer.next(&mut connect, is_sos).unwrap_err();
        assert_eq!(fault.reason, Reason::TOO_LARGE);
        assert!(!framer.is_skipping());
    }
    assert_eq!(connect.len(), arrived);
}

#[test]
fn an_sos_beyond_the_limit_is_read_to_64_kib_and_the_rest_thrown_away() {
    for version in [Version::V311, Version::V5] {
        let head: &[u8] = match version {
            Version::V311 => b"\0\x0asos/alerts\0\x09",
            Version::V5 => b"\0\x0asos/alerts\0\x09\x05\x02\0\0\0\x01",
        };
        let length = 300_000;
        let mut body = head.to_vec();
        body.resize(length, b'x');
        let mut stream = packet(0x33, length, &body);
        stream.unsplit(packet(0xC0, 0, b""));
        let mut framer = framer(version);
        let mut buffer = BytesMut::new();
        let (mut sos, mut pings) = (Vec::new(), 0);
        for chunk in stream.chunks(1_000) {
            buffer.extend_from_slice(chunk);
            assert!(buffer.len() < 70_000, "{}", buffer.len());
            loop {
                match framer.next(&mut buffer, is_sos).unwrap() {
                    Step::More(_) => break,
                    Step::Frame(_) => pings += 1,
                    Step::Oversized(publish) => {
                        assert!(framer.is_skipping());
                        sos.push(publish);
                    }
                }
            }
        }
        assert_eq!((sos.len(), pings), (1, 1));
        assert!(!framer.is_skipping());
        let sos = sos.pop().unwrap();
        assert!(sos.oversized && sos.retain);
        assert_eq!(sos.id.map(std::num::NonZeroU16::get), Some(9));
        assert_eq!(sos.payload.len(), OVERSIZED_SOS_BYTES);
        assert!(sos.payload.iter().all(|&byte| byte == b'x'));
    }
}

#[test]
fn endless_properties_leave_the_cry_without_its_payload() {
    let length = 300_000;
    // 250 000 bytes of properties.
    let mut body = b"\0\x0asos/alerts\0\x09\x90\xA1\x0F".to_vec();
    body.resize(length, 0);
    let mut buffer = packet(0x32, length, &body);
    let step = framer(Version::V5).next(&mut buffer, is_sos).unwrap();
    assert!(
        matches!(step, Step::Oversized(publish) if publish.oversized && publish.payload.is_empty())
    );
}
