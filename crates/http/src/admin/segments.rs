//! The segments of a path by name.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::problem::Problem;
use crate::state::Api;

/// The named segments. What is not readable names nothing: 404.
pub(crate) struct Segments<T>(pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Api> for Segments<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let path = Path::<T>::from_request_parts(parts, api).await;
        let Path(named) = path.map_err(|_| Problem::not_found("there is nothing so named"))?;
        Ok(Self(named))
    }
}
