//! `/v1/admin/apps/{app}/sessions`: the live sessions of an app's users.

pub(crate) mod end;
pub(crate) mod end_all;
pub(crate) mod list;

use axum::Json;
use mayday_app::admin::{AdminReply, AdminRequest, SessionRequest, SessionTarget};
use serde::Serialize;
use utoipa::ToSchema;

use crate::admin::allowed::{Allowed, unexpected};
use crate::problem::Problem;

/// What was ended.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AdminSessionsEnded)]
pub(crate) struct EndedAnswer {
    /// How many sessions were live.
    #[schema(example = 1)]
    ended: usize,
}

async fn end(
    allowed: &Allowed,
    target: SessionTarget,
    pointer: &str,
) -> Result<Json<EndedAnswer>, Problem> {
    let end = SessionRequest::End {
        app_id: allowed.app_id(),
        target,
    };
    match allowed.ask(AdminRequest::Session(end), pointer).await? {
        AdminReply::SessionsEnded { ended } => Ok(Json(EndedAnswer { ended })),
        reply => Err(unexpected(&reply)),
    }
}
