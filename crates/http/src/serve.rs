//! Serving connections: accept, seat, speak HTTP/1.1, drain.
//!
//! Each connection has a task and a [`Seat`]. A head that does not arrive, an
//! answer that is not taken and a full house each end a connection; a drain
//! lets requests in flight finish within a limit. hyper is driven directly
//! because `axum::serve` offers none of these limits.

mod house;
mod timed;

pub(crate) use house::Seat;

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use mayday_app::Metrics;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

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

/// Serves `router` on `listener` until `shutdown`, then drains. It returns when
/// the last connection has ended, at the latest after `drain_timeout`.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    settings: HttpSettings,
    metrics: Metrics,
    shutdown: CancellationToken,
) {
    let server = Server {
        router,
        house: House::new(settings.max_connections),
        settings,
        metrics,
        shutdown,
    };
    let connections = TaskTracker::new();
    while let Some((stream, peer)) = server.accept(&listener).await {
        let Some(seat) = server.house.take_seat() else {
            tracing::warn!(peer.address = %peer, "no free connection: every one is at work");
            continue;
        };
        connections.spawn(server.clone().attend(stream, peer, seat));
    }
    drop(listener);
    connections.close();
    let drained = tokio::time::timeout(server.settings.drain_timeout, connections.wait()).await;
    if drained.is_err() {
        tracing::warn!(
            http.connections = connections.len(),
            "requests still in flight at the end of the drain were cut"
        );
        server.house.clear();
        connections.wait().await;
    }
}

#[derive(Clone)]
struct Server {
    router: Router,
    house: House,
    settings: HttpSettings,
    metrics: Metrics,
    shutdown: CancellationToken,
}

impl Server {
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
                    let freed = self.house.make_room();
                    tracing::warn!(error = %error, freed, "cannot accept a connection, trying again");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Speaks HTTP on one connection until it ends.
    async fn attend(self, stream: TcpStream, peer: SocketAddr, seat: Seat) {
        let _counted = self.metrics.http_connection();
        // Answers are small and somebody waits for them: do not hold them back.
        let _ = stream.set_nodelay(true);
        let io = TokioIo::new(TimedWrites::new(stream, self.settings.write_timeout));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.settings.header_timeout)
            .max_buf_size(HEAD_LIMIT_BYTES)
            .max_headers(HEAD_LIMIT_LINES)
            .serve_connection(
                io,
                service_fn(|request| answer(&self.router, &seat, peer, request)),
            );
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = seat.cut() => return,
            () = self.shutdown.cancelled() => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    ended = connection.as_mut() => ended,
                    () = seat.cut() => return,
                }
            }
        };
        if let Err(error) = ended {
            tracing::debug!(peer.address = %peer, error = %error, "a connection broke off");
        }
    }
}

fn answer(
    router: &Router,
    seat: &Seat,
    peer: SocketAddr,
    request: hyper::Request<Incoming>,
) -> impl Future<Output = Result<axum::response::Response, std::convert::Infallible>> + use<> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(ConnectInfo(peer));
    request.extensions_mut().insert(seat.clone());
    let at_work = seat.at_work();
    let router = router.clone();
    async move {
        let answer = router.oneshot(request).await;
        drop(at_work);
        answer
    }
}
