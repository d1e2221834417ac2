//! `PUT /v1/sdk/contacts/reorder`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use mayday_app::App;
use mayday_core::ids::ContactId;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::auth::FullCaller;
use crate::body::JsonBody;
use crate::problem::Problem;

/// The wished order.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct ContactOrder {
    /// The id of every contact once, the one to tell first in front.
    #[schema(
        required, nullable = false, value_type = Vec<uuid::Uuid>,
        example = json!(["0199d7a1-52c4-7e0f-8d6b-2a9c3e5f7b01"])
    )]
    order: Option<Vec<String>>,
}

/// Reorder the emergency contacts
///
/// The order must name every contact exactly once; otherwise nothing changes.
#[utoipa::path(
    put,
    path = "/v1/sdk/contacts/reorder",
    operation_id = "reorderContacts",
    tag = "Contacts",
    request_body = ContactOrder,
    responses(
        (status = 204, description = "In the new order."),
        (status = 400, description = "A contact is missing, named twice or not the caller's; nothing changed."),
        (status = 404, description = "The caller has no contacts to reorder."),
    ),
)]
pub(crate) async fn reorder(
    FullCaller(caller): FullCaller,
    State(app): State<Arc<App>>,
    JsonBody(body): JsonBody<ContactOrder>,
) -> Result<StatusCode, Problem> {
    let order = body
        .order
        .ok_or_else(|| Problem::field("/order", "order is required: the id of every contact"))?
        .iter()
        .enumerate()
        .map(|(place, text)| contact_id(place, text))
        .collect::<Result<Vec<_>, _>>()?;
    app.reorder_contacts(&caller, order).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn contact_id(place: usize, text: &str) -> Result<ContactId, Problem> {
    text.parse().map_err(|_| {
        Problem::field(
            &format!("/order/{place}"),
            "order holds something that is not a contact's id",
        )
    })
}
