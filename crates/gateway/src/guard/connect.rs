//! From a URL to a stream whose other end was checked.

use std::net::{IpAddr, SocketAddr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use url::Host;

use super::error::{GuardError, GuardErrorKind};
use super::{GuardedClient, OutgoingUrl, Proxy, ProxyNames};

/// The most addresses of one name that are tried.
const MAX_ADDRESSES: usize = 4;

/// The most bytes of a proxy's answer to CONNECT.
const MAX_PROXY_HEAD_BYTES: usize = 8 * 1024;

/// What HTTP is spoken over: TCP, or TLS over it.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Where a connection goes, once checked.
#[derive(Clone)]
enum Route {
    /// To one of these, which the policy allows.
    Addresses(Vec<SocketAddr>),
    /// To this name, which the proxy resolves.
    Name(String, u16),
}

impl GuardedClient {
    /// Resolves, checks, connects and, for `https`, shakes hands.
    pub(super) async fn connect(&self, url: &OutgoingUrl) -> Result<Box<dyn Stream>, GuardError> {
        let origin = url.origin();
        let fail = |kind| GuardError::new(kind, &origin);
        url.check(self.policy)?;
        let host = url.host();
        let route = self.route(&host, url.port(), &origin).await?;
        let tcp = match &self.shared.settings.proxy {
            None => self.dial_any(&route, &origin).await?,
            Some(proxy) => self.dial_through(proxy, &route, &origin).await?,
        };
        // A request is one small write; it must not wait for Nagle.
        tcp.set_nodelay(true)
            .map_err(|error| fail(GuardErrorKind::Unreachable).because(error.kind()))?;
        if !url.is_https() {
            return Ok(Box::new(tcp));
        }
        let name = match host {
            Host::Ipv4(address) => ServerName::from(IpAddr::from(address)),
            Host::Ipv6(address) => ServerName::from(IpAddr::from(address)),
            Host::Domain(name) => ServerName::try_from(name.trim_end_matches('.').to_owned())
                .map_err(|_| fail(GuardErrorKind::Url("its host is no valid name")))?,
        };
        let tls = TlsConnector::from(self.shared.tls.clone())
            .connect(name, tcp)
            .await
            .map_err(|error| fail(GuardErrorKind::Untrusted).because(error))?;
        Ok(Box::new(tls))
    }

    /// Resolves the host once. Addresses that the policy refuses are left out;
    /// if none remains, so is the request.
    async fn route(
        &self,
        host: &Host<String>,
        port: u16,
        origin: &str,
    ) -> Result<Route, GuardError> {
        let fail = |kind| GuardError::new(kind, origin);
        let name = match host {
            Host::Ipv4(address) => {
                return Ok(Route::Addresses(vec![SocketAddr::new(
                    (*address).into(),
                    port,
                )]));
            }
            Host::Ipv6(address) => {
                return Ok(Route::Addresses(vec![SocketAddr::new(
                    (*address).into(),
                    port,
                )]));
            }
            Host::Domain(name) => name,
        };
        if let Some(proxy) = &self.shared.settings.proxy
            && proxy.names == ProxyNames::AtProxy
        {
            return Ok(Route::Name(name.clone(), port));
        }
        let found = self.shared.resolver.resolve(name, port).await;
        let found =
            found.map_err(|error| fail(GuardErrorKind::Unresolved).because(error.kind()))?;
        let mut refused = None;
        let mut allowed = Vec::new();
        for address in found {
            match self.policy.check_address(address.ip()) {
                Ok(()) => allowed.push(address),
                Err(place) => refused = Some(place),
            }
        }
        allowed.truncate(MAX_ADDRESSES);
        match (allowed.is_empty(), refused) {
            (false, _) => Ok(Route::Addresses(allowed)),
            (true, Some(place)) => Err(fail(GuardErrorKind::Forbidden(place))),
            (true, None) => Err(fail(GuardErrorKind::Unresolved)),
        }
    }

    /// Connects to the first address that answers.
    async fn dial_any(&self, route: &Route, origin: &str) -> Result<TcpStream, GuardError> {
        let mut failure = GuardError::new(GuardErrorKind::Unreachable, origin);
        let Route::Addresses(addresses) = route else {
            return Err(failure);
        };
        // Each gets its share of the time, so that one black hole among
        // several addresses does not use up all of it.
        let tries = u32::try_from(addresses.len()).unwrap_or(1).max(1);
        let share = self.shared.settings.connect_timeout / tries;
        for &address in addresses {
            match tokio::time::timeout(share, self.dial(address)).await {
                Ok(Ok(stream)) => match stream.peer_addr() {
                    // The kernel connects where it was told; this holds us to it.
                    Ok(peer) if peer.ip() == address.ip() => return Ok(stream),
                    Ok(_) => failure = failure.because("another peer than the checked one"),
                    Err(error) => failure = failure.because(error.kind()),
                },
                Ok(Err(error)) => failure = failure.because(error.kind()),
                Err(_) => {
                    failure = GuardError::new(GuardErrorKind::ConnectTimeout, origin);
                }
            }
        }
        Err(failure)
    }

    async fn dial(&self, address: SocketAddr) -> std::io::Result<TcpStream> {
        let socket = if address.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        if let Some(own) = self.shared.settings.bind {
            socket.bind(SocketAddr::new(own, 0))?;
        }
        socket.connect(address).await
    }

    /// Asks a proxy for a tunnel (CONNECT of RFC 9110). It is asked for the
    /// address that was checked, unless names are the proxy's business.
    async fn dial_through(
        &self,
        proxy: &Proxy,
        route: &Route,
        origin: &str,
    ) -> Result<TcpStream, GuardError> {
        let fail = |why: &str| GuardError::new(GuardErrorKind::Unreachable, origin).because(why);
        let target = match route {
            Route::Addresses(addresses) => addresses
                .first()
                .map(ToString::to_string)
                .unwrap_or_default(),
            Route::Name(name, port) => format!("{name}:{port}"),
        };
        let own = self
            .shared
            .resolver
            .resolve(&proxy.host, proxy.port)
            .await
            .map_err(|_| fail("the proxy's name cannot be resolved"))?;
        let mut stream = None;
        for address in own.into_iter().take(MAX_ADDRESSES) {
            if let Ok(found) = self.dial(address).await {
                stream = Some(found);
                break;
            }
        }
        let mut stream = stream.ok_or_else(|| fail("the proxy cannot be reached"))?;
        let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n");
        if let Some(credentials) = &proxy.credentials {
            request.push_str("Proxy-Authorization: Basic ");
            request.push_str(&STANDARD.encode(credentials.expose()));
            request.push_str("\r\n");
        }
        request.push_str("\r\n");
        let asked = stream.write_all(request.as_bytes()).await;
        asked.map_err(|_| fail("the proxy broke off"))?;
        let head = read_head(&mut stream)
            .await
            .ok_or_else(|| fail("the proxy's answer is not taken"))?;
        match status_of(&head) {
            Some(200..=299) => Ok(stream),
            Some(407) => Err(fail("the proxy does not take the credentials")),
            _ => Err(fail("the proxy refuses")),
        }
    }
}

/// Reads up to the empty line. The peer behind a tunnel speaks second, so
/// anything beyond the head is not what was asked for.
async fn read_head(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut head = Vec::with_capacity(256);
    while head.len() < MAX_PROXY_HEAD_BYTES {
        if stream.read_buf(&mut head).await.ok()? == 0 {
            return None;
        }
        if head.ends_with(b"\r\n\r\n") {
            return Some(head);
        }
    }
    None
}

fn status_of(head: &[u8]) -> Option<u16> {
    let line = std::str::from_utf8(head).ok()?.lines().next()?;
    let mut words = line.split(' ');
    words
        .next()
        .filter(|version| version.starts_with("HTTP/1."))?;
    words.next()?.parse().ok()
}
