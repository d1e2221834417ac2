//! The admin listener: health and metrics, which ask for no proof and change nothing,
//! and the admin API, which asks for an admin key.
//!
//! It listens on loopback, and it answers only to loopback names, so that a page in a
//! browser cannot reach it through a name of its own (DNS rebinding). The API is here
//! and not at the public listener because a key of an operator has no business there.

mod allowed;
mod health;
mod host;
mod metrics;
mod openapi;
mod page;
mod segments;
mod v1;

pub use openapi::admin_openapi_json;

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use mayday_app::App;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

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

/// The routes of the admin API. Each takes [`allowed::Allowed`] first.
fn described_routes() -> OpenApiRouter<Api> {
    OpenApiRouter::with_openapi(openapi::frame())
        .routes(routes!(v1::policy::show::show, v1::policy::set::set))
        .routes(routes!(v1::policy::history::history))
        .routes(routes!(v1::sso::show::show, v1::sso::set::set))
        .routes(routes!(
            v1::sessions::list::list,
            v1::sessions::end_all::end_all
        ))
        .routes(routes!(v1::sessions::end::end))
        .routes(routes!(v1::mail_templates::list::list))
        .routes(routes!(
            v1::mail_templates::show::show,
            v1::mail_templates::set::set,
            v1::mail_templates::remove::remove
        ))
        .routes(routes!(v1::branding::show::show, v1::branding::set::set))
}

/// The router of the admin listener.
pub fn admin_router(app: Arc<App>, settings: HttpSettings, answers_to: AdminHost) -> Router {
    let api = Api::new(app, settings);
    let routes = Router::from(described_routes())
        .route("/openapi.json", get(openapi::document))
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
