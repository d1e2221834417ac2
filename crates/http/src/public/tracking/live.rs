//! `GET /t/{token}/live`: tells an open page that it would look different now.
//!
//! Server-sent events without content: the page asks again for what changed, so
//! that nothing about anybody is in a stream that stays open. How many are open is
//! bounded, for a link and in all; one too many is told to stop (204), and that
//! page then asks every few seconds, as one without `EventSource` does.

use std::collections::HashMap;
use std::convert::Infallible;
use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use mayday_app::{App, TrackingPulse};
use tokio::time::Instant;

use crate::auth::Peer;
use crate::problem::Problem;
use crate::state::Api;

/// Open streams of this node.
const MAX_LIVE: usize = 1_024;
/// Open streams of one link.
const MAX_LIVE_PER_LINK: usize = 8;
/// How often it is looked whether something changed.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Looks without news until a comment shows proxies that the stream lives.
const QUIET_LOOKS: u32 = 8;
/// A stream ends after this; the page opens another at once.
const LIFETIME: Duration = Duration::from_mins(10);

const CHANGE: &[u8] = b"event: change\ndata: 1\n\n";
const QUIET: &[u8] = b": still here\n\n";
/// How long the page waits before it comes back.
const HELLO: &[u8] = b"retry: 3000\n\n";

/// The streams that are open, by a hash of the link.
#[derive(Default)]
pub(crate) struct LivePages {
    hasher: RandomState,
    open: Mutex<HashMap<u64, usize>>,
}

/// A place for a stream; given back when dropped.
struct Place {
    pages: Arc<LivePages>,
    link: u64,
}

impl LivePages {
    fn enter(self: &Arc<Self>, token: &str) -> Option<Place> {
        let link = self.hasher.hash_one(token);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = open.values().sum();
        let own = open.get(&link).copied().unwrap_or(0);
        if all >= MAX_LIVE || own >= MAX_LIVE_PER_LINK {
            return None;
        }
        open.insert(link, own + 1);
        drop(open);
        Some(Place {
            pages: Arc::clone(self),
            link,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self
            .pages
            .open
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.link) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                open.remove(&self.link);
            }
        }
    }
}

/// `GET /t/{token}/live`.
pub(crate) async fn live(
    State(api): State<Api>,
    Path(token): Path<String>,
    Peer(peer): Peer,
) -> Result<Response, Problem> {
    let pulse = api.app.tracking_pulse(&token, peer).await?;
    let Some(place) = api.live.enter(&token) else {
        return Ok(StatusCode::NO_CONTENT.into_response());
    };
    let watch = Watch {
        app: api.app,
        token,
        peer,
        pulse,
        began: Instant::now(),
        greeted: false,
        _place: place,
    };
    let body = Body::from_stream(stream::unfold(watch, Watch::next));
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        // A proxy that collects an answer would hold back every event.
        (HeaderName::from_static("x-accel-buffering"), "no"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    Ok((headers, body).into_response())
}

/// One open stream.
struct Watch {
    app: Arc<App>,
    token: String,
    peer: IpAddr,
    pulse: TrackingPulse,
    began: Instant,
    greeted: bool,
    _place: Place,
}

impl Watch {
    /// The next piece, or the end: of the stream's time, of the link, of the node.
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        if !self.greeted {
            self.greeted = true;
            return Some((Ok(Bytes::from_static(HELLO)), self));
        }
        for _ in 0..QUIET_LOOKS {
            tokio::time::sleep(LOOK_EVERY).await;
            if self.app.is_draining() || self.began.elapsed() >= LIFETIME {
                return None;
            }
            let now = self.app.tracking_pulse(&self.token, self.peer).await.ok()?;
            if now != self.pulse {
                self.pulse = now;
                return Some((Ok(Bytes::from_static(CHANGE)), self));
            }
        }
        Some((Ok(Bytes::from_static(QUIET)), self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_few_and_come_back() {
        let pages = Arc::new(LivePages::default());
        let held: Vec<_> = (0..MAX_LIVE_PER_LINK)
            .map(|_| pages.enter("one").unwrap())
            .collect();
        assert!(pages.enter("one").is_none());
        let other = pages.enter("two").unwrap();
        drop(held);
        assert!(pages.enter("one").is_some());
        drop(other);
        let all: Vec<_> = (0..MAX_LIVE).map(|n| pages.enter(&n.to_string())).collect();
        assert!(all.iter().all(Option::is_some));
        assert!(pages.enter("one more").is_none());
        drop(all);
        assert!(pages.open.lock().unwrap().is_empty());
    }
}
