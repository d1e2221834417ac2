//! `POST /v1/sdk/contacts`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use mayday_app::App;

use crate::auth::FullCaller;
use crate::body::JsonBody;
use crate::problem::Problem;
use crate::v1::contacts::{ContactAnswer, ContactBody};

/// Add an emergency contact
///
/// At most 20 per user. A `priority` that is taken inserts and shifts the
/// others; without one the contact goes to the end.
#[utoipa::path(
    post,
    path = "/v1/sdk/contacts",
    operation_id = "addContact",
    tag = "Contacts",
    request_body = ContactBody,
    responses(
        (status = 201, description = "The new contact.", body = ContactAnswer),
        (status = 400, description = "A member is missing or not valid, or there are 20 already."),
    ),
)]
pub(crate) async fn add(
    FullCaller(caller): FullCaller,
    State(app): State<Arc<App>>,
    JsonBody(body): JsonBody<ContactBody>,
) -> Result<(StatusCode, Json<ContactAnswer>), Problem> {
    let contact = app.add_contact(&caller, body.into()).await?;
    Ok((StatusCode::CREATED, Json(contact.into())))
}
