//! `/v1/sso/signature`: the user's PIN (contract: Signature and its recovery).

pub(crate) mod confirm;
pub(crate) mod questions;
pub(crate) mod reset;
pub(crate) mod set;
pub(crate) mod verify;

use serde::Serialize;
use utoipa::ToSchema;

use super::OK;

/// It was done.
#[derive(Serialize, ToSchema)]
#[schema(as = SsoDone)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Done {
    /// `ok`.
    #[schema(example = "ok")]
    response_code: &'static str,
}

impl Done {
    const fn new() -> Self {
        Self { response_code: OK }
    }
}
