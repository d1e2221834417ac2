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

/// How a connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Close {
    /// Without a word: nobody is there to hear it.
    Silent,
    /// With the last words.
    Said,
    /// With the last words, then taking what still arrives for a moment: closing
    /// over unread bytes resets the connection, and the reset may overtake them.
    Lingering,
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

    /// Writes of the outbox what the transport takes now, without waiting;
    /// whether that was anything.
    pub(crate) async fn try_write(&mut self) -> io::Result<bool> {
        poll_fn(|cx| {
            if self.outbox.is_empty() {
                return Poll::Ready(Ok(false));
            }
            match self.poll_write(cx) {
                Poll::Ready(result) => Poll::Ready(result.map(|()| true)),
                Poll::Pending => Poll::Ready(Ok(false)),
            }
        })
        .await
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

    /// Closes. `salvage` looks for cries for help in what has arrived and, while
    /// the close lingers, still arrives; what it has found is stored when this
    /// returns.
    pub(crate) async fn close(mut self, how: Close, mut salvage: Option<Salvage>) {
        let mut arrived = 0;
        while self.hear(&mut salvage) && arrived < LINGER_BYTES {
            match self.read_some() {
                Some(bytes) if bytes > 0 => arrived += bytes,
                _ => break,
            }
        }
        if how != Close::Silent {
            self.say_goodbye(how, &mut salvage).await;
        }
        drop(self);
        if let Some(salvage) = salvage {
            salvage.stored().await;
        }
    }

    /// Has the inbox looked through; `false`, and an empty inbox, when nobody
    /// looks.
    fn hear(&mut self, salvage: &mut Option<Salvage>) -> bool {
        let hears = salvage
            .as_mut()
            .is_some_and(|salvage| salvage.hear(&mut self.inbox));
        if !hears || self.inbox.is_empty() {
            self.inbox = BytesMut::new();
        }
        hears
    }

    /// How many bytes came, without waiting; `None` at the end of the stream.
    fn read_some(&mut self) -> Option<usize> {
        let before = self.inbox.len();
        match self.read(READ_MAX_BYTES) {
            Ok(Read::Bytes) => Some(self.inbox.len() - before),
            Ok(Read::Nothing) => Some(0),
            Ok(Read::Closed) | Err(_) => None,
        }
    }

    /// Says the last words; then, if the close lingers, takes what still arrives
    /// for a moment.
    async fn say_goodbye(&mut self, how: Close, salvage: &mut Option<Salvage>) {
        let until = Instant::now() + CLOSE_FLUSH + LINGER;
        if self.flush(CLOSE_FLUSH).await.is_err() {
            return;
        }
        let finished = poll_fn(|cx| self.transport.poll_finish(cx));
        let finished = matches!(timeout_at(until, finished).await, Ok(Ok(())));
        if !finished || how != Close::Lingering {
            return;
        }
        let rest = async {
            let mut arrived = 0;
            while arrived < LINGER_BYTES {
                if poll_fn(|cx| self.transport.poll_readable(cx))
                    .await
                    .is_err()
                {
                    return;
                }
                let Some(bytes) = self.read_some() else {
                    return;
                };
                arrived += bytes;
                self.hear(salvage);
            }
        };
        // Whether it ended or ran out of time, the connection is dropped now.
        let _ = timeout(LINGER, rest).await;
    }
}
