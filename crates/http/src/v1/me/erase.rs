//! `DELETE /v1/sdk/me`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use mayday_app::App;

use crate::auth::FullCaller;
use crate::problem::Problem;

/// Erase everything about the caller
///
/// For good: profile, devices, contacts, incidents with their history, telemetry.
/// At once the caller's name and id are gone and connections are cut; the rest
/// follows within minutes. The next contact with the same `X-User-ID` makes a new
/// user. An SOS of somebody else that the caller's phone relayed stays, without
/// who relayed it.
#[utoipa::path(
    delete,
    path = "/v1/sdk/me",
    operation_id = "eraseMe",
    tag = "Identity",
    responses(
        (status = 204, description = "It is under way and cannot be stopped."),
        (status = 409, description = "An SOS of the caller is open (`conflict`): whoever helps needs what is known about the person. Cancel or resolve it first."),
    ),
)]
pub(crate) async fn erase(
    FullCaller(caller): FullCaller,
    State(app): State<Arc<App>>,
) -> Result<StatusCode, Problem> {
    app.erase_me(&caller).await?;
    Ok(StatusCode::NO_CONTENT)
}
