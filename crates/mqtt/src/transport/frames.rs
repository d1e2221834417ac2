//! WebSocket frames (RFC 6455, section 5) as a server reads and writes them.
//!
//! Payload is passed on as it arrives: neither a frame nor a message is ever
//! collected, so their lengths cost nothing, and the only limit on them is
//! that of the MQTT packets inside. Packets may be split and packed into
//! frames at will (MQTT 5, section 6).

use bytes::{BufMut, BytesMut};

/// The longest payload of a control frame, in bytes (RFC 6455, 5.5).
const MAX_CONTROL_BYTES: usize = 125;

/// The longest head of a frame: two bytes, eight of the length, four of the mask.
const MAX_HEAD_BYTES: usize = 14;

/// The status in a closing frame (RFC 6455, 7.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CloseCode(pub(crate) u16);

impl CloseCode {
    pub(crate) const NORMAL: Self = Self(1000);
    pub(crate) const PROTOCOL: Self = Self(1002);
    /// A text frame: MQTT is binary (MQTT-6.0.0-1).
    pub(crate) const UNSUPPORTED: Self = Self(1003);
}

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Binary, or its continuation.
    Data,
    Ping,
    Pong,
    Close,
}

/// Reads the frames of a client.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    head: [u8; MAX_HEAD_BYTES],
    /// How much of `head` has arrived.
    head_length: usize,
    /// The frame whose head has arrived whole.
    frame: Option<Frame>,
    /// A message has begun and its last frame has not.
    within_message: bool,
    /// The payload of a control frame, as far as it has arrived.
    control: Vec<u8>,
    /// The latest ping that is to be answered.
    pub(crate) ping: Option<Vec<u8>>,
    /// The client wants to close, and what it gave as its reason.
    pub(crate) closed: Option<CloseCode>,
}

#[derive(Debug)]
struct Frame {
    kind: Kind,
    /// Bytes of payload still to come.
    left: u64,
    /// Turned so that its first byte is for the next byte of payload.
    mask: [u8; 4],
}

impl Decoder {
    /// Reads `bytes` and appends the MQTT bytes among them to `out`. What
    /// follows a closing frame is not looked at.
    ///
    /// # Errors
    ///
    /// The status to close with when the client breaks the rules.
    pub(crate) fn feed(
        &mut self,
        mut bytes: &mut [u8],
        out: &mut BytesMut,
    ) -> Result<(), CloseCode> {
        while self.closed.is_none() {
            if let Some(frame) = &mut self.frame {
                let length = usize::try_from(frame.left)
                    .unwrap_or(usize::MAX)
                    .min(bytes.len());
                let (payload, rest) = bytes.split_at_mut(length);
                bytes = rest;
                frame.unmask(payload);
                match frame.kind {
                    Kind::Data => out.extend_from_slice(payload),
                    Kind::Ping | Kind::Pong | Kind::Close => {
                        self.control.extend_from_slice(payload);
                    }
                }
                if frame.left > 0 {
                    return Ok(());
                }
                let kind = frame.kind;
                self.frame = None;
                self.end(kind)?;
            } else {
                let [first, rest @ ..] = bytes else {
                    return Ok(());
                };
                let byte = *first;
                bytes = rest;
                self.head(byte)?;
            }
        }
        Ok(())
    }

