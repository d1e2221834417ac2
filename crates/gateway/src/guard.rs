//! The guarded client: the one way out over HTTP.
//!
//! A request goes through these steps, and any of them can end it:
//!
//! 1. [`OutgoingUrl`] reads the URL as browsers do, so that `0x7f.1` is
//!    `127.0.0.1` here too, and refuses other schemes and credentials.
//! 2. [`Policy`] looks at the scheme and the host as written.
//! 3. The name is resolved once. Addresses that the policy refuses are left
//!    out; the connection goes to one of those that remain and to no other, so
//!    that a resolver that changes its mind gains nothing.
//! 4. TLS (rustls on ring) proves the name against the configured [`Roots`].
//! 5. One HTTP/1.1 request on a fresh connection; the answer's head and body
//!    have limits, the whole has a time-out. No redirect is followed: the next
//!    URL would be the peer's choice.
//!
//! Connections are not kept. A kept one may be closed by the peer in the very
//! moment a request leaves on it, and nobody knows then whether an SMS was
//! sent; TLS sessions are resumed instead, which saves most of the handshake
//! (docs/adr: the guarded client).

mod address;
mod connect;
mod error;
mod policy;
mod request;
mod resolve;
mod tls;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue, USER_AGENT};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

pub use address::Place;
pub use error::{GuardError, GuardErrorKind};
pub use policy::{Policy, Reach};
pub use request::{Answer, BodyEnd, MAX_RETRY_AFTER, MAX_URL_BYTES, OutgoingRequest, OutgoingUrl};
pub use resolve::{Pending, Resolve, SystemResolver};
pub use tls::{InvalidRoots, Roots, authorities_from_pem};

use crate::secret::Secret;
use connect::Stream;

/// The smallest head that hyper can be held to, in bytes.
const MIN_HEAD_BYTES: usize = 8 * 1024;

/// Who asks.
const AGENT: HeaderValue = HeaderValue::from_static(concat!("mayday/", env!("CARGO_PKG_VERSION")));

/// Who resolves names behind a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyNames {
    /// We do, check the addresses, and ask the proxy for the first of them.
    Here,
    /// The proxy does: where only it can. Then it must refuse private
    /// addresses itself; we still refuse them as literals.
    AtProxy,
}

/// An HTTP proxy that takes CONNECT.
#[derive(Clone, Debug)]
pub struct Proxy {
    /// Its name or address; the policy does not apply to it.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// `user:password` for Basic authentication.
    pub credentials: Option<Secret>,
    /// Who resolves names.
    pub names: ProxyNames,
}

/// Limits and surroundings of a [`GuardedClient`].
#[derive(Clone, Debug)]
pub struct GuardSettings {
    /// For resolving, connecting and the TLS handshake together.
    pub connect_timeout: Duration,
    /// For everything, from the first step to the end of the body.
    pub total_timeout: Duration,
    /// Bytes of a body that are kept; the rest is cut off.
    pub max_body_bytes: usize,
    /// Bytes of an answer's head, at least 8192.
    pub max_head_bytes: usize,
    /// Headers of an answer.
    pub max_headers: usize,
    /// The own address that connections leave from.
    pub bind: Option<IpAddr>,
    /// A proxy to go through.
    pub proxy: Option<Proxy>,
    /// Whom TLS trusts.
    pub roots: Roots,
}

impl Default for GuardSettings {
    /// 5 s to connect, 15 s in all (contract: Partner notifications), 64 KiB
    /// of body, 16 KiB of head, 64 headers.
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            total_timeout: Duration::from_secs(15),
            max_body_bytes: 64 * 1024,
            max_head_bytes: 16 * 1024,
            max_headers: 64,
            bind: None,
            proxy: None,
            roots: Roots::Mozilla,
        }
    }
}

struct Shared {
    settings: GuardSettings,
    tls: Arc<rustls::ClientConfig>,
    resolver: Arc<dyn Resolve>,
}

/// Sends requests under one [`Policy`]. Cheap to clone.
#[derive(Clone)]
pub struct GuardedClient {
    shared: Arc<Shared>,
    policy: Policy,
}

impl GuardedClient {
    /// A client for [`Policy::PUBLIC`]. Fails when an authority in
    /// [`GuardSettings::roots`] cannot be used.
    pub fn new(settings: GuardSettings, resolver: Arc<dyn Resolve>) -> Result<Self, InvalidRoots> {
        let tls = tls::client_config(&settings.roots)?;
        Ok(Self {
            shared: Arc::new(Shared {
                settings,
                tls,
                resolver,
            }),
            policy: Policy::PUBLIC,
        })
    }

