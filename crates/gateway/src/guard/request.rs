//! A request on its way out, and the answer to it.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use hyper::{Method, StatusCode};
use mayday_core::time::Timestamp;
use url::{Host, Url};

use super::error::{GuardError, GuardErrorKind};
use super::policy::Policy;

/// The longest URL that is taken, in bytes.
pub const MAX_URL_BYTES: usize = 8 * 1024;

/// The longest wait that a `Retry-After` may ask for: a day. A wrong clock or a
/// joke must not park a message for a year.
pub const MAX_RETRY_AFTER: Duration = Duration::from_hours(24);

/// A URL that was read and whose form was checked. Its text appears nowhere:
/// `Debug` and [`origin`](Self::origin) show scheme, host and port.
#[derive(Clone, PartialEq, Eq)]
pub struct OutgoingUrl(Url);

impl OutgoingUrl {
    /// Reads a URL as browsers do (WHATWG URL): `http` or `https`, with a host,
    /// without credentials.
    pub fn parse(text: &str) -> Result<Self, GuardError> {
        let refuse = |why| Err(GuardError::new(GuardErrorKind::Url(why), ""));
        if text.len() > MAX_URL_BYTES {
            return refuse("it has more than 8192 bytes");
        }
        let Ok(url) = Url::parse(text) else {
            return refuse("it is no absolute URL");
        };
        if !matches!(url.scheme(), "http" | "https") {
            return refuse("it is neither https nor http");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refuse("credentials do not belong into a URL; send them in a header");
        }
        if url.host().is_none() || url.port() == Some(0) {
            return refuse("it names no host and port");
        }
        Ok(Self(url))
    }

    /// Checks what the text alone tells, before any name is resolved: the scheme, and
    /// an address or a name that is known to lie where `policy` does not reach.
    pub fn check(&self, policy: Policy) -> Result<(), GuardError> {
        let fail = |kind| Err(GuardError::new(kind, &self.origin()));
        if !self.is_https() && !policy.plain_http {
            return fail(GuardErrorKind::Url("https only"));
        }
        match policy.check_host(&self.host()) {
            Ok(()) => Ok(()),
            Err(place) => fail(GuardErrorKind::Forbidden(place)),
        }
    }

    /// Scheme, host and port: what may stand in a log.
    pub fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }

    pub(super) fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    pub(super) fn host(&self) -> Host<String> {
        self.0
            .host()
            .map_or_else(|| Host::Domain(String::new()), |host| host.to_owned())
    }

    pub(super) fn port(&self) -> u16 {
        self.0.port_or_known_default().unwrap_or(443)
    }

    /// The `Host` header: the port only when it is not the scheme's own.
    pub(super) fn authority(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        match self.0.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }

    /// Path and query, as they stand in the request line.
    pub(super) fn path_and_query(&self) -> String {
        match self.0.query() {
            Some(query) => format!("{}?{query}", self.0.path()),
            None => self.0.path().to_owned(),
        }
    }
}

impl fmt::Debug for OutgoingUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/..", self.origin())
    }
}

/// A request. `Debug` shows the method and the origin.
#[derive(Clone)]
pub struct OutgoingRequest {
    pub(super) method: Method,
    pub(super) url: OutgoingUrl,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl OutgoingRequest {
    /// A request without body.
    pub fn new(method: Method, url: OutgoingUrl) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }

    /// A POST with a body of that type.
    pub fn post(url: OutgoingUrl, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let mut request = Self::new(Method::POST, url);
        request
            .headers
            .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        request.body = body.into();
        request
    }

    /// Sets a header, in place of an earlier one of that name. What could break
    /// out of the header (line ends, control characters) is an error that does
    /// not repeat the value.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, GuardError> {
        let refuse = |why| GuardError::new(GuardErrorKind::Url(why), "");
        let name = HeaderName::try_from(name).map_err(|_| refuse("a header has no valid name"))?;
        let mut value = HeaderValue::try_from(value)
            .map_err(|_| refuse("a header's value holds control characters"))?;
        value.set_sensitive(true);
        self.headers.insert(name, value);
        Ok(self)
    }

    /// Sets the body, keeping the headers.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }
}

impl fmt::Debug for OutgoingRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.method, self.url)
    }
}

