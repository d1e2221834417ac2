//! `mayday openapi`: the description of the HTTP interface.

use clap::Args;

use crate::failure::Outcome;
use crate::output::print_document;

/// `mayday openapi`
#[derive(Debug, Args)]
pub(crate) struct OpenapiArgs {
    /// Print that of the admin API instead
    #[arg(long)]
    admin: bool,
}

/// Prints `OpenAPI` 3.1 as JSON.
pub(crate) fn run(args: &OpenapiArgs) -> Outcome {
    let document = if args.admin {
        mayday_http::admin_openapi_json()
    } else {
        mayday_http::openapi_json()
    };
    print_document(&document)
}
