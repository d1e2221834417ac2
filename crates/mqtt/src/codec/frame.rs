//! Cuts the stream into packets.
//!
//! A packet beyond the limit ends the connection, unless it is a PUBLISH on an
//! own SOS topic: then its beginning is handed out at once, so that help is
//! called before the rest has come, and the rest is thrown away (contract: SOS).
//! After the fault the packet of a client that was let in is thrown away too: what
//! comes behind it may be a cry for help, which salvage looks for.

use bytes::{Buf, Bytes, BytesMut};

use super::publish::{self, Publish};
use super::reader::{Reader, varint, varint_length};
use super::{Fault, Version};
use crate::settings::{MAX_CONNECT_BYTES, OVERSIZED_SOS_BYTES, READ_CHUNK_BYTES};

/// The type of PUBLISH in the upper half of the first byte.
const PUBLISH: u8 = 3;

/// Cuts the stream into packets.
#[derive(Debug)]
pub(crate) struct Framer {
    /// Unknown until CONNECT.
    version: Option<Version>,
    max_packet_bytes: usize,
    /// Bytes of an oversized packet that are still to be thrown away.
    skip: usize,
}

/// What the stream holds next.
#[derive(Debug)]
pub(crate) enum Step {
    /// Not a whole packet yet; so many bytes should be read at once.
    More(usize),
    /// A whole packet.
    Frame(Frame),
    /// The beginning of an SOS that is too large.
    Oversized(Publish),
}

/// A whole packet.
#[derive(Debug)]
pub(crate) struct Frame {
    /// Type and flags.
    pub(crate) first: u8,
    /// What follows the header.
    pub(crate) body: Bytes,
}

impl Framer {
    /// For a connection that has sent nothing yet.
    pub(crate) fn new() -> Self {
        Self {
            version: None,
            max_packet_bytes: MAX_CONNECT_BYTES,
            skip: 0,
        }
    }

    /// After CONNECT.
    pub(crate) fn set(&mut self, version: Version, max_packet_bytes: usize) {
        self.version = Some(version);
        self.max_packet_bytes = max_packet_bytes;
    }

    /// Whether the rest of an oversized packet is still being thrown away.
    pub(crate) fn is_skipping(&self) -> bool {
        self.skip > 0
    }

    /// The next packet in `buffer`. `is_sos` tells whether a topic is an own
    /// one for SOS. After a fault of a packet beyond the limit, but for a CONNECT,
    /// the stream can be read on behind it: [`Framer::is_skipping`] tells.
    pub(crate) fn next(
        &mut self,
        buffer: &mut BytesMut,
        is_sos: impl Fn(&str) -> bool,
    ) -> Result<Step, Fault> {
        if self.skip > 0 {
            let thrown = self.skip.min(buffer.len());
            buffer.advance(thrown);
            self.skip -= thrown;
            if self.skip > 0 {
                return Ok(Step::More(READ_CHUNK_BYTES));
            }
        }
        let Some(&first) = buffer.first() else {
            return Ok(Step::More(READ_CHUNK_BYTES));
        };
        let Some((length, digits)) = varint(buffer.get(1..).unwrap_or_default())? else {
            return Ok(Step::More(READ_CHUNK_BYTES));
        };
        if self.version == Some(Version::V5) && digits > varint_length(length) {
            return Err(Fault::malformed("a length in more bytes than it takes"));
        }
        let header = 1 + digits;
        if header + length > self.max_packet_bytes {
            let step = self.oversized(buffer, first, header, length, is_sos);
            // Before CONNECT nothing is proven, and nobody reads on.
            if step.is_err() && self.version.is_some() {
                self.skip = header + length;
            }
            return step;
        }
        if buffer.len() < header + length {
            return Ok(Step::More(header + length - buffer.len()));
        }
        let mut frame = buffer.split_to(header + length);
        frame.advance(header);
        Ok(Step::Frame(Frame {
            first,
            body: frame.freeze(),
        }))
    }

    fn oversized(
        &mut self,
        buffer: &mut BytesMut,
        first: u8,
        header: usize,
        length: usize,
        is_sos: impl Fn(&str) -> bool,
    ) -> Result<Step, Fault> {
        let (Some(version), PUBLISH) = (self.version, first >> 4) else {
            return Err(Fault::too_large("a packet beyond the limit"));
        };
        let body = buffer.get(header..).unwrap_or_default();
        let topic_length = match *body {
            [high, low, ..] => usize::from(u16::from_be_bytes([high, low])),
            _ => return Ok(Step::More(READ_CHUNK_BYTES)),
        };
        // Topic, packet id and the length of the properties.
        let longest_head = 2 + topic_length + 2 + 4;
        if body.len() < longest_head {
            return Ok(Step::More(longest_head - body.len()));
        }
        let mut reader = Reader::new(body);
        let head = publish::decode_head(first, &mut reader)?;
        if !is_sos(&head.topic) {
            return Err(Fault::too_large("a PUBLISH beyond the limit"));
        }
        let before_payload = match version {
            Version::V311 => body.len() - reader.remaining(),
            Version::V5 => {
                let properties = reader.varint()?;
                body.len() - reader.remaining() + properties
            }
        };
        if before_payload > length {
            return Err(Fault::malformed("properties reach beyond their packet"));
        }
        // Properties without end leave nothing of the payload to keep.
        let (before_payload, kept) = if before_payload > OVERSIZED_SOS_BYTES {
            let head = body.len() - reader.remaining();
            (head, head)
        } else {
            let kept = OVERSIZED_SOS_BYTES.min(length - before_payload);
            (before_payload, before_payload + kept)
        };
        if body.len() < kept {
            return Ok(Step::More(kept - body.len()));
        }
        buffer.advance(header);
        let mut payload = buffer.split_to(kept);
        payload.advance(before_payload);
        self.skip = length - kept;
        Ok(Step::Oversized(Publish {
            qos: head.qos,
            retain: head.retain,
            id: head.id,
            topic: head.topic,
            payload: payload.freeze(),
            oversized: true,
        }))
    }
}

#[cfg(test)]
mod tests;
