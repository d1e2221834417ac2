//! The key of a partner's backend: `Authorization: Bearer <key>`, never in a path or a
//! query, which logs on the way keep.

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use mayday_app::{AppError, PartnerBackend};

use crate::auth::peer;
use crate::problem::Problem;
use crate::serve::Seat;
use crate::state::Api;

/// A backend that showed a key that is good.
pub(crate) struct Backend(pub(crate) PartnerBackend);

impl FromRequestParts<Api> for Backend {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all(header::AUTHORIZATION).iter();
        let only = match (values.next(), values.next()) {
            (Some(value), None) => value.to_str().ok(),
            _ => None,
        };
        let key = only
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, key)| key.trim().to_owned());
        let peer = peer(parts, &api.settings.trusted_proxies);
        let partner = api.app.partner_backend(key.as_deref(), peer).await;
        let partner = partner.map_err(|error| match error {
            // The sentence of signed routes speaks of headers that nobody sends here.
            AppError::Unauthorized => Problem::no_partner_key(),
            error => error.into(),
        })?;
        if let Some(seat) = parts.extensions.get::<Seat>() {
            seat.proven();
        }
        Ok(Self(partner))
    }
}
