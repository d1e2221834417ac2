//! `mayday asyncapi`: the description of the MQTT interface.

use crate::failure::Outcome;
use crate::output::print_line;

/// Prints AsyncAPI 3 as JSON.
pub(crate) fn run() -> Outcome {
    print_line(mayday_http::asyncapi_json().trim_end())
}
