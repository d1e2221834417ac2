//! Only loopback names may be asked for.

use std::net::{IpAddr, Ipv4Addr};

use axum::extract::Request;
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::problem::Problem;

/// 421 for a request to any other name (RFC 9110, 15.5.20).
pub(super) async fn loopback_only(request: Request, next: Next) -> Response {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let only = hosts.next().filter(|_| hosts.next().is_none());
    let named = only.and_then(|value| value.to_str().ok());
    if named.is_some_and(is_loopback) {
        next.run(request).await
    } else {
        Problem::other_host().into_response()
    }
}

/// `localhost`, `127.0.0.0/8` or `[::1]`, with or without a port.
fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let bare = name
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    match bare {
        Some(v6) => v6.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()),
        None => {
            name.eq_ignore_ascii_case("localhost")
                || name.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_names_are_answered() {
        for good in [
            "localhost",
            "LOCALHOST:9090",
            "127.0.0.1:9",
            "127.8.8.8",
            "[::1]:9",
            "[::1]",
        ] {
            assert!(is_loopback(good), "{good}");
        }
        for bad in [
            "",
            "evil.example",
            "localhost.evil.example",
            "10.0.0.1:9090",
            "127.0.0.1.evil.example",
            "[fe80::1]:1",
            "::1",
            "localhost:x",
        ] {
            assert!(!is_loopback(bad), "{bad}");
        }
    }
}
