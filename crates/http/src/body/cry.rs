//! The body of an SOS: whatever of it arrives (contract: an authenticated SOS
//! is never refused).
//!
//! A body that stalls or breaks off is taken as far as it came: the phone may
//! have lost its network halfway through, and its owner still needs help. What
//! comes after a pause is not lost: it is taken as an update. One above the limit
//! is read to 64 KiB and flagged; the rest is discarded after
//! the SOS is stored, so that the client gets its answer instead of a reset.

use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes, HttpBody as _};
use futures_util::StreamExt;
use tokio::time::{Instant, timeout_at};

use crate::body::BODY_LIMIT_BYTES;

/// What is kept of a body above the limit, in bytes.
const KEPT_BYTES: usize = 64 * 1024;
/// How much of such a body is read and thrown away, in bytes; a client that
/// sends more may see its connection closed, with the SOS stored.
const DISCARD_LIMIT_BYTES: usize = 16 * 1024 * 1024;
/// How long an SOS waits for more of its body: whoever cries for help is not
/// kept waiting by a network that has gone quiet.
/// A radio that repeats what was lost takes less.
const PAUSE_LIMIT: Duration = Duration::from_secs(5);

/// What arrived of an SOS body.
pub(crate) struct Cry {
    /// The whole body, or its first 64 KiB.
    pub(crate) body: Bytes,
    /// Whether it is more than a body may be.
    pub(crate) oversized: bool,
    /// It fell silent before its end.
    paused: bool,
    /// Beyond how many bytes it is oversized.
    awaited: usize,
    rest: BodyDataStream,
    deadline: Instant,
}

/// Reads an SOS body until its end, or until nothing came for
/// [`PAUSE_LIMIT`]. It cannot fail; it takes at most `within`. Of one that is
/// announced as oversized no more is awaited than is kept.
pub(crate) async fn cry(body: Body, within: Duration) -> Cry {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    read(body.into_data_stream(), announced, within).await
}

async fn read(rest: BodyDataStream, announced: usize, within: Duration) -> Cry {
    let awaited = if announced > BODY_LIMIT_BYTES {
        KEPT_BYTES
    } else {
        BODY_LIMIT_BYTES
    };
    let mut cry = Cry {
        body: Bytes::new(),
        oversized: false,
        paused: false,
        awaited,
        rest,
        deadline: Instant::now() + within,
    };
    cry.listen(PAUSE_LIMIT).await;
    cry
}

impl Cry {
    /// Reads until the end, or until nothing came for so long.
    async fn listen(&mut self, patience: Duration) {
        let mut kept = Vec::from(std::mem::take(&mut self.body));
        self.paused = false;
        loop {
            let until = self.deadline.min(Instant::now() + patience);
            let chunk = match timeout_at(until, self.rest.next()).await {
                Ok(Some(Ok(chunk))) => chunk,
                Ok(_) => break,
                Err(_) => {
                    self.paused = true;
                    break;
                }
            };
            let room = self.awaited.saturating_sub(kept.len());
            if chunk.len() > room {
                self.oversized = true;
                let missing = KEPT_BYTES.saturating_sub(kept.len());
                kept.extend(chunk.iter().take(missing));
                kept.truncate(KEPT_BYTES);
                break;
            }
            kept.extend_from_slice(&chunk);
        }
        self.body = kept.into();
    }

    /// Reads what comes after a pause, within the same time. Whether there is more
    /// now than there was.
    pub(crate) async fn read_on(&mut self) -> bool {
        if !self.paused {
            return false;
        }
        let before = self.body.len();
        self.listen(self.deadline.saturating_duration_since(Instant::now()))
            .await;
        self.body.len() > before
    }

    /// Throws away what is left of an oversized body, within the same time.
    pub(crate) async fn discard_rest(mut self) {
        if self.oversized {
            discard(&mut self.rest, self.deadline).await;
        }
    }
}

