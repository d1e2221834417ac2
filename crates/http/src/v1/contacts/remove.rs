//! `DELETE /v1/sdk/contacts/{id}`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use mayday_app::App;
use mayday_core::ids::ContactId;

use crate::auth::FullCaller;
use crate::path::PathId;
use crate::problem::Problem;

/// Remove an emergency contact
///
/// Those behind it move up, so that priorities stay without gaps.
#[utoipa::path(
    delete,
    path = "/v1/sdk/contacts/{id}",
    operation_id = "removeContact",
    tag = "Contacts",
    params(("id" = Uuid, Path, description = "The contact's id.")),
    responses(
        (status = 204, description = "Removed."),
        (status = 404, description = "No contact of the caller has this id."),
    ),
)]
pub(crate) async fn remove(
    FullCaller(caller): FullCaller,
    State(app): State<Arc<App>>,
    PathId(id): PathId<ContactId>,
) -> Result<StatusCode, Problem> {
    app.remove_contact(&caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
