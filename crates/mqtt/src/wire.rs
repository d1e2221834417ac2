//! A transport with its two buffers, which exist only while they hold bytes.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::time::{Instant, timeout, timeout_at};

use crate::salvage::Salvage;
use crate::settings::{
    CLOSE_FLUSH, LINGER, LINGER_BYTES, READ_CHUNK_BYTES, WRITE_BATCH_BYTES, WRITE_QUEUE_BYTES,
};
use crate::transport::Transport;

/// The most that is asked from the transport at once, in bytes.
const READ_MAX_BYTES: usize = 64 * 1024;

/// A transport with its buffers.
pub(crate) struct Wire<T> {
    transport: T,
    /// What was read and not yet decoded.
    pub(crate) inbox: BytesMut,
    /// What is to be written.
    pub(crate) outbox: BytesMut,
}

/// What the transport is ready for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Io {
    /// [`Wire::read`] will not wait.
    Readable,
    /// Some of the outbox was written.
    Wrote,
}

/// What reading brought.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Read {
    /// More bytes lie in the inbox.
    Bytes,
    /// Nothing yet.
    Nothing,
    /// The other side closed.
    Closed,
}

impl<T: Transport> Wire<T> {
    pub(crate) fn new(transport: T) -> Self {
        Self {
            transport,
            inbox: BytesMut::new(),
            outbox: BytesMut::new(),
        }
    }

    /// Waits for either direction; cancel-safe. Reading only when `read`.
    pub(crate) async fn ready(&mut self, read: bool) -> io::Result<Io> {
        poll_fn(|cx| self.poll_ready(cx, read)).await
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>, read: bool) -> Poll<io::Result<Io>> {
        if !self.outbox.is_empty()
            && let Poll::Ready(result) = self.poll_write(cx)
        {
            return Poll::Ready(result.map(|()| Io::Wrote));
        }
        if read {
            return self
                .transport
                .poll_readable(cx)
                .map(|result| result.map(|()| Io::Readable));
        }
        Poll::Pending
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let written = ready!(self.transport.poll_write(cx, &self.outbox))?;
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.outbox.advance(written);
        if self.outbox.is_empty() {
            self.outbox = BytesMut::new();
        }
        Poll::Ready(Ok(()))
    }

    /// Reads what has arrived; `want` more bytes complete the next packet.
    pub(crate) fn read(&mut self, want: usize) -> io::Result<Read> {
        self.inbox
            .reserve(want.clamp(READ_CHUNK_BYTES, READ_MAX_BYTES));
        let outcome = match self.transport.try_read(&mut self.inbox) {
            Ok(0) => Ok(Read::Closed),
            Ok(_) => Ok(Read::Bytes),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Read::Nothing),
            Err(error) => Err(error),
        };
        self.drop_empty_inbox();
        outcome
    }

    /// Gives the read buffer back while there is nothing in it.
    pub(crate) fn drop_empty_inbox(&mut self) {
        if self.inbox.is_empty() {
            self.inbox = BytesMut::new();
        }
    }

    /// Whether enough is unwritten to write before doing anything else.
    pub(crate) fn has_a_batch(&self) -> bool {
        self.outbox.len() >= WRITE_BATCH_BYTES
    }

    /// Whether the client takes less than it is sent.
    pub(crate) fn is_clogged(&self) -> bool {
        self.outbox.len() >= WRITE_QUEUE_BYTES
    }

    /// Writes the outbox, for at most `limit`.
    pub(crate) async fn flush(&mut self, limit: std::time::Duration) -> io::Result<()> {
        let all = async {
            while !self.outbox.is_empty() {
                poll_fn(|cx| self.poll_write(cx)).await?;
            }
            Ok(())
        };
        timeout(limit, all)
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    /// Says the last words and closes. With `linger` what still arrives is
    /// thrown away for a moment: closing over unread bytes resets the
    /// connection, and the reset may overtake the last words.
    pub(crate) async fn close(self, linger: bool) {
        self.end(linger, |inbox| *inbox = BytesMut::new()).await;
    }

    /// Closes, and looks through what has arrived and still arrives for cries
    /// for help.
    pub(crate) async fn close_listening(mut self, mut salvage: Salvage) {
        let mut hears = salvage.hear(&mut self.inbox);
        self.end(true, |inbox| {
            hears = hears && salvage.hear(inbox);
            if !hears || inbox.is_empty() {
                *inbox = BytesMut::new();
            }
        })
        .await;
    }

    /// Says the last words; then, with `linger`, hands each read to `take` for
    /// a moment.
    async fn end(mut self, linger: bool, mut take: impl FnMut(&mut BytesMut)) {
        let until = Instant::now() + CLOSE_FLUSH + LINGER;
        if self.flush(CLOSE_FLUSH).await.is_err() {
            return;
        }
        let finished = poll_fn(|cx| self.transport.poll_finish(cx));
        if !matches!(timeout_at(until, finished).await, Ok(Ok(()))) || !linger {
            return;
        }
        let mut arrived = 0;
        let rest = async {
            while arrived < LINGER_BYTES {
                take(&mut self.inbox);
                if poll_fn(|cx| self.transport.poll_readable(cx))
                    .await
                    .is_err()
                {
                    return;
                }
                let before = self.inbox.len();
                match self.read(READ_MAX_BYTES) {
                    Ok(Read::Bytes) => arrived += self.inbox.len() - before,
                    Ok(Read::Nothing) => {}
                    Ok(Read::Closed) | Err(_) => return,
                }
            }
            take(&mut self.inbox);
        };
        // Whether it ended or ran out of time, the connection is dropped now.
        let _ = timeout(LINGER, rest).await;
    }
}
