//! `mayday asyncapi`: the description of the MQTT interface.

use crate::failure::Outcome;
use crate::output::print_document;

/// Prints AsyncAPI 3 as JSON.
pub(crate) fn run() -> Outcome {
    print_document(&mayday_http::asyncapi_json())
}
