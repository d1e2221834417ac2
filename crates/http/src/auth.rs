//! Who is calling: the three headers of a signed request (contract: Identity).
//!
//! `X-App-ID`, `X-User-ID` (raw bytes of UTF-8, not only ASCII) and
//! `Authorization: Bearer <userHash>`. The authentication style of a route is
//! the type of its first argument: [`FullCaller`] takes a proof that is in
//! force, [`SosCaller`] also one that is stale but genuine, because such a
//! proof still calls for help. Both take the access token of a session in place
//! of the three headers (contract: Sessions); [`SessionCaller`] takes nothing
//! else. There is no other way to a [`Caller`].

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, header};
use mayday_app::{AppError, Urgency};
use mayday_core::identity::{Caller, Proof};
use mayday_core::sso::{TokenKind, token};
use mayday_core::transport::Transport;
use zeroize::Zeroizing;

use crate::problem::Problem;
use crate::serve::Seat;
use crate::state::Api;

/// The app's public id.
pub(crate) const APP_ID: HeaderName = HeaderName::from_static("x-app-id");
/// The partner's id of the user.
pub(crate) const USER_ID: HeaderName = HeaderName::from_static("x-user-id");
/// Where proxies write whom they speak for.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// A caller whose proof is in force.
pub(crate) struct FullCaller(pub(crate) Caller);

/// A caller whose proof is genuine; it may be stale.
pub(crate) struct SosCaller(pub(crate) Caller);

impl FromRequestParts<Api> for FullCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let caller = caller(parts, api, Urgency::Ordinary).await?;
        if caller.is_full() {
            Ok(Self(caller))
        } else {
            Err(stale(&caller, api))
        }
    }
}

/// A caller with an access token that is in force, and the token: for routes that
/// are about the session itself.
pub(crate) struct SessionCaller(pub(crate) Caller, pub(crate) AccessToken);

impl FromRequestParts<Api> for SessionCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let token = AccessToken::from_request_parts(parts, api).await?;
        let peer = peer(parts, &api.settings.trusted_proxies);
        let checked = api
            .app
            .authenticate_session(&token.0, None, peer, Urgency::Ordinary)
            .await;
        let caller = settle(checked, parts, api)?;
        if caller.is_full() {
            Ok(Self(caller, token))
        } else {
            Err(stale(&caller, api))
        }
    }
}

/// The bearer token of a request as it is shown; nothing about it is checked.
pub(crate) struct AccessToken(pub(crate) Zeroizing<String>);

impl FromRequestParts<Api> for AccessToken {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, Problem> {
        let token = bearer(&parts.headers).unwrap_or_default();
        Ok(Self(Zeroizing::new(token.to_owned())))
    }
}

/// A genuine proof where one in force is asked for.
fn stale(caller: &Caller, api: &Api) -> Problem {
    api.app.metrics().auth_failed(Transport::Http, "stale");
    AppError::stale(caller).into()
}

impl FromRequestParts<Api> for SosCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        caller(parts, api, Urgency::Distress).await.map(Self)
    }
}

/// The address that a request comes from, as far as it is believed.
pub(crate) struct Peer(pub(crate) IpAddr);

impl FromRequestParts<Api> for Peer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Infallible> {
        Ok(Self(peer(parts, &api.settings.trusted_proxies)))
    }
}

async fn caller(parts: &Parts, api: &Api, urgency: Urgency) -> Result<Caller, Problem> {
    // A missing header is an empty text: the attempt must count as a failure.
    let proof = Proof {
        app_id: text(&parts.headers, &APP_ID).unwrap_or_default(),
        external_id: text(&parts.headers, &USER_ID).unwrap_or_default(),
        hash: bearer(&parts.headers).unwrap_or_default(),
    };
    let peer = peer(parts, &api.settings.trusted_proxies);
    // An access token says whose it is by itself; no hash has its form.
    let checked = if token::has_form(TokenKind::Access, proof.hash) {
        api.app
            .authenticate_session(proof.hash, None, peer, urgency)
            .await
    } else {
        api.app.authenticate(proof, peer).await
    };
    settle(checked, parts, api)
}

fn settle(checked: Result<Caller, AppError>, parts: &Parts, api: &Api) -> Result<Caller, Problem> {
    match checked {
        Ok(caller) => {
            let span = tracing::Span::current();
            span.record("app.id", caller.app_id.as_str());
            span.record("user.id", tracing::field::display(caller.user));
            if let Some(seat) = parts.extensions.get::<Seat>() {
                seat.proven_by(caller.user);
            }
            Ok(caller)
        }
        Err(error) => {
            api.app.metrics().auth_refused(Transport::Http, &error);
            Err(error.into())
        }
    }
}

/// The header's UTF-8 text. One that is sent twice says nothing: which of the
/// two a proxy in between has checked is unknown.
fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    if values.next().is_some() {
        return None;
    }
    std::str::from_utf8(first.as_bytes()).ok()
}

/// The token of `Authorization: Bearer <token>`; the scheme in any case (RFC 9110, 11.1).
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = text(headers, &header::AUTHORIZATION)?.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim_matches(' '))
}

/// The address that failures are counted for.
pub(crate) fn peer(parts: &Parts, trusted: &[IpAddr]) -> IpAddr {
    let direct = parts
        .extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |info| {
            info.0.ip().to_canonical()
        });
    if !trusted.contains(&direct) {
        return direct;
    }
    // Each proxy appends whom it heard: the last one that is no proxy of ours.
    parts
        .headers
        .get_all(&FORWARDED_FOR)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|hop| hop.trim().parse::<IpAddr>().ok())
        .map(|hop| hop.to_canonical())
        .rfind(|hop| !trusted.contains(hop))
        .unwrap_or(direct)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderValue, Request};

    fn parts(pairs: &[(&str, &[u8])]) -> Parts {
        let mut request = Request::new(());
        for (name, value) in pairs {
            request.headers_mut().append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_bytes(value).unwrap(),
            );
        }
        let from: SocketAddr = "10.0.0.1:5".parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(from));
        request.into_parts().0
    }

    #[test]
    fn a_user_id_is_raw_utf_8() {
        let parts = parts(&[("x-user-id", "maría-😀".as_bytes())]);
        assert_eq!(text(&parts.headers, &USER_ID), Some("maría-😀"));
    }

    #[test]
    fn bad_utf_8_and_a_repeated_header_say_nothing() {
        let bad = parts(&[("x-user-id", &[0xc0, 0xaf])]);
        assert_eq!(text(&bad.headers, &USER_ID), None);
        let twice = parts(&[("x-user-id", b"a"), ("x-user-id", b"b")]);
        assert_eq!(text(&twice.headers, &USER_ID), None);
    }

    #[test]
    fn the_scheme_is_bearer_in_any_case() {
        for (value, token) in [
            ("Bearer ab12", Some("ab12")),
            ("bearer  ab12", Some("ab12")),
            ("Basic ab12", None),
            ("ab12", None),
            ("Bearer", None),
        ] {
            let parts = parts(&[("authorization", value.as_bytes())]);
            assert_eq!(bearer(&parts.headers), token, "{value}");
        }
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let parts = parts(&[("x-forwarded-for", b"1.1.1.1, 2.2.2.2, 10.0.0.2")]);
        let direct: IpAddr = "10.0.0.1".parse().unwrap();
        let proxies = [direct, "10.0.0.2".parse().unwrap()];
        assert_eq!(peer(&parts, &[]), direct);
        assert_eq!(peer(&parts, &proxies).to_string(), "2.2.2.2");
    }
}
