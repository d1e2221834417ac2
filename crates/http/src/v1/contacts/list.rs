//! `GET /v1/sdk/contacts`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mayday_app::App;

use crate::auth::FullCaller;
use crate::problem::Problem;
use crate::v1::contacts::ContactsAnswer;

/// List the emergency contacts
///
/// By ascending priority, 1 first.
#[utoipa::path(
    get,
    path = "/v1/sdk/contacts",
    operation_id = "listContacts",
    tag = "Contacts",
    responses((status = 200, description = "The contacts.", body = ContactsAnswer)),
)]
pub(crate) async fn list(
    FullCaller(caller): FullCaller,
    State(app): State<Arc<App>>,
) -> Result<Json<ContactsAnswer>, Problem> {
    let contacts = app.contacts(&caller).await?;
    Ok(Json(ContactsAnswer {
        contacts: contacts.into_iter().map(Into::into).collect(),
    }))
}
