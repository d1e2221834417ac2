//! What the HTTP listener may be told. Defaults are safe and drop-in.

use std::net::IpAddr;
use std::time::Duration;

/// The settings of the HTTP listener.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// Origins that browsers may call from, such as `https://app.example`;
    /// `*` for any. Empty: no CORS headers at all.
    pub cors_origins: Vec<String>,
    /// Reverse proxies whose `X-Forwarded-For` is believed. Empty: the peer's
    /// own address counts.
    pub trusted_proxies: Vec<IpAddr>,
    /// Where clients reach this server, such as `https://api.example.org`, without
    /// a slash at the end. `None`: links are made from the request's own address.
    pub public_url: Option<String>,
    /// From the head of a request to the head of its answer.
    pub request_timeout: Duration,
    /// For the whole body of a request to arrive.
    pub body_timeout: Duration,
    /// From accepting a connection to the end of its TLS handshake.
    pub handshake_timeout: Duration,
    /// For the head of a request to arrive, on an idle connection too.
    pub header_timeout: Duration,
    /// For an answer that the client does not take.
    pub write_timeout: Duration,
    /// Connections at once. A full house closes connections without a proven
    /// caller first, then the one that is idle longest.
    pub max_connections: usize,
    /// How long requests in flight may still take once the drain began.
    pub drain_timeout: Duration,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            cors_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            public_url: None,
            request_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(15),
            handshake_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(15),
            max_connections: 8_192,
            drain_timeout: Duration::from_secs(10),
        }
    }
}

/// An origin in `cors_origins` that cannot be one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an origin: write scheme://host[:port] without a path, or *")]
pub struct InvalidOrigin(pub String);

impl HttpSettings {
    /// Whether every origin is one; ask before serving.
    pub fn check(&self) -> Result<(), InvalidOrigin> {
        match self.cors_origins.iter().find(|text| !is_origin(text)) {
            Some(text) => Err(InvalidOrigin(text.clone())),
            None => Ok(()),
        }
    }
}

/// `*`, or scheme and authority of RFC 6454 as browsers send it.
fn is_origin(text: &str) -> bool {
    if text == "*" {
        return true;
    }
    let Some((scheme, authority)) = text.split_once("://") else {
        return false;
    };
    let visible = authority
        .bytes()
        .all(|b| b.is_ascii_graphic() && !matches!(b, b'/' | b'?' | b'#' | b'@'));
    !scheme.is_empty()
        && scheme.bytes().all(|b| b.is_ascii_lowercase())
        && !authority.is_empty()
        && visible
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_no_path() {
        for good in ["*", "https://app.example", "http://localhost:5173"] {
            assert!(is_origin(good), "{good}");
        }
        for bad in [
            "",
            "app.example",
            "https://",
            "https://a.example/",
            "a b://c",
        ] {
            assert!(!is_origin(bad), "{bad}");
        }
        let settings = HttpSettings {
            cors_origins: vec!["https://a.example/x".into()],
            ..HttpSettings::default()
        };
        assert!(
            settings
                .check()
                .unwrap_err()
                .to_string()
                .contains("https://a.example/x")
        );
    }
}
