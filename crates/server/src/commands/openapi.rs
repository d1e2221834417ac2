//! `mayday openapi`: the description of the HTTP interface.

use crate::failure::Outcome;
use crate::output::Output;

/// Prints OpenAPI 3.1 as JSON.
pub(crate) fn run() -> Outcome {
    Output::new(false).line(mayday_http::openapi_json().trim_end())
}
