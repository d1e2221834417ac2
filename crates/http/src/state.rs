//! What every handler can reach.

use std::sync::Arc;

use axum::extract::FromRef;
use mayday_app::App;

use crate::settings::HttpSettings;

/// The router's state: the use cases and the listener's settings.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) app: Arc<App>,
    pub(crate) settings: Arc<HttpSettings>,
}

impl FromRef<Api> for Arc<App> {
    fn from_ref(api: &Api) -> Self {
        Arc::clone(&api.app)
    }
}
