//! Serving connections: accept, seat, shake hands, speak HTTP/1.1, drain.
//!
//! Each connection has a task and a [`Seat`]. A handshake that is not finished,
//! a head that does not arrive, an answer that is not taken and a full house
//! each end a connection; a drain lets requests in flight finish within a
//! limit. A connection that becomes another protocol's leaves its seat. hyper
//! is driven directly because `axum::serve` offers none of these limits.

mod house;
mod timed;

pub(crate) use house::Seat;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::header;
use futures_util::future::join_all;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use mayday_app::{App, Arrival};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::auth;
use crate::settings::HttpSettings;
use house::House;
use timed::TimedWrites;

/// The largest head of a request, in bytes; hyper answers 431 beyond it.
const HEAD_LIMIT_BYTES: usize = 64 * 1024;
/// The most header lines of a request.
const HEAD_LIMIT_LINES: usize = 100;
/// Pause after a failed accept: file descriptors have run out, and the connection
/// that was cut takes a moment to give its own back.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Handshakes under way at once; the oldest makes room for the next one, so
/// that slow ones keep nobody out.
const MAX_HANDSHAKES: usize = 512;

/// A socket on which connections arrive.
#[derive(Debug)]
pub struct Door {
    /// Where they are accepted.
    pub listener: TcpListener,
    /// Each begins with a TLS handshake on these terms.
    pub tls: Option<Arc<ServerConfig>>,
}

/// A plain one.
impl From<TcpListener> for Door {
    fn from(listener: TcpListener) -> Self {
        Self {
            listener,
            tls: None,
        }
    }
}

/// Serves `router` at all `doors` until `shutdown`, then drains. It returns when
/// the last connection has ended, at the latest after `drain_timeout`.
pub async fn serve(
    doors: Vec<Door>,
    router: Router,
    settings: HttpSettings,
    app: Arc<App>,
    shutdown: CancellationToken,
) {
    let server = Server {
        router,
        house: House::new(settings.max_connections),
        lobby: House::new(MAX_HANDSHAKES),
        settings: Arc::new(settings),
        app,
        shutdown,
        connections: TaskTracker::new(),
    };
    join_all(doors.into_iter().map(|door| server.keep(door))).await;
    // Without a door there is nothing to do but to wait.
    server.shutdown.cancelled().await;
    server.connections.close();
    let all = server.connections.wait();
    let drained = tokio::time::timeout(server.settings.drain_timeout, all).await;
    if drained.is_err() {
        tracing::warn!(
            http.connections = server.connections.len(),
            "requests still in flight at the end of the drain were cut"
        );
        server.house.clear();
        server.connections.wait().await;
    }
}

#[derive(Clone)]
struct Server {
    router: Router,
    house: House,
    /// Where handshakes are made, besides a seat in the house.
    lobby: House,
    settings: Arc<HttpSettings>,
    app: Arc<App>,
    shutdown: CancellationToken,
    connections: TaskTracker,
}

impl Server {
    /// Lets in whoever comes until the shutdown.
    async fn keep(&self, door: Door) {
        let tls = door.tls.map(TlsAcceptor::from);
        while let Some((stream, peer)) = self.accept(&door.listener).await {
            let Some(seat) = self.house.take_seat() else {
                tracing::warn!(peer.address = %peer, "no free connection: every one is at work");
                continue;
            };
            let attend = self.clone().attend(stream, tls.clone(), peer, seat);
            self.connections.spawn(attend);
        }
    }

