//! `POST /v1/partner/sessions/end`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mayday_app::App;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::key::Backend;
use crate::body::JsonBody;
use crate::problem::Problem;

/// Whose sessions.
#[derive(Deserialize, ToSchema)]
#[schema(as = PartnerEndSessions)]
pub(crate) struct EndBody {
    /// Your id of the user: `sub` of your tokens.
    #[schema(example = "ana")]
    user: String,
}

/// What was done.
#[derive(Serialize, ToSchema)]
#[schema(as = PartnerSessionsEnded)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EndedAnswer {
    /// `ok`.
    #[schema(example = "ok")]
    response_code: &'static str,
    /// How many sessions were live.
    #[schema(example = 1)]
    ended: usize,
}

/// End a user's sessions
///
/// For the app's backend: all sessions of the user end, their tokens are refused at
/// once, their connections are cut, and the tokens that opened them open none any
/// more. A user without sessions is a success, too.
#[utoipa::path(
    post,
    path = "/v1/partner/sessions/end",
    operation_id = "partnerEndSessions",
    tag = "Partner",
    request_body = EndBody,
    responses(
        (status = 200, description = "None of the user's sessions is live.", body = EndedAnswer),
        (status = 400, description = "The body is no user's id."),
    ),
)]
pub(crate) async fn end_sessions(
    Backend(partner): Backend,
    State(app): State<Arc<App>>,
    JsonBody(body): JsonBody<EndBody>,
) -> Result<Json<EndedAnswer>, Problem> {
    let ended = app.end_partner_sessions(&partner, &body.user).await?;
    Ok(Json(EndedAnswer {
        response_code: "ok",
        ended,
    }))
}