/// Reads a body to its end and throws it away, within bounds.
pub(super) async fn discard(rest: &mut BodyDataStream, deadline: Instant) {
    let mut discarded = 0_usize;
    while discarded < DISCARD_LIMIT_BYTES {
        match timeout_at(deadline, rest.next()).await {
            Ok(Some(Ok(chunk))) => discarded = discarded.saturating_add(chunk.len()),
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;

    const SOON: Duration = Duration::from_secs(8);

    #[tokio::test]
    async fn up_to_the_limit_it_is_the_whole_body() {
        let body = vec![b'x'; BODY_LIMIT_BYTES];
        let cry = cry(Body::from(body), SOON).await;
        assert_eq!(cry.body.len(), BODY_LIMIT_BYTES);
        assert!(!cry.oversized);
    }

    #[tokio::test]
    async fn beyond_it_the_first_64_kib_are_kept_and_the_rest_is_read_away() {
        let chunks = (0..40).map(|_| Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; 10_000])));
        let cry = cry(Body::from_stream(stream::iter(chunks)), SOON).await;
        assert!(cry.oversized);
        assert_eq!(cry.body.len(), KEPT_BYTES);
        cry.discard_rest().await;
    }

    #[tokio::test]
    async fn what_came_before_the_break_counts() {
        let chunks = [
            Ok(Bytes::from_static(b"{\"message\":\"he")),
            Err(std::io::Error::other("reset")),
        ];
        let cry = cry(Body::from_stream(stream::iter(chunks)), SOON).await;
        assert_eq!(&cry.body[..], b"{\"message\":\"he");
        assert!(!cry.oversized);
    }

    #[tokio::test(start_paused = true)]
    async fn an_announced_oversize_is_heard_with_what_is_kept() {
        let began = Instant::now();
        let came = Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; 70_000]));
        let stalled = stream::iter([came]).chain(stream::pending());
        let body = Body::from_stream(stalled).into_data_stream();
        let cry = read(body, 300_000, SOON).await;
        assert!(cry.oversized);
        assert_eq!(cry.body.len(), KEPT_BYTES);
        assert_eq!(began.elapsed(), Duration::ZERO, "not a moment was waited");
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stalls_is_taken_as_it_is() {
        let stalled = stream::once(async { Ok::<_, std::io::Error>(Bytes::from_static(b"{")) })
            .chain(stream::pending());
        let began = Instant::now();
        let cry = cry(Body::from_stream(stalled), SOON).await;
        assert_eq!(&cry.body[..], b"{");
        assert!(began.elapsed() < PAUSE_LIMIT + Duration::from_millis(10));
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_after_a_pause_is_read_on() {
        let pauses = [PAUSE_LIMIT + Duration::from_secs(1), PAUSE_LIMIT * 2];
        let parts = stream::iter(pauses).then(|pause| async move {
            tokio::time::timeout(pause, std::future::pending::<()>())
                .await
                .ok();
            Ok::<_, std::io::Error>(Bytes::from_static(b"help"))
        });
        let mut cry = cry(Body::from_stream(parts), SOON * 4).await;
        assert_eq!(&cry.body[..], b"", "heard before");
        assert!(cry.read_on().await);
        assert_eq!(&cry.body[..], b"helphelp");
        assert!(!cry.read_on().await, "it had come to its end");
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_trickles_is_taken_until_its_time_is_over() {
        let second = Duration::from_secs(1);
        let drops = stream::unfold((), move |()| async move {
            tokio::time::timeout(second, std::future::pending::<()>())
                .await
                .ok();
            Some((Ok::<_, std::io::Error>(Bytes::from_static(b".")), ()))
        });
        let began = Instant::now();
        let cry = cry(Body::from_stream(drops), SOON).await;
        assert!((7..=8).contains(&cry.body.len()), "{:?}", cry.body);
        assert_eq!(began.elapsed().as_secs(), SOON.as_secs());
    }
}
