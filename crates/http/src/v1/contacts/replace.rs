//! `PUT /v1/sdk/contacts/{id}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mayday_app::App;
use mayday_core::ids::ContactId;

use crate::auth::FullCaller;
use crate::body::JsonBody;
use crate::path::PathId;
use crate::problem::Problem;
use crate::v1::contacts::{ContactAnswer, ContactBody};

/// Replace an emergency contact
///
/// A full replacement: `name`, `phone` and `email` are required again. Without
/// `priority` the contact keeps its place.
#[utoipa::path(
    put,
    path = "/v1/sdk/contacts/{id}",
    operation_id = "replaceContact",
    tag = "Contacts",
    params(("id" = Uuid, Path, description = "The contact's id.")),
    request_body = ContactBody,
    responses(
        (status = 200, description = "The contact as it is now.", body = ContactAnswer),
        (status = 400, description = "A member is missing or not valid."),
        (status = 404, description = "No contact of the caller has this id."),
    ),
)]
pub(crate) async fn replace(
    FullCaller(caller): FullCaller,
    State(app): State<Arc<App>>,
    PathId(id): PathId<ContactId>,
    JsonBody(body): JsonBody<ContactBody>,
) -> Result<Json<ContactAnswer>, Problem> {
    let contact = app.replace_contact(&caller, id, body.into()).await?;
    Ok(Json(contact.into()))
}
