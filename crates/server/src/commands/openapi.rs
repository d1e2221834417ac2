//! `mayday openapi`: the description of the HTTP interface.

use crate::failure::Outcome;
use crate::output::print_line;

/// Prints OpenAPI 3.1 as JSON.
pub(crate) fn run() -> Outcome {
    print_line(mayday_http::openapi_json().trim_end())
}
