//! The admin listener: health and metrics. It changes nothing and asks for no
//! proof; it listens on loopback, and it answers only to loopback names, so
//! that a page in a browser cannot reach it through a name of its own (DNS
//! rebinding).

mod health;
mod host;
mod metrics;

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use mayday_app::App;
use tower_http::catch_panic::CatchPanicLayer;

use crate::layers;
use crate::settings::HttpSettings;
use crate::state::Api;

/// Which `Host` the admin listener answers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdminHost {
    /// `localhost` and loopback addresses.
    Loopback,
    /// Any: only for a listener that was told to leave loopback.
    Any,
}

/// The router of the admin listener.
pub fn admin_router(app: Arc<App>, answers_to: AdminHost) -> Router {
    let api = Api::new(app, HttpSettings::default());
    let routes = Router::new()
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .route("/health/engine", get(health::engine))
        .route("/metrics", get(metrics::page))
        .fallback(health::no_route)
        .method_not_allowed_fallback(layers::other_method)
        .layer(from_fn_with_state(api.clone(), layers::limit_time))
        .layer(CatchPanicLayer::custom(layers::panicked));
    let routes = match answers_to {
        AdminHost::Loopback => routes.layer(from_fn(host::loopback_only)),
        AdminHost::Any => routes,
    };
    routes
        .layer(from_fn_with_state(api.clone(), layers::finish))
        .with_state(api)
}
