//! What every handler can reach.

use std::sync::Arc;

use axum::extract::FromRef;
use mayday_app::App;

use crate::public::tracking::live::LivePages;
use crate::settings::HttpSettings;

/// The router's state: the use cases, the listener's settings, and the tracking
/// pages that are open.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) app: Arc<App>,
    pub(crate) settings: Arc<HttpSettings>,
    pub(crate) live: Arc<LivePages>,
}

impl Api {
    pub(crate) fn new(app: Arc<App>, settings: HttpSettings) -> Self {
        Self {
            app,
            settings: Arc::new(settings),
            live: Arc::default(),
        }
    }
}

impl FromRef<Api> for Arc<App> {
    fn from_ref(api: &Api) -> Self {
        Arc::clone(&api.app)
    }
}