    /// Takes one byte of a head.
    fn head(&mut self, byte: u8) -> Result<(), CloseCode> {
        if let Some(place) = self.head.get_mut(self.head_length) {
            *place = byte;
        }
        self.head_length += 1;
        let [first, second, rest @ ..] = &self.head;
        if self.head_length < 2 {
            return Ok(());
        }
        let kind = kind(*first, self.within_message)?;
        let is_last = first & 0x80 != 0;
        let short = usize::from(second & 0x7F);
        let is_control = kind != Kind::Data;
        // Reserved bits mean an extension, and none was agreed upon. A client
        // masks every frame (RFC 6455, 5.1).
        if first & 0x70 != 0
            || second & 0x80 == 0
            || is_control && (!is_last || short > MAX_CONTROL_BYTES)
        {
            return Err(CloseCode::PROTOCOL);
        }
        let (wide, shortest) = match short {
            126 => (2, 126),
            127 => (8, 0x1_0000),
            _ => (0, 0),
        };
        if self.head_length < 2 + wide + 4 {
            return Ok(());
        }
        let (wide, rest) = rest.split_at(wide);
        let left = if wide.is_empty() {
            u64::try_from(short).unwrap_or_default()
        } else {
            wide.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
        };
        // The length in as few bytes as it takes, and its highest bit is 0.
        if left < shortest || left >> 63 != 0 {
            return Err(CloseCode::PROTOCOL);
        }
        let mask = rest.first_chunk().copied().unwrap_or_default();
        self.head_length = 0;
        self.frame = Some(Frame { kind, left, mask });
        if !is_control {
            self.within_message = !is_last;
        }
        Ok(())
    }

    /// A frame has arrived whole.
    fn end(&mut self, kind: Kind) -> Result<(), CloseCode> {
        let payload = match kind {
            Kind::Data => return Ok(()),
            Kind::Ping | Kind::Pong | Kind::Close => std::mem::take(&mut self.control),
        };
        match kind {
            Kind::Data | Kind::Pong => {}
            Kind::Ping => self.ping = Some(payload),
            Kind::Close => {
                self.closed = Some(match payload.as_slice() {
                    [] => CloseCode::NORMAL,
                    [high, low, reason @ ..] if std::str::from_utf8(reason).is_ok() => {
                        sendable(u16::from_be_bytes([*high, *low]))?
                    }
                    _ => return Err(CloseCode::PROTOCOL),
                });
            }
        }
        Ok(())
    }
}

impl Frame {
    fn unmask(&mut self, payload: &mut [u8]) {
        for four in payload.chunks_mut(4) {
            for (byte, key) in four.iter_mut().zip(self.mask) {
                *byte ^= key;
            }
        }
        self.mask.rotate_left(payload.len() % 4);
        self.left -= u64::try_from(payload.len()).unwrap_or(self.left);
    }
}

fn kind(first: u8, within_message: bool) -> Result<Kind, CloseCode> {
    match (first & 0x0F, within_message) {
        (0x0, true) | (0x2, false) => Ok(Kind::Data),
        (0x1, false) => Err(CloseCode::UNSUPPORTED),
        (0x8, _) => Ok(Kind::Close),
        (0x9, _) => Ok(Kind::Ping),
        (0xA, _) => Ok(Kind::Pong),
        _ => Err(CloseCode::PROTOCOL),
    }
}

/// A status that may stand in a closing frame (RFC 6455, 7.4).
fn sendable(code: u16) -> Result<CloseCode, CloseCode> {
    match code {
        1000..=1003 | 1007..=1014 | 3000..=4999 => Ok(CloseCode(code)),
        _ => Err(CloseCode::PROTOCOL),
    }
}

/// Appends a whole message of MQTT bytes.
pub(crate) fn put_binary(payload: &[u8], out: &mut BytesMut) {
    put(0x82, payload, out);
}

/// Appends the answer to a ping.
pub(crate) fn put_pong(payload: &[u8], out: &mut BytesMut) {
    put(0x8A, payload, out);
}

/// Appends a closing frame.
pub(crate) fn put_close(code: CloseCode, out: &mut BytesMut) {
    put(0x88, &code.0.to_be_bytes(), out);
}

/// A server does not mask.
fn put(first: u8, payload: &[u8], out: &mut BytesMut) {
    out.reserve(payload.len() + MAX_HEAD_BYTES);
    out.put_u8(first);
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(short @ 0..126), _) => out.put_u8(short),
        (_, Ok(length)) => {
            out.put_u8(126);
            out.put_u16(length);
        }
        _ => {
            out.put_u8(127);
            out.put_u64(u64::try_from(payload.len()).unwrap_or_default());
        }
    }
    out.extend_from_slice(payload);
}

#[cfg(test)]
mod tests;
