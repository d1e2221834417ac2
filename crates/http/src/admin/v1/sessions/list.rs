//! `GET /v1/admin/apps/{app}/sessions`.

use axum::Json;
use mayday_app::admin::{AdminReply, AdminRequest, SessionItem, SessionRequest};
use mayday_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::admin::allowed::{Allowed, only, unexpected};
use crate::admin::page::{Asked, PageQuery};
use crate::problem::Problem;
use crate::v1::sso::DeviceView;

/// Whose sessions, and which page of them.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Your id of the one user; all of the user's sessions are one page.
    #[param(example = "ana")]
    user: Option<String>,
    /// Sessions on a page, 1 to 1000; 100 when missing.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000, example = 100)]
    limit: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A page of live sessions.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AdminSessions)]
pub(crate) struct ListAnswer {
    /// The sessions.
    items: Vec<SessionAnswer>,
    /// Send it as `cursor`; null on the last page.
    next_cursor: Option<String>,
}

/// A live session.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AdminSession)]
struct SessionAnswer {
    /// Its id.
    #[schema(example = "0199d7a2-1b7c-7d11-8f20-6e5d4c3b2a1a")]
    session_id: Uuid,
    /// Your id of the user; empty when the user was erased meanwhile.
    #[schema(example = "ana")]
    external_user_id: String,
    /// The device as the app named it.
    device: DeviceView,
    /// When it was opened.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it was used, to the quarter of a minute.
    #[schema(value_type = String, format = DateTime)]
    used_at: Timestamp,
    /// When it ends by itself if nobody uses it again.
    #[schema(value_type = String, format = DateTime)]
    ends_at: Timestamp,
}

/// List live sessions
///
/// Those of the app, or of one user.
#[utoipa::path(
    get,
    path = "/v1/admin/apps/{app}/sessions",
    operation_id = "adminListSessions",
    tag = "Sessions",
    params(
        ("app" = String, Path, description = "The app's public id.", example = "shop"),
        ListQuery,
    ),
    responses(
        (status = 200, description = "A page of sessions.", body = ListAnswer),
        (status = 400, description = "The user, the limit or the cursor is none."),
    ),
)]
pub(crate) async fn list(
    allowed: Allowed,
    Asked(query): Asked<ListQuery>,
) -> Result<Json<ListAnswer>, Problem> {
    let page = PageQuery {
        limit: query.limit,
        cursor: query.cursor,
    };
    let page = page.request()?;
    let pointer = only([
        ("/user", query.user.is_some()),
        ("/cursor", page.cursor.is_some()),
    ]);
    let list = SessionRequest::List {
        app_id: allowed.app_id(),
        external_id: query.user,
        page,
    };
    match allowed.ask(AdminRequest::Session(list), pointer).await? {
        AdminReply::Sessions(page) => Ok(Json(ListAnswer {
            items: page.items.into_iter().map(Into::into).collect(),
            next_cursor: page.next_cursor,
        })),
        reply => Err(unexpected(&reply)),
    }
}

impl From<SessionItem> for SessionAnswer {
    fn from(item: SessionItem) -> Self {
        Self {
            session_id: item.session_id.0,
            external_user_id: item.external_user_id,
            device: item.device.into(),
            created_at: item.created_at,
            used_at: item.used_at,
            ends_at: item.ends_at,
        }
    }
}
