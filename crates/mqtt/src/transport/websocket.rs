//! MQTT in WebSocket frames, over a stream that HTTP has handed over.
//!
//! Pings are answered and closing frames returned on the way; the connection
//! loop sees the bytes of MQTT and nothing else.

use std::io;
use std::mem::{MaybeUninit, take};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Transport;
use super::frames::{self, CloseCode, Decoder};
use crate::settings::{WEBSOCKET_CHUNK_BYTES, WRITE_BATCH_BYTES};

/// A WebSocket whose upgrade was answered.
pub(crate) struct WebSocket<S> {
    stream: S,
    decoder: Decoder,
    /// MQTT bytes that have arrived and were not taken yet.
    held: BytesMut,
    reading: Reading,
    /// Frames on their way out. The latest ping is answered when they have left.
    out: BytesMut,
    /// Whether the stream was given something that it may have kept.
    unflushed: bool,
    /// How many of the caller's bytes are in `out`, or were.
    framed: usize,
    /// A closing frame was put into `out`.
    said_goodbye: bool,
}

/// What is to be expected of the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// More frames.
    Open,
    /// Nothing.
    Ended,
    /// It broke the rules, and the loop does not know yet.
    Faulty(CloseCode),
    /// It broke the rules; what it still sends is not looked at.
    Ignored(CloseCode),
}

impl<S: AsyncRead + AsyncWrite + Unpin> WebSocket<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self {
            stream,
            decoder: Decoder::default(),
            held: BytesMut::new(),
            reading: Reading::Open,
            out: BytesMut::new(),
            unflushed: false,
            framed: 0,
            said_goodbye: false,
        }
    }

    /// Reads until there is something for MQTT. A fault is told once, after
    /// what came before it was taken; then reading goes on until the end, so
    /// that the closing frame is not lost to a reset.
    fn fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.held.is_empty() && self.reading != Reading::Ended {
            if let Reading::Faulty(code) = self.reading {
                self.reading = Reading::Ignored(code);
                return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
            }
            let mut space = [MaybeUninit::uninit(); WEBSOCKET_CHUNK_BYTES];
            let mut chunk = ReadBuf::uninit(&mut space);
            if let Err(error) = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut chunk))
                && error.kind() != io::ErrorKind::UnexpectedEof
            {
                return Poll::Ready(Err(error));
            }
            if chunk.filled().is_empty() {
                self.reading = Reading::Ended;
            } else if self.reading == Reading::Open {
                self.decode(chunk.filled_mut());
                // A reply that finds no room now goes with the next write or read.
                if let Poll::Ready(result) = self.poll_out(cx) {
                    result?;
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    fn decode(&mut self, bytes: &mut [u8]) {
        if let Err(code) = self.decoder.feed(bytes, &mut self.held) {
            self.reading = Reading::Faulty(code);
        } else if let Some(code) = self.decoder.closed {
            self.reading = Reading::Ended;
            self.say_goodbye(code);
        }
    }

    /// Puts the closing frame behind what is on its way, once.
    fn say_goodbye(&mut self, code: CloseCode) {
        if !self.said_goodbye {
            self.said_goodbye = true;
            frames::put_close(code, &mut self.out);
        }
    }

    /// Ready when every frame has left this process.
    fn poll_out(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if self.out.is_empty()
                && !self.said_goodbye
                && let Some(ping) = self.decoder.ping.take()
            {
                frames::put_pong(&ping, &mut self.out);
            }
            if self.out.is_empty() {
                break;
            }
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.out))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.unflushed = true;
            self.out.advance(written);
        }
        self.out = BytesMut::new();
        if self.unflushed {
            ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Transport for WebSocket<S> {
    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.fill(cx)
    }

    fn try_read(&mut self, buffer: &mut BytesMut) -> io::Result<usize> {
        // Who wants to be woken asks `poll_readable` next.
        let mut nobody = Context::from_waker(Waker::noop());
        match self.fill(&mut nobody) {
            Poll::Ready(result) => result?,
            Poll::Pending => return Err(io::ErrorKind::WouldBlock.into()),
        }
        let arrived = take(&mut self.held);
        buffer.extend_from_slice(&arrived);
        Ok(arrived.len())
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.framed == 0 {
            if self.said_goodbye {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
            let (part, _) = bytes.split_at(bytes.len().min(WRITE_BATCH_BYTES));
            frames::put_binary(part, &mut self.out);
            self.framed = part.len();
        }
        ready!(self.poll_out(cx))?;
        Poll::Ready(Ok(take(&mut self.framed)))
    }

    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.say_goodbye(match self.reading {
            Reading::Open | Reading::Ended => CloseCode::NORMAL,
            Reading::Faulty(code) | Reading::Ignored(code) => code,
        });
        ready!(self.poll_out(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
