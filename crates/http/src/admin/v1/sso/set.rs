//! `PUT /v1/admin/apps/{app}/sso`.
//!
//! Whom tokens are asked of is the command line's alone: whoever decides that decides
//! who logs in as whom.

use axum::Json;
use mayday_app::admin::{AdminReply, AdminRequest, SsoChange, SsoRequest};
use serde::Deserialize;
use utoipa::ToSchema;

use super::SettingsAnswer;
use crate::admin::allowed::{Allowed, only, unexpected};
use crate::body::JsonBody;
use crate::problem::Problem;

/// What is changed; whatever is missing stays as it is.
#[derive(Deserialize, ToSchema)]
#[schema(as = AdminSessionChange)]
pub(crate) struct ChangeBody {
    /// Sessions of one user at once, 1 to 100.
    #[schema(minimum = 1, maximum = 100, example = 2)]
    sessions: Option<u32>,
    /// Seconds that an access token lives, 60 to 86400.
    #[schema(minimum = 60, maximum = 86_400, example = 900)]
    access_seconds: Option<u32>,
    /// Seconds that a session may be idle.
    #[schema(example = 604_800)]
    idle_seconds: Option<u32>,
    /// Seconds that a session lives, at most 365 days.
    #[schema(example = 2_592_000)]
    absolute_seconds: Option<u32>,
}

/// Change the cap and the time-outs of sessions
///
/// A lower cap ends the sessions of each user that are idle longest.
#[utoipa::path(
    put,
    path = "/v1/admin/apps/{app}/sso",
    operation_id = "adminSetSso",
    tag = "Sessions",
    params(("app" = String, Path, description = "The app's public id.", example = "shop")),
    request_body = ChangeBody,
    responses(
        (status = 200, description = "What is set now.", body = SettingsAnswer),
        (status = 400, description = "The numbers make no sense together."),
    ),
)]
pub(crate) async fn set(
    allowed: Allowed,
    JsonBody(body): JsonBody<ChangeBody>,
) -> Result<Json<SettingsAnswer>, Problem> {
    // Users who do not log in so have nothing that could be changed: 404, and not the
    // command line's advice to give an audience, which is not taken here.
    let show = SsoRequest::Show {
        app_id: allowed.app_id(),
    };
    allowed.ask(AdminRequest::Sso(show), "").await?;
    let pointer = only([
        ("/sessions", body.sessions.is_some()),
        ("/access_seconds", body.access_seconds.is_some()),
        ("/idle_seconds", body.idle_seconds.is_some()),
        ("/absolute_seconds", body.absolute_seconds.is_some()),
    ]);
    let set = SsoRequest::Set {
        app_id: allowed.app_id(),
        change: Box::new(SsoChange {
            sessions: body.sessions,
            access_seconds: body.access_seconds,
            idle_seconds: body.idle_seconds,
            absolute_seconds: body.absolute_seconds,
            ..SsoChange::default()
        }),
    };
    match allowed.ask(AdminRequest::Sso(set), pointer).await? {
        AdminReply::Sso(view) => Ok(Json(view.into())),
        reply => Err(unexpected(&reply)),
    }
}
