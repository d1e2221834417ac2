//! MQTT over WebSocket: the upgrade of an HTTP request (RFC 6455, section 4;
//! MQTT 5, section 6).
//!
//! It lies around the HTTP router as a layer, since it shares its listener and
//! its paths: a request that does not ask for a WebSocket passes through it
//! untouched. The answer is 101, HTTP lets go of the connection, and from then
//! on it is a visitor like one that came through a door.

use std::net::{IpAddr, Ipv4Addr};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use mayday_app::Arrival;
use mayday_app::presence::Visitor;
use sha1::{Digest as _, Sha1};
use tokio::time::{Instant, timeout_at};

use crate::handle::connect::{self, Shared};
use crate::listener::Endpoint;
use crate::transport::websocket::WebSocket;

/// What follows the client's key before it is digested (RFC 6455, 1.3).
const KEY_SUFFIX: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// How many bytes a client's key holds.
const KEY_BYTES: usize = 16;

/// The subprotocol that a client must offer and is told (MQTT-6.0.0-3, -4).
const SUBPROTOCOL: &str = "mqtt";

/// The version of the protocol of RFC 6455.
const WEBSOCKET_VERSION: &str = "13";

impl Endpoint {
    /// The router with MQTT over WebSocket at `/mqtt`, `/ws` and `/` (contract:
    /// MQTT). Serve it with upgrades; the listener tells the [`Arrival`].
    pub fn with_websocket(&self, router: Router) -> Router {
        router.layer(from_fn_with_state(self.clone(), upgrade))
    }
}

async fn upgrade(State(endpoint): State<Endpoint>, mut request: Request, next: Next) -> Response {
    if !wants_websocket(&request) {
        return next.run(request).await;
    }
    let key = match key(request.headers()) {
        Ok(key) => key,
        Err(refusal) => return refusal.into_response(),
    };
    let Some(handed_over) = request.extensions_mut().remove::<OnUpgrade>() else {
        return Refusal::HTTP_VERSION.into_response();
    };
    let (client, since) = arrival(&request);
    let deadline = since + endpoint.settings.connect_timeout;
    let Ok(Ok(place)) = timeout_at(deadline, endpoint.place()).await else {
        return Refusal::NO_ROOM.into_response();
    };
    let visitor = endpoint.app.presence().arrive(client);
    let shared = endpoint.shared();
    endpoint.spawn(async move {
        let socket = Box::pin(take_over(&shared, handed_over, &visitor, deadline));
        if let Some(socket) = socket.await {
            connect::serve(shared, socket, client, visitor, deadline, place).await;
        }
    });
    switching(&key)
}

/// Waits until HTTP has sent its answer and let go.
async fn take_over(
    shared: &Shared,
    handed_over: OnUpgrade,
    visitor: &Visitor,
    deadline: Instant,
) -> Option<WebSocket<TokioIo<hyper::upgrade::Upgraded>>> {
    tokio::select! {
        biased;
        _ = visitor.cut() => None,
        () = shared.shutdown.cancelled() => None,
        upgraded = timeout_at(deadline, handed_over) => {
            let upgraded = upgraded.ok()?.ok()?;
            Some(WebSocket::new(TokioIo::new(upgraded)))
        }
    }
}

/// Whether it asks for a WebSocket where there is one. Slashes count once, as
/// they do for HTTP.
fn wants_websocket(request: &Request) -> bool {
    let mut path = request
        .uri()
        .path()
        .split('/')
        .filter(|part| !part.is_empty());
    let is_ours = matches!(
        (path.next(), path.next()),
        (None | Some("mqtt" | "ws"), None)
    );
    is_ours
        && request.method() == Method::GET
        && request.version() == Version::HTTP_11
        && lists(request.headers(), &header::CONNECTION, "upgrade")
        && lists(request.headers(), &header::UPGRADE, "websocket")
}

/// Whether a header holds a word, in any case, in its lists.
fn lists(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|item| item.trim().eq_ignore_ascii_case(word))
}

/// The client's key, if the rest is as it must be.
fn key(headers: &HeaderMap) -> Result<HeaderValue, Refusal> {
    if !lists(headers, &header::SEC_WEBSOCKET_VERSION, WEBSOCKET_VERSION) {
        return Err(Refusal::WEBSOCKET_VERSION);
    }
    if !lists(headers, &header::SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL) {
        return Err(Refusal::SUBPROTOCOL);
    }
    let key = headers.get(header::SEC_WEBSOCKET_KEY);
    key.filter(|key| {
        BASE64_STANDARD
            .decode(key)
            .is_ok_and(|key| key.len() == KEY_BYTES)
    })
    .cloned()
    .ok_or(Refusal::KEY)
}

/// 101.
fn switching(key: &HeaderValue) -> Response {
    let digest = Sha1::new()
        .chain_update(key.as_bytes())
        .chain_update(KEY_SUFFIX)
        .finalize();
    let accept = BASE64_STANDARD.encode(digest);
    (
        StatusCode::SWITCHING_PROTOCOLS,
        [
            (header::CONNECTION, "upgrade"),
            (header::UPGRADE, "websocket"),
            (header::SEC_WEBSOCKET_ACCEPT, accept.as_str()),
            (header::SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL),
        ],
    )
        .into_response()
}

/// Who it is and since when; the listener knows.
fn arrival(request: &Request) -> (IpAddr, Instant) {
    let arrival = request.extensions().get::<Arrival>();
    arrival.map_or_else(
        || (IpAddr::V4(Ipv4Addr::UNSPECIFIED), Instant::now()),
        |arrival| (arrival.client, arrival.since),
    )
}

/// Why there is no WebSocket, in the words of HTTP.
#[derive(Clone, Copy, Debug)]
struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: &'static str,
}

impl Refusal {
    const SUBPROTOCOL: Self = Self {
        status: StatusCode::BAD_REQUEST,
        code: "validation_error",
        message: "Sec-WebSocket-Protocol must offer the subprotocol mqtt",
    };
    const KEY: Self = Self {
        status: StatusCode::BAD_REQUEST,
        code: "validation_error",
        message: "Sec-WebSocket-Key must be 16 bytes in base64",
    };
    const WEBSOCKET_VERSION: Self = Self {
        status: StatusCode::UPGRADE_REQUIRED,
        code: "validation_error",
        message: "Sec-WebSocket-Version must be 13",
    };
    const HTTP_VERSION: Self = Self {
        status: StatusCode::BAD_REQUEST,
        code: "validation_error",
        message: "this connection cannot be upgraded",
    };
    const NO_ROOM: Self = Self {
        status: StatusCode::SERVICE_UNAVAILABLE,
        code: "unavailable",
        message: "no connection is free: try again",
    };
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        // The texts above need no escaping.
        let body = format!(
            r#"{{"error":{{"code":"{}","message":"{}"}}}}"#,
            self.code, self.message
        );
        (
            self.status,
            [
                (header::CONTENT_TYPE, "application/json"),
                (header::SEC_WEBSOCKET_VERSION, WEBSOCKET_VERSION),
            ],
            body,
        )
            .into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_rfc_is_answered() {
        // RFC 6455, 1.3.
        let key = HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ==");
        let answer = switching(&key);
        assert_eq!(
            answer.headers()[header::SEC_WEBSOCKET_ACCEPT],
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
    }
}
