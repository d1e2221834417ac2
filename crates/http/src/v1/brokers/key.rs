//! The key of a broker: `Authorization: Bearer <key>`, or, for brokers that can
//! only put credentials into a URL's authority, `Basic` with the key as password.
//! Never in a path or a query, which logs on the way keep.

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mayday_app::BrokerScope;

use crate::auth::peer;
use crate::problem::Problem;
use crate::serve::Seat;
use crate::state::Api;

/// A broker that showed a key that is good.
pub(crate) struct Broker(pub(crate) BrokerScope);

impl FromRequestParts<Api> for Broker {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all(header::AUTHORIZATION).iter();
        let only = match (values.next(), values.next()) {
            (Some(value), None) => value.to_str().ok(),
            _ => None,
        };
        let key = only.and_then(shown);
        let peer = peer(parts, &api.settings.trusted_proxies);
        let scope = api.app.broker_scope(key.as_deref(), peer)?;
        // A crowd of strangers must not cost the broker its connection.
        if let Some(seat) = parts.extensions.get::<Seat>() {
            seat.proven();
        }
        Ok(Self(scope))
    }
}

fn shown(header: &str) -> Option<String> {
    let (scheme, rest) = header.split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(rest).ok()?).ok()?;
    text.split_once(':')
        .map(|(_, password)| password.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_comes_as_bearer_or_as_basic_password() {
        for (header, key) in [
            ("Bearer bk_1", Some("bk_1")),
            ("bearer  bk_1 ", Some("bk_1")),
            ("Basic YnJva2VyOmJrXzE=", Some("bk_1")),
            ("Basic bm9jb2xvbg==", None),
            ("Basic ***", None),
            ("Digest bk_1", None),
            ("bk_1", None),
        ] {
            assert_eq!(shown(header).as_deref(), key, "{header}");
        }
    }
}
