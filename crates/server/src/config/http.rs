//! `[http]`: the SDK's HTTP interface.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::reader::Reader;

/// The SDK's HTTP interface.
#[derive(Clone, Debug)]
pub(crate) struct HttpConfig {
    /// Address and port of the plain listener; port 0 picks a free one.
    pub(crate) listen: Option<SocketAddr>,
    /// Open connections at once.
    pub(crate) max_connections: usize,
    /// A request that takes longer is answered 503.
    pub(crate) request_timeout: Duration,
    /// Origins whose browsers may call; `*` for all.
    pub(crate) cors_origins: Vec<String>,
    /// Where clients reach the server, without a slash at the end; `None`: as the
    /// request says.
    pub(crate) public_url: Option<String>,
    /// Reverse proxies whose `X-Forwarded-For` is believed.
    pub(crate) trusted_proxies: Vec<IpAddr>,
}

impl HttpConfig {
    /// Reads the section.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        let cors_origins = reader.list("http.cors_origins");
        if !cors_origins.iter().all(|origin| is_origin(origin)) {
            reader.refuse(
                "http.cors_origins",
                "must hold origins such as \"https://app.example.org\" (no path), or \"*\"",
            );
        }
        let proxies = reader.list("http.trusted_proxies");
        let trusted_proxies: Vec<IpAddr> = proxies.iter().filter_map(|a| a.parse().ok()).collect();
        if trusted_proxies.len() < proxies.len() {
            reader.refuse(
                "http.trusted_proxies",
                "must hold addresses without a port or a mask, such as \"10.0.0.2\"",
            );
        }
        let public_url = reader.text("http.public_url");
        let public_url = public_url.trim_end_matches('/');
        if !public_url.is_empty() && !is_base(public_url) {
            reader.refuse(
                "http.public_url",
                "must be scheme, host and perhaps port and path, such as \"https://api.example.org\"",
            );
        }
        Self {
            public_url: (!public_url.is_empty()).then(|| public_url.to_owned()),
            trusted_proxies,
            listen: reader.listener("http.listen"),
            max_connections: reader.integer("http.max_connections", 16..=1_000_000),
            request_timeout: reader.seconds("http.request_timeout_seconds", 1..=600),
            cors_origins,
        }
    }
}

/// Whether a text is `scheme://host[:port][/path]` of plain characters.
fn is_base(text: &str) -> bool {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/[]".contains(&b);
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/') && rest.bytes().all(plain))
}

/// Whether a text is `*` or `scheme://host[:port]`.
fn is_origin(text: &str) -> bool {
    let host = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    text == "*"
        || host.is_some_and(|host| !host.is_empty() && !host.contains('/') && host.is_ascii())
}
