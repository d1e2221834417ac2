//! `/v1/admin/apps/{app}/sso`: how many sessions an app's users have, and for how long.

pub(crate) mod set;
pub(crate) mod show;

use mayday_app::admin::SsoView;
use mayday_core::time::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// The cap and the time-outs of an app's sessions.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AdminSessionSettings)]
pub(crate) struct SettingsAnswer {
    /// The app's public id.
    #[schema(example = "shop")]
    app_id: String,
    /// Sessions of one user at once.
    #[schema(example = 1)]
    sessions: u32,
    /// Seconds that an access token lives.
    #[schema(example = 900)]
    access_seconds: u64,
    /// Seconds that a session may be idle.
    #[schema(example = 2_592_000)]
    idle_seconds: u64,
    /// Seconds that a session lives.
    #[schema(example = 7_776_000)]
    absolute_seconds: u64,
    /// When they were set.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl From<SsoView> for SettingsAnswer {
    fn from(view: SsoView) -> Self {
        Self {
            app_id: view.app_id,
            sessions: view.sessions,
            access_seconds: view.access_seconds,
            idle_seconds: view.idle_seconds,
            absolute_seconds: view.absolute_seconds,
            updated_at: view.updated_at,
        }
    }
}
