//! What carries the bytes of one connection.
//!
//! The loop asks for readiness before it holds a buffer, so that an idle
//! connection costs none, and writes without waiting, so that a client that
//! takes nothing cannot keep it from reading. There are plain TCP, [`stream`]
//! for TLS, and [`websocket`] over either, as HTTP hands it over.

pub(crate) mod frames;
pub(crate) mod stream;
pub(crate) mod websocket;

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::BytesMut;
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;

/// A stream of bytes in both directions.
pub trait Transport: Send + 'static {
    /// Ready when [`try_read`](Self::try_read) may yield something: bytes, the
    /// end of the stream or an error.
    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Appends what has arrived to the spare room of `buffer` and returns how
    /// many bytes that were; 0 is the end of the stream.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] when there is nothing yet,
    /// [`io::ErrorKind::InvalidData`] when the client breaks the rules of the
    /// transport and is to be told so.
    fn try_read(&mut self, buffer: &mut BytesMut) -> io::Result<usize>;

    /// Hands on some of `bytes` and returns how many have left this process.
    /// After `Pending` it must be shown the same bytes first.
    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>>;

    /// Says that nothing more will be written, in the transport's own words.
    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
}

/// Plain TCP.
impl Transport for TcpStream {
    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_read_ready(cx)
    }

    fn try_read(&mut self, buffer: &mut BytesMut) -> io::Result<usize> {
        self.try_read_buf(buffer)
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        AsyncWrite::poll_write(Pin::new(self), cx, bytes)
    }

    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_shutdown(Pin::new(self), cx)
    }
}
