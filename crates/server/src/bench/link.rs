//! What a connection of the load speaks MQTT over: TCP, TLS, or a WebSocket in either.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::failure::Failure;

/// How much is read at once from under a WebSocket.
const CHUNK_BYTES: usize = 2 * 1024;
/// The longest answer to an upgrade.
const MAX_HEAD_BYTES: usize = 8 * 1024;
/// The key is random in a browser, against caches in between; there is none here.
const UPGRADE: &str = "GET /mqtt HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n\
    Sec-WebSocket-Key: bWF5ZGF5IGJlbmNoIHJ1bg==\r\n\r\n";

/// What lies under MQTT.
#[derive(Clone, Debug, Default)]
pub(crate) struct Under {
    /// Whose certificates are believed; none: no TLS.
    pub(crate) tls: Option<Arc<ClientConfig>>,
    /// MQTT in a WebSocket at `/mqtt`.
    pub(crate) websocket: bool,
}

/// Believes the certificates in a PEM file.
pub(crate) fn trust(file: &Path) -> Result<Arc<ClientConfig>, Failure> {
    let told = |error: &dyn std::fmt::Display| {
        Failure::new(format!("--ca-file {}: {error}", file.display()))
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(|e| told(&e))? {
        let certificate = certificate.map_err(|e| told(&e))?;
        roots.add(certificate).map_err(|e| told(&e))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| told(&e))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// A connection without MQTT.
pub(crate) struct Link {
    stream: Stream,
    frames: Option<Frames>,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Link {
    /// Connects, shakes hands, and upgrades.
    pub(crate) async fn connect(address: SocketAddr, under: &Under) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let stream = match &under.tls {
            None => Stream::Plain(stream),
            Some(config) => {
                let name = ServerName::from(address.ip());
                let connector = TlsConnector::from(Arc::clone(config));
                Stream::Tls(Box::new(connector.connect(name, stream).await?))
            }
        };
        let mut link = Self {
            stream,
            frames: None,
        };
        if under.websocket {
            link.upgrade().await?;
        }
        Ok(link)
    }

    async fn upgrade(&mut self) -> io::Result<()> {
        self.stream.write_all(UPGRADE.as_bytes()).await?;
        let mut head = Vec::new();
        let end = loop {
            if let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            if head.len() > MAX_HEAD_BYTES || self.stream.read_buf(&mut head).await? == 0 {
                return Err(io::ErrorKind::InvalidData.into());
            }
        };
        if !head.starts_with(b"HTTP/1.1 101 ") {
            let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
            let line = String::from_utf8_lossy(line).into_owned();
            return Err(io::Error::other(format!("the upgrade was refused: {line}")));
        }
        self.frames = Some(Frames {
            raw: head.split_off(end),
            left: 0,
        });
        Ok(())
    }

    /// Writes MQTT packets.
    pub(crate) async fn send(&mut self, packets: &[u8]) -> io::Result<()> {
        if self.frames.is_some() {
            let mut framed = frame_head(packets.len());
            framed.extend_from_slice(packets);
            return self.stream.write_all(&framed).await;
        }
        self.stream.write_all(packets).await
    }

    /// Reads MQTT bytes; 0 at the end of the connection. Cancel-safe.
    pub(crate) async fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let Some(frames) = &mut self.frames else {
            return self.stream.read(room).await;
        };
        loop {
            let given = frames.give(room);
            if given > 0 {
                return Ok(given);
            }
            let mut chunk = [0; CHUNK_BYTES];
            let read = self.stream.read(&mut chunk).await?;
            if read == 0 {
                return Ok(0);
            }
            frames.raw.extend(chunk.iter().take(read));
        }
    }

    /// Has the connection end with a reset when it is dropped.
    pub(crate) fn set_zero_linger(&self) {
        let socket = match &self.stream {
            Stream::Plain(socket) => socket,
            Stream::Tls(stream) => stream.get_ref().0,
        };
        let _ = socket.set_zero_linger();
    }
}

/// What has come of frames.
#[derive(Debug, Default)]
struct Frames {
    raw: Vec<u8>,
    /// Bytes of the frame at hand that have yet to come.
    left: usize,
}

impl Frames {
    /// Gives out what has come; 0 when nothing has.
    fn give(&mut self, room: &mut [u8]) -> usize {
        while self.left == 0 {
            let Some((head, length)) = frame(&self.raw) else {
                return 0;
            };
            self.raw.drain(..head);
            self.left = length;
        }
        let count = self.left.min(self.raw.len()).min(room.len());
        for (to, byte) in room.iter_mut().zip(self.raw.drain(..count)) {
            *to = byte;
        }
        self.left -= count;
        count
    }
}

/// How long the head of a frame is, and its content. A server masks nothing; what it
/// says beside MQTT (a ping, a farewell) would be told as garbage, and ends the run.
fn frame(raw: &[u8]) -> Option<(usize, usize)> {
    let short = usize::from(*raw.get(1)?);
    let long = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(0, |sum: usize, byte| sum << 8 | usize::from(*byte))
    };
    match short {
        126 => Some((4, long(raw.get(2..4)?))),
        127 => Some((10, long(raw.get(2..10)?))),
        _ => Some((2, short)),
    }
}

/// The head of a binary frame of the client, under a mask that changes nothing.
fn frame_head(length: usize) -> Vec<u8> {
    let mut head = vec![0x82];
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short), _) if short < 126 => head.push(0x80 | short),
        (_, Ok(medium)) => {
            head.push(0x80 | 0x7e);
            head.extend(medium.to_be_bytes());
        }
        _ => {
            head.push(0x80 | 0x7f);
            let length = u64::try_from(length).unwrap_or(u64::MAX);
            head.extend(length.to_be_bytes());
        }
    }
    head.extend([0; 4]);
    head
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, room),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, room),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_taken_apart_wherever_they_are_cut() {
        let mut sent = Vec::new();
        let mut said = Vec::new();
        for length in [0_usize, 1, 125, 126, 300, 70_000] {
            let content: Vec<u8> = (0..length)
                .map(|n| u8::try_from(n % 251).unwrap())
                .collect();
            // As a server says it: the same head, without a mask.
            let mut head = frame_head(length);
            head.truncate(head.len() - 4);
            head[1] &= 0x7f;
            sent.extend(&head);
            sent.extend(&content);
            said.extend(content);
        }
        for cut in [1, 7, 4_096] {
            let mut frames = Frames::default();
            let mut heard: Vec<u8> = Vec::new();
            for piece in sent.chunks(cut) {
                frames.raw.extend(piece);
                let mut room = [0; 100];
                loop {
                    let given = frames.give(&mut room);
                    if given == 0 {
                        break;
                    }
                    heard.extend(&room[..given]);
                }
            }
            assert!(heard == said, "cut into pieces of {cut}");
        }
    }
}
