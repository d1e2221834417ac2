//! Which page of a list.

use axum::extract::FromRequestParts;
use axum::extract::Query;
use axum::http::request::Parts;
use mayday_app::admin::PageRequest;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;

use crate::problem::Problem;
use crate::state::Api;

/// The most items on a page.
const MAX_LIMIT: u32 = 1_000;

/// A query as a typed value, else 400.
pub(crate) struct Asked<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<Api> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let query = Query::<T>::from_request_parts(parts, api).await;
        let Query(query) = query.map_err(|_| Problem::field("", "the query is not readable"))?;
        Ok(Self(query))
    }
}

/// Which page.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// Items on a page, 1 to 1000; 100 when missing.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000, example = 100)]
    pub(crate) limit: Option<String>,
    /// `next_cursor` of the page before.
    pub(crate) cursor: Option<String>,
}

impl PageQuery {
    /// As the command line asks.
    pub(crate) fn request(self) -> Result<PageRequest, Problem> {
        let text = |text: Option<String>| text.filter(|text| !text.is_empty());
        let limit = text(self.limit).map(|limit| {
            let limit = limit.parse().ok();
            let limit = limit.filter(|limit| (1..=MAX_LIMIT).contains(limit));
            limit.ok_or_else(|| Problem::field("/limit", "limit must be a number from 1 to 1000"))
        });
        Ok(PageRequest {
            limit: limit.transpose()?,
            cursor: text(self.cursor),
        })
    }
}
