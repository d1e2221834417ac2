//! `/v1/admin/apps/{app}/policy`: how an app escalates.

pub(crate) mod history;
pub(crate) mod set;
pub(crate) mod show;

use axum::Json;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use mayday_app::admin::PolicyView;
use mayday_core::time::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// A policy in force.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AdminPolicy)]
pub(crate) struct PolicyAnswer {
    /// The app's public id.
    #[schema(example = "shop")]
    app_id: String,
    /// Counted from 1; 0 is the default, which nobody set.
    #[schema(example = 3)]
    version: u32,
    /// Who set it: a person at the command line, or `admin-key:` and the key's id.
    set_by: Option<String>,
    /// From where.
    set_from: Option<String>,
    /// When.
    #[schema(value_type = Option<String>, format = DateTime)]
    set_at: Option<Timestamp>,
    /// All of it.
    #[schema(value_type = Object)]
    policy: Value,
}

impl From<PolicyView> for PolicyAnswer {
    fn from(view: PolicyView) -> Self {
        Self {
            app_id: view.app_id,
            version: view.version,
            set_by: view.set_by,
            set_from: view.set_from,
            set_at: view.set_at,
            policy: view.policy,
        }
    }
}

/// The policy with its version as the entity tag.
fn tagged(view: PolicyView) -> Response {
    let tag = format!("\"{}\"", view.version);
    ([(header::ETAG, tag)], Json(PolicyAnswer::from(view))).into_response()
}