    /// The same client under another policy.
    pub fn with_policy(&self, policy: Policy) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            policy,
        }
    }

    /// From where requests leave, in words.
    pub fn leaves_from(&self) -> String {
        let settings = &self.shared.settings;
        match (&settings.proxy, settings.bind) {
            (Some(proxy), _) => format!("through the proxy {}:{}", proxy.host, proxy.port),
            (None, Some(address)) => format!("from {address}"),
            (None, None) => "from whatever address this machine has outside".to_owned(),
        }
    }

    /// Sends a request. `Ok` is any answer whose head arrived, redirects and
    /// errors included; [`GuardError::maybe_sent`] says of an error whether the
    /// peer may have acted.
    pub async fn send(&self, request: OutgoingRequest) -> Result<Answer, GuardError> {
        let settings = &self.shared.settings;
        let start = Instant::now();
        let deadline = start + settings.total_timeout;
        let connected_by = deadline.min(start + settings.connect_timeout);
        let origin = request.url.origin();
        let fail = |kind| GuardError::new(kind, &origin);

        let stream = timeout_at(connected_by, self.connect(&request.url))
            .await
            .map_err(|_| fail(GuardErrorKind::ConnectTimeout))??;
        let outgoing = assemble(request).map_err(|why| fail(GuardErrorKind::Url(why)))?;

        // The driver moves the bytes; it ends with this set, whatever happens.
        let mut driver = JoinSet::new();
        let exchanged = timeout_at(deadline, self.exchange(stream, outgoing, &mut driver)).await;
        let answer = match exchanged {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) if error.is_parse() => {
                return Err(fail(GuardErrorKind::BadAnswer).because(error));
            }
            Ok(Err(error)) => return Err(fail(GuardErrorKind::BrokenOff).because(error)),
            Err(_) => return Err(fail(GuardErrorKind::Timeout)),
        };
        let (head, body) = answer.into_parts();
        let (body, body_end) = read_body(body, settings.max_body_bytes, deadline).await;
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body,
            body_end,
        })
    }

    async fn exchange(
        &self,
        stream: Box<dyn Stream>,
        request: Request<Full<Bytes>>,
        driver: &mut JoinSet<()>,
    ) -> hyper::Result<Response<Incoming>> {
        let settings = &self.shared.settings;
        let (mut sender, connection) = http1::Builder::new()
            .max_headers(settings.max_headers)
            .max_buf_size(settings.max_head_bytes.max(MIN_HEAD_BYTES))
            .handshake(TokioIo::new(stream))
            .await?;
        driver.spawn(async move {
            // Its error reaches the sender as well.
            let _ = connection.await;
        });
        sender.send_request(request).await
    }
}

impl fmt::Debug for GuardedClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardedClient")
            .field("settings", &self.shared.settings)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

/// The request as hyper takes it: path and query only, the host in its header.
fn assemble(request: OutgoingRequest) -> Result<Request<Full<Bytes>>, &'static str> {
    let OutgoingRequest {
        method,
        url,
        headers,
        body,
    } = request;
    let mut outgoing = Request::new(Full::new(body));
    *outgoing.method_mut() = method;
    *outgoing.uri_mut() = url
        .path_and_query()
        .parse()
        .map_err(|_| "its path is not taken")?;
    *outgoing.headers_mut() = headers;
    let host = HeaderValue::try_from(url.authority()).map_err(|_| "its host is not taken")?;
    outgoing.headers_mut().insert(HOST, host);
    outgoing.headers_mut().entry(USER_AGENT).or_insert(AGENT);
    Ok(outgoing)
}

/// Reads at most `limit` bytes and at most until `deadline`. What the head said
/// stays true however the body ends.
async fn read_body(mut body: Incoming, limit: usize, deadline: Instant) -> (Bytes, BodyEnd) {
    let mut kept = BytesMut::new();
    loop {
        let frame = match timeout_at(deadline, body.frame()).await {
            Err(_) => return (kept.freeze(), BodyEnd::TimedOut),
            Ok(None) => return (kept.freeze(), BodyEnd::Complete),
            Ok(Some(Err(_))) => return (kept.freeze(), BodyEnd::Broken),
            Ok(Some(Ok(frame))) => frame,
        };
        let Some(data) = frame.data_ref() else {
            continue;
        };
        let room = limit - kept.len();
        kept.extend_from_slice(data.get(..room.min(data.len())).unwrap_or_default());
        if data.len() > room {
            return (kept.freeze(), BodyEnd::TooLong);
        }
    }
}