    /// The next connection; none once the shutdown began.
    async fn accept(&self, listener: &TcpListener) -> Option<(TcpStream, SocketAddr)> {
        loop {
            let accepted = tokio::select! {
                biased;
                () = self.shutdown.cancelled() => return None,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok(connection) => return Some(connection),
                Err(error) => {
                    // Closing one frees its descriptor for whoever waits outside.
                    let freed = self.house.make_room() || self.app.presence().make_room();
                    tracing::warn!(error = %error, freed, "cannot accept a connection, trying again");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    async fn attend(
        self,
        stream: TcpStream,
        tls: Option<TlsAcceptor>,
        peer: SocketAddr,
        seat: Seat,
    ) {
        let _counted = self.app.metrics().http_connection();
        // Answers are small and somebody waits for them: do not hold them back.
        let _ = stream.set_nodelay(true);
        let guest = Guest {
            peer,
            secured: tls.is_some(),
            seat,
            accepted: Instant::now(),
            has_asked: AtomicBool::new(false),
        };
        match tls {
            None => self.speak(stream, guest).await,
            Some(tls) => {
                // Boxed, so that what the handshake needs is not kept for the
                // connection's life.
                let shaken = Box::pin(self.shake_hands(tls.accept(stream), &guest)).await;
                if let Some(stream) = shaken {
                    self.speak(stream, guest).await;
                }
            }
        }
    }

    async fn shake_hands(
        &self,
        handshake: tokio_rustls::Accept<TcpStream>,
        guest: &Guest,
    ) -> Option<TlsStream<TcpStream>> {
        let waiting = self.lobby.take_seat()?;
        let shaken = tokio::select! {
            shaken = tokio::time::timeout(self.settings.handshake_timeout, handshake) => shaken,
            () = waiting.cut() => return None,
            () = guest.seat.cut() => return None,
            () = self.shutdown.cancelled() => return None,
        };
        match shaken {
            Ok(Ok(stream)) => Some(stream),
            Ok(Err(error)) => {
                tracing::debug!(peer.address = %guest.peer, error = %error, "a TLS handshake failed");
                None
            }
            Err(_) => {
                tracing::debug!(peer.address = %guest.peer, "a TLS handshake took too long");
                None
            }
        }
    }

    /// Speaks HTTP on one connection until it ends or becomes another protocol's.
    async fn speak<S>(&self, stream: S, guest: Guest)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let io = TokioIo::new(TimedWrites::new(stream, self.settings.write_timeout));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.settings.header_timeout)
            .max_buf_size(HEAD_LIMIT_BYTES)
            .max_headers(HEAD_LIMIT_LINES)
            .serve_connection(io, service_fn(|request| self.answer(&guest, request)))
            .with_upgrades();
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = guest.seat.cut() => return,
            () = self.shutdown.cancelled() => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    ended = connection.as_mut() => ended,
                    () = guest.seat.cut() => return,
                }
            }
        };
        if let Err(error) = ended {
            tracing::debug!(peer.address = %guest.peer, error = %error, "a connection broke off");
        }
    }

    fn answer(
        &self,
        guest: &Guest,
        request: hyper::Request<Incoming>,
    ) -> impl Future<Output = Result<axum::response::Response, std::convert::Infallible>> + use<>
    {
        let (mut parts, body) = request.into_parts();
        parts.extensions.insert(ConnectInfo(guest.peer));
        parts.extensions.insert(guest.seat.clone());
        if guest.secured {
            parts.extensions.insert(Secured);
        }
        let since = guest.since();
        if parts.headers.contains_key(header::UPGRADE) {
            let client = auth::peer(&parts, &self.settings.trusted_proxies);
            parts.extensions.insert(Arrival { client, since });
        }
        let request = hyper::Request::from_parts(parts, Body::new(body));
        let at_work = guest.seat.at_work();
        let router = self.router.clone();
        async move {
            let answer = router.oneshot(request).await;
            drop(at_work);
            answer
        }
    }
}

/// Marks a request that came over TLS.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Secured;

/// Who is at the other end of a connection.
struct Guest {
    peer: SocketAddr,
    /// Whether it is a TLS connection.
    secured: bool,
    seat: Seat,
    accepted: Instant,
    has_asked: AtomicBool,
}

impl Guest {
    /// Since when a protocol that follows HTTP counts: from the beginning if
    /// the connection was made for it, else from now.
    fn since(&self) -> Instant {
        if self.has_asked.swap(true, Ordering::Relaxed) {
            Instant::now()
        } else {
            self.accepted
        }
    }
}
