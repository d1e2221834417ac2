//! `GET /v1/admin/apps/{app}/policy/history`.

use axum::Json;
use mayday_app::admin::{
    AdminReply, AdminRequest, PolicyHistoryItem, PolicyRequest, SettingChange,
};
use mayday_core::time::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::admin::allowed::{Allowed, unexpected};
use crate::admin::page::{Asked, PageQuery};
use crate::problem::Problem;

/// A page of versions.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AdminPolicyHistory)]
pub(crate) struct HistoryAnswer {
    /// Newest first.
    items: Vec<PastPolicy>,
    /// Send it as `cursor`; null on the last page.
    next_cursor: Option<String>,
}

/// A policy as it once was, and what it changed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AdminPolicyVersion)]
struct PastPolicy {
    /// The app's public id.
    #[schema(example = "shop")]
    app_id: String,
    /// Counted from 1.
    #[schema(example = 3)]
    version: u32,
    /// Who set it.
    set_by: Option<String>,
    /// From where.
    set_from: Option<String>,
    /// When.
    #[schema(value_type = Option<String>, format = DateTime)]
    set_at: Option<Timestamp>,
    /// All of it.
    #[schema(value_type = Object)]
    policy: Value,
    /// The settings that differ from the version before, or from the default.
    changes: Vec<Change>,
}

/// A setting that a version changed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AdminSettingChange)]
struct Change {
    /// Which.
    #[schema(example = "grace_seconds")]
    setting: String,
    /// Its value before.
    before: Value,
    /// Its value since.
    after: Value,
}

/// List each version of the policy
///
/// With who set it, when, from where, and what it changed.
#[utoipa::path(
    get,
    path = "/v1/admin/apps/{app}/policy/history",
    operation_id = "adminPolicyHistory",
    tag = "Policy",
    params(
        ("app" = String, Path, description = "The app's public id.", example = "shop"),
        PageQuery,
    ),
    responses(
        (status = 200, description = "A page of versions.", body = HistoryAnswer),
        (status = 400, description = "The limit or the cursor is none."),
    ),
)]
pub(crate) async fn history(
    allowed: Allowed,
    Asked(query): Asked<PageQuery>,
) -> Result<Json<HistoryAnswer>, Problem> {
    let history = PolicyRequest::History {
        app_id: allowed.app_id(),
        page: query.request()?,
    };
    match allowed
        .ask(AdminRequest::Policy(history), "/cursor")
        .await?
    {
        AdminReply::PolicyHistory(page) => Ok(Json(HistoryAnswer {
            items: page.items.into_iter().map(Into::into).collect(),
            next_cursor: page.next_cursor,
        })),
        reply => Err(unexpected(&reply)),
    }
}

impl From<PolicyHistoryItem> for PastPolicy {
    fn from(item: PolicyHistoryItem) -> Self {
        Self {
            app_id: item.view.app_id,
            version: item.view.version,
            set_by: item.view.set_by,
            set_from: item.view.set_from,
            set_at: item.view.set_at,
            policy: item.view.policy,
            changes: item.changes.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<SettingChange> for Change {
    fn from(change: SettingChange) -> Self {
        Self {
            setting: change.setting,
            before: change.before,
            after: change.after,
        }
    }
}
