//! The id in a path.

use std::str::FromStr;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;

use crate::problem::Problem;
use crate::state::Api;

/// The last segment as an id. What cannot be an id names nothing: 404, so that
/// a client need not tell a malformed id from one that is gone.
pub(crate) struct PathId<T>(pub(crate) T);

impl<T: FromStr> FromRequestParts<Api> for PathId<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let nothing = || Problem::not_found("not found: the id in the path is of nothing of yours");
        let Path(text) = Path::<String>::from_request_parts(parts, api)
            .await
            .map_err(|_| nothing())?;
        text.parse().map(Self).map_err(|_| nothing())
    }
}