/// How an answer's body ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyEnd {
    /// It is whole.
    Complete,
    /// It was longer than the limit and was cut there.
    TooLong,
    /// The time was up while it came in.
    TimedOut,
    /// The connection broke.
    Broken,
}

/// An answer: at least its head arrived.
#[derive(Clone)]
pub struct Answer {
    /// The status. Redirects are answers like any other: none is followed.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// What arrived of the body, up to the limit.
    pub body: Bytes,
    /// Whether that is all of it.
    pub body_end: BodyEnd,
}

impl Answer {
    /// The body as JSON; nothing when it is not whole or no JSON.
    pub fn json(&self) -> Option<serde_json::Value> {
        match self.body_end {
            BodyEnd::Complete => serde_json::from_slice(&self.body).ok(),
            _ => None,
        }
    }

    /// How long the peer asks to wait (`Retry-After` of RFC 9110, in seconds or
    /// as a date), at most [`MAX_RETRY_AFTER`].
    pub fn retry_after(&self, now: Timestamp) -> Option<Duration> {
        let value = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        let wait = if let Ok(seconds) = value.parse::<u64>() {
            Duration::from_secs(seconds)
        } else {
            read_date(value)?.since(now)
        };
        Some(wait.min(MAX_RETRY_AFTER))
    }

    /// The peer's clock when it answered (`Date` of RFC 9110), to the second.
    pub fn date(&self) -> Option<Timestamp> {
        read_date(self.headers.get(DATE)?.to_str().ok()?.trim())
    }
}

fn read_date(text: &str) -> Option<Timestamp> {
    let date = httpdate::parse_http_date(text).ok()?;
    let since_epoch = date.duration_since(std::time::UNIX_EPOCH).ok()?;
    let seconds = i64::try_from(since_epoch.as_secs()).ok()?;
    Some(Timestamp::from_secs(seconds))
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} with {} bytes, {:?}",
            self.status,
            self.body.len(),
            self.body_end
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_shows_its_origin_only() {
        let url = OutgoingUrl::parse("https://hooks.example:8443/T0/secret?key=1#x").unwrap();
        assert_eq!(format!("{url:?}"), "https://hooks.example:8443/..");
        assert_eq!(url.path_and_query(), "/T0/secret?key=1");
        assert_eq!(url.authority(), "hooks.example:8443");
    }

    #[test]
    fn urls_that_are_not_taken() {
        for text in [
            "",
            "/path",
            "ftp://a.example/",
            "file:///etc/passwd",
            "gopher://a.example",
            "https://",
            "https://user@a.example/",
            "https://user:pass@a.example/",
            "https://:pass@a.example/",
            "https://a.example:0/",
        ] {
            let error = OutgoingUrl::parse(text).unwrap_err();
            assert!(!error.is_temporary() && !error.maybe_sent());
            assert!(!error.to_string().contains("pass@"), "{error}");
        }
    }

    #[test]
    fn header_values_cannot_break_out() {
        let url = OutgoingUrl::parse("https://a.example/").unwrap();
        let request = OutgoingRequest::new(Method::GET, url);
        let error = request
            .header("x-key", "s3cret\r\nx-evil: 1")
            .expect_err("line ends");
        assert!(!format!("{error:?}").contains("s3cret"));
    }

    #[test]
    fn retry_after_in_seconds_and_as_a_date() {
        let now = Timestamp::parse("2026-11-06T08:49:00Z").unwrap();
        let answer = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, value.parse().unwrap());
            Answer {
                status: StatusCode::TOO_MANY_REQUESTS,
                headers,
                body: Bytes::new(),
                body_end: BodyEnd::Complete,
            }
            .retry_after(now)
        };
        assert_eq!(answer("120"), Some(Duration::from_mins(2)));
        assert_eq!(
            answer("Fri, 06 Nov 2026 08:49:37 GMT"),
            Some(Duration::from_secs(37))
        );
        assert_eq!(
            answer("Fri, 06 Nov 2020 08:49:37 GMT"),
            Some(Duration::ZERO)
        );
        assert_eq!(answer("999999999"), Some(MAX_RETRY_AFTER));
        assert_eq!(answer("soon"), None);
    }
}
