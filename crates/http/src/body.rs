//! Reading bodies: bounded in size and in time, whatever the content type says.
//!
//! Three readers. [`JsonBody`] is for routes that may refuse: at most
//! [`BODY_LIMIT_BYTES`], an empty body counts as `{}`, unknown members are
//! ignored, and an error names the member. [`cry`] is for the SOS route, which
//! refuses nothing: it takes what it can get and says what is missing. [`whole`] is
//! for a route that reads its bytes itself; [`readable`] is the same where a body
//! that is too large may only be called unreadable (contract: SOS never answers 413).

mod cry;
mod json;

pub(crate) use cry::{Cry, cry};
pub(crate) use json::{JsonBody, parse};

use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use futures_util::StreamExt;

use crate::problem::Problem;

/// The largest body of a request, in bytes (contract: SOS, bodies).
pub(crate) const BODY_LIMIT_BYTES: usize = 256 * 1024;

/// The whole body, or why not: 413, 408, or 400 when it broke off.
pub(crate) async fn whole(body: Body, within: Duration) -> Result<Bytes, Problem> {
    tokio::time::timeout(within, collect(body))
        .await
        .unwrap_or_else(|_| Err(Problem::body_too_slow()))
}

/// The whole body of an SOS route that must understand it: as [`whole`], but one
/// above the limit is a 400, after the rest was read and thrown away.
pub(crate) async fn readable(body: Body, within: Duration) -> Result<Bytes, Problem> {
    let started = tokio::time::Instant::now();
    let mut chunks = body.into_data_stream();
    let taken = tokio::time::timeout_at(started + within, take(&mut chunks)).await;
    if let Some(bytes) = taken.unwrap_or_else(|_| Err(Problem::body_too_slow()))? {
        return Ok(bytes);
    }
    cry::discard(&mut chunks, started + within).await;
    let limit = BODY_LIMIT_BYTES / 1024;
    let message = format!("the body is too large to read: send at most {limit} KiB");
    Err(Problem::field("", message))
}

async fn collect(body: Body) -> Result<Bytes, Problem> {
    let taken = take(&mut body.into_data_stream()).await?;
    taken.ok_or_else(|| Problem::payload_too_large(BODY_LIMIT_BYTES))
}

/// All chunks; `None` as soon as they are more than a body may be.
async fn take(chunks: &mut BodyDataStream) -> Result<Option<Bytes>, Problem> {
    let mut kept = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| Problem::field("", "the body broke off: send it again"))?;
        if kept.len().saturating_add(chunk.len()) > BODY_LIMIT_BYTES {
            return Ok(None);
        }
        kept.extend_from_slice(&chunk);
    }
    Ok(Some(kept.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;

    const SOON: Duration = Duration::from_secs(5);

    #[tokio::test]
    async fn the_limit_is_exact() {
        let fits = whole(Body::from(vec![b' '; BODY_LIMIT_BYTES]), SOON).await;
        assert_eq!(fits.unwrap().len(), BODY_LIMIT_BYTES);
        let over = whole(Body::from(vec![b' '; BODY_LIMIT_BYTES + 1]), SOON).await;
        assert_eq!(over.unwrap_err().status().as_u16(), 413);
        let over = readable(Body::from(vec![b' '; BODY_LIMIT_BYTES + 1]), SOON).await;
        assert_eq!(over.unwrap_err().status().as_u16(), 400);
    }

    #[tokio::test]
    async fn chunks_keep_their_order() {
        let chunks = ["a", "b", "", "c"].map(|text| Ok::<_, std::io::Error>(Bytes::from(text)));
        let body = Body::from_stream(stream::iter(chunks));
        assert_eq!(&whole(body, SOON).await.unwrap()[..], b"abc");
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stalls_is_answered_408() {
        let body = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
        assert_eq!(whole(body, SOON).await.unwrap_err().status().as_u16(), 408);
    }
}
