//! TLS, or any stream that cannot be asked whether something has arrived: it
//! is read into a buffer on the stack, and what has arrived is held until it
//! is taken.

use std::io;
use std::mem::{MaybeUninit, take};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Transport;
use crate::settings::{READ_CHUNK_BYTES, WRITE_BATCH_BYTES};

/// A stream in both directions.
pub(crate) struct Stream<S> {
    inner: S,
    /// What has arrived and was not taken yet.
    held: BytesMut,
    /// Nothing more will arrive.
    ended: bool,
    /// How many of the caller's bytes the stream has taken, but perhaps kept.
    unflushed: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream<S> {
    pub(crate) fn new(inner: S) -> Self {
        Self {
            inner,
            held: BytesMut::new(),
            ended: false,
            unflushed: 0,
        }
    }

    /// Reads once.
    fn fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut space = [MaybeUninit::uninit(); READ_CHUNK_BYTES];
        let mut chunk = ReadBuf::uninit(&mut space);
        if let Err(error) = ready!(Pin::new(&mut self.inner).poll_read(cx, &mut chunk))
            // A phone that drops out of the network takes no leave of TLS.
            && error.kind() != io::ErrorKind::UnexpectedEof
        {
            return Poll::Ready(Err(aborted(error)));
        }
        self.held.extend_from_slice(chunk.filled());
        self.ended = chunk.filled().is_empty();
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Transport for Stream<S> {
    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.ended || !self.held.is_empty() {
            return Poll::Ready(Ok(()));
        }
        self.fill(cx)
    }

    fn try_read(&mut self, buffer: &mut BytesMut) -> io::Result<usize> {
        // Who wants to be woken asks `poll_readable` next.
        let mut nobody = Context::from_waker(Waker::noop());
        match self.poll_readable(&mut nobody) {
            Poll::Ready(result) => result?,
            Poll::Pending => return Err(io::ErrorKind::WouldBlock.into()),
        }
        let arrived = take(&mut self.held);
        buffer.extend_from_slice(&arrived);
        Ok(arrived.len())
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.unflushed == 0 {
            let (part, _) = bytes.split_at(bytes.len().min(WRITE_BATCH_BYTES));
            let taken = ready!(Pin::new(&mut self.inner).poll_write(cx, part));
            self.unflushed = taken.map_err(aborted)?;
        }
        // TLS keeps what the socket did not take. A client that takes nothing
        // must be seen to take nothing.
        ready!(Pin::new(&mut self.inner).poll_flush(cx)).map_err(aborted)?;
        Poll::Ready(Ok(take(&mut self.unflushed)))
    }

    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// TLS calls a broken record invalid data, which is the word for a client that
/// breaks the rules of a transport that has words for it. Here nothing can be said.
fn aborted(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::InvalidData {
        io::Error::new(io::ErrorKind::ConnectionAborted, error)
    } else {
        error
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test]
    async fn what_arrived_is_held_until_it_is_taken_and_then_the_end_is_told() {
        let (ours, mut theirs) = duplex(64);
        let mut stream = Stream::new(ours);
        let mut inbox = BytesMut::new();
        let nothing = stream.try_read(&mut inbox).unwrap_err();
        assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
        theirs.write_all(b"mayday").await.unwrap();
        drop(theirs);
        for _ in 0..2 {
            poll_fn(|cx| stream.poll_readable(cx)).await.unwrap();
        }
        assert_eq!(stream.try_read(&mut inbox).unwrap(), 6);
        assert_eq!(&inbox[..], b"mayday");
        poll_fn(|cx| stream.poll_readable(cx)).await.unwrap();
        assert_eq!(stream.try_read(&mut inbox).unwrap(), 0);
    }

    /// What TLS answers to a record that it cannot open.
    struct Broken;

    fn broken<T>() -> Poll<io::Result<T>> {
        Poll::Ready(Err(io::ErrorKind::InvalidData.into()))
    }

    impl AsyncRead for Broken {
        fn poll_read(
            self: Pin<&mut Self>,
            _cx: &mut Context<'_>,
            _chunk: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            broken()
        }
    }

    impl AsyncWrite for Broken {
        fn poll_write(
            self: Pin<&mut Self>,
            _cx: &mut Context<'_>,
            _bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            broken()
        }

        fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            broken()
        }

        fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            broken()
        }
    }

    #[tokio::test]
    async fn a_broken_record_is_no_fault_of_a_transport_with_frames() {
        let mut stream = Stream::new(Broken);
        let read = poll_fn(|cx| stream.poll_readable(cx)).await;
        assert_eq!(read.unwrap_err().kind(), io::ErrorKind::ConnectionAborted);
        let written = poll_fn(|cx| stream.poll_write(cx, b"mayday")).await;
        assert_eq!(
            written.unwrap_err().kind(),
            io::ErrorKind::ConnectionAborted
        );
    }

    #[tokio::test]
    async fn bytes_that_the_client_has_not_taken_are_not_written() {
        let (ours, mut theirs) = duplex(4);
        // A buffer in between, as TLS has one.
        let mut stream = Stream::new(tokio::io::BufWriter::with_capacity(64, ours));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(stream.poll_write(&mut cx, b"mayday").is_pending());
        let mut taken = [0; 4];
        theirs.read_exact(&mut taken).await.unwrap();
        let written = poll_fn(|cx| stream.poll_write(cx, b"mayday, mayday")).await;
        assert_eq!(written.unwrap(), 6);
    }
}
