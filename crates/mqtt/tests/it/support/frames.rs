//! WebSocket frames as a client writes and reads them, from the RFC.

use tokio::io::{AsyncRead, AsyncReadExt};

pub(crate) const CONTINUATION: u8 = 0x0;
pub(crate) const TEXT: u8 = 0x1;
pub(crate) const BINARY: u8 = 0x2;
pub(crate) const CLOSE: u8 = 0x8;
pub(crate) const PING: u8 = 0x9;
pub(crate) const PONG: u8 = 0xA;
/// The last frame of its message.
pub(crate) const LAST: u8 = 0x80;

pub(crate) const PING_PAYLOAD: &[u8] = b"still there?";

const MASK: [u8; 4] = [0xA5, 0x00, 0xFF, 0x3C];

/// A frame of the server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) opcode: u8,
    pub(crate) payload: Vec<u8>,
}

/// A masked frame.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match u16::try_from(payload.len()) {
        Ok(length @ 0..126) => bytes.push(0x80 | u8::try_from(length).unwrap()),
        Ok(length) => {
            bytes.push(0xFE);
            bytes.extend(length.to_be_bytes());
        }
        Err(_) => {
            bytes.push(0xFF);
            bytes.extend(u64::try_from(payload.len()).unwrap().to_be_bytes());
        }
    }
    bytes.extend(MASK);
    let masked = payload.iter().zip(MASK.iter().cycle());
    bytes.extend(masked.map(|(byte, key)| byte ^ key));
    bytes
}

/// The next frame; `None` at the end.
pub(crate) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Frame> {
    let first = stream.read_u8().await.ok()?;
    assert_eq!(first & 0xF0, LAST, "whole messages without extensions");
    let length = match stream.read_u8().await.ok()? {
        126 => u64::from(stream.read_u16().await.ok()?),
        127 => stream.read_u64().await.ok()?,
        short => {
            assert!(short < 126, "a server does not mask");
            u64::from(short)
        }
    };
    let mut payload = vec![0; usize::try_from(length).unwrap()];
    stream.read_exact(&mut payload).await.ok()?;
    Some(Frame {
        opcode: first & 0x0F,
        payload,
    })
}

/// Cuts bytes into messages of one to three frames of all sizes.
#[derive(Default)]
pub(crate) struct Cutter {
    turn: usize,
    /// Frames that the current message still has.
    left: usize,
}

impl Cutter {
    pub(crate) fn cut(&mut self, mut bytes: &[u8]) -> Vec<u8> {
        const SIZES: [usize; 7] = [1, 200, 3, 4_096, 2, 130, 70_000];
        let mut out = Vec::new();
        while !bytes.is_empty() {
            self.turn += 1;
            let (part, rest) = bytes.split_at(SIZES[self.turn % SIZES.len()].min(bytes.len()));
            bytes = rest;
            let opcode = if self.left == 0 {
                self.left = 1 + self.turn % 3;
                BINARY
            } else {
                CONTINUATION
            };
            self.left -= 1;
            let last = if self.left == 0 { LAST } else { 0 };
            out.extend(frame(opcode | last, part));
            if self.turn.is_multiple_of(5) {
                out.extend(frame(PING | LAST, PING_PAYLOAD));
            }
        }
        out
    }
}
