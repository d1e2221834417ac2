//! The address under which clients reach this server, for links in answers.
//!
//! It is the setting `http.public_url` where there is one. Otherwise it is taken
//! from the request: the name that the caller used is one that reaches us, and
//! the link goes back to that caller alone (answers are never stored by caches).
//! A name with anything in it that could end the authority is refused.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderName, header};

use crate::problem::Problem;
use crate::serve::Secured;
use crate::state::Api;

/// The longest name and port that is taken from a request, in bytes.
const HOST_LIMIT_BYTES: usize = 255;
/// Where a proxy says which scheme its client used.
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Scheme and authority, and perhaps a path, without a slash at the end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PublicUrl(String);

impl PublicUrl {
    /// The URL of an absolute path below it.
    pub(crate) fn join(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    /// Whether another URL is this one, or lies below it.
    pub(crate) fn covers(&self, other: &str) -> bool {
        let below = other.strip_prefix(self.0.as_str());
        below.is_some_and(|rest| (rest.is_empty() || rest.starts_with('/')) && !rest.contains('#'))
    }

    /// The path that it has itself, without the slash before it; empty where there is none.
    pub(crate) fn path(&self) -> &str {
        let authority = self.0.split_once("://").map_or("", |(_, rest)| rest);
        authority.split_once('/').map_or("", |(_, path)| path)
    }
}

impl FromRequestParts<Api> for PublicUrl {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        match &api.settings.public_url {
            Some(url) => Ok(Self(url.clone())),
            None => of_request(parts, &api.settings.trusted_proxies).ok_or_else(|| {
                let message = "the Host header holds no host: send one, or set http.public_url";
                Problem::field("", message)
            }),
        }
    }
}

fn of_request(parts: &Parts, proxies: &[IpAddr]) -> Option<PublicUrl> {
    let authority = match parts.uri.authority() {
        Some(authority) => authority.clone(),
        None => one(parts, &header::HOST)?.parse::<Authority>().ok()?,
    };
    let text = authority.as_str();
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']');
    if text.is_empty() || text.len() > HOST_LIMIT_BYTES || !text.bytes().all(plain) {
        return None;
    }
    let scheme = if is_https(parts, proxies) {
        "https"
    } else {
        "http"
    };
    Some(PublicUrl(format!("{scheme}://{text}")))
}

/// Whether the caller spoke TLS, with us or with somebody whom we trust.
fn is_https(parts: &Parts, proxies: &[IpAddr]) -> bool {
    if parts.extensions.get::<Secured>().is_some() {
        return true;
    }
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    let trusted = peer.is_some_and(|info| proxies.contains(&info.0.ip().to_canonical()));
    trusted && one(parts, &FORWARDED_PROTO).is_some_and(|word| word.eq_ignore_ascii_case("https"))
}

fn one<'p>(parts: &'p Parts, name: &HeaderName) -> Option<&'p str> {
    let mut values = parts.headers.get_all(name).iter();
    let first = values.next()?;
    if values.next().is_some() {
        return None;
    }
    first.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    fn parts(uri: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(()).unwrap();
        let from: SocketAddr = "10.0.0.1:5".parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(from));
        request.into_parts().0
    }

    fn told(uri: &str, headers: &[(&str, &str)], proxies: &[&str]) -> Option<String> {
        let proxies: Vec<IpAddr> = proxies.iter().map(|ip| ip.parse().unwrap()).collect();
        of_request(&parts(uri, headers), &proxies).map(|url| url.join("/x"))
    }

    #[test]
    fn the_name_that_the_caller_used_is_taken() {
        for (host, expected) in [
            ("api.example.org", "http://api.example.org/x"),
            ("127.0.0.1:8080", "http://127.0.0.1:8080/x"),
            ("[::1]:8080", "http://[::1]:8080/x"),
        ] {
            assert_eq!(told("/", &[("host", host)], &[]).unwrap(), expected);
        }
        let absolute = told("http://a.example:1/p", &[("host", "b")], &[]);
        assert_eq!(absolute.unwrap(), "http://a.example:1/x");
    }

    #[test]
    fn what_lies_below_is_told_from_what_begins_alike() {
        let url = PublicUrl("https://a.example/help".to_owned());
        assert_eq!(url.path(), "help");
        assert_eq!(PublicUrl("https://a.example".to_owned()).path(), "");
        for (other, covered) in [
            ("https://a.example/help", true),
            ("https://a.example/help/", true),
            ("https://a.example/help/v1/sdk", true),
            ("https://a.example/helpless", false),
            ("https://a.example/help#x", false),
            ("https://a.example", false),
            ("https://a.example.org/help", false),
            ("help", false),
            ("", false),
        ] {
            assert_eq!(url.covers(other), covered, "{other}");
        }
    }

    #[test]
    fn a_name_that_could_lead_elsewhere_is_refused() {
        let long = "a".repeat(256);
        for host in [
            "", "a@b", "a/b", "a b", "a?b", "a#b", "a\\b", "a%2fb", "a\"b", &long,
        ] {
            assert_eq!(told("/", &[("host", host)], &[]), None, "{host:?}");
        }
        assert_eq!(told("/", &[], &[]), None);
        assert_eq!(told("/", &[("host", "a"), ("host", "b")], &[]), None);
    }

    #[test]
    fn only_a_trusted_proxy_says_that_it_was_tls() {
        let headers = [("host", "a"), ("x-forwarded-proto", "HTTPS")];
        assert_eq!(told("/", &headers, &[]).unwrap(), "http://a/x");
        assert_eq!(told("/", &headers, &["10.0.0.1"]).unwrap(), "https://a/x");
    }
}
