//! The whole list of public routes.
//!
//! A route stands here twice, on purpose: once with its handler, once in the
//! authorisation table that says who may call it. A test compares the two with
//! the OpenAPI document and calls each route with no, with a stale and with a
//! full proof.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use mayday_app::App;
use tower::util::MapRequest;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate as _};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::public::tracking;
use crate::settings::HttpSettings;
use crate::state::Api;
use crate::{asyncapi, docs, layers, oauth, openapi, public, v1};

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    Public,
    /// A caller whose proof is in force (`auth::FullCaller`).
    Full,
    /// An external MQTT broker that shows its key.
    Broker,
    /// An app's backend that shows its key.
    Partner,
    /// An SMS or voice provider that signs what it reports.
    Provider,
    /// A caller whose proof is genuine, be it stale (`auth::SosCaller`).
    Sos,
    /// A session that shows its access token (`auth::SessionCaller`).
    Session,
    /// Anybody, with what is in the body: a token of the app, or of ours.
    Login,
}

/// The authorisation table: every route with who may call it.
pub const AUTHORISATION: &[(&str, &str, Access)] = &[
    ("GET", "/openapi.json", Access::Public),
    ("GET", "/asyncapi.json", Access::Public),
    ("GET", "/docs", Access::Public),
    ("GET", "/docs/{file}", Access::Public),
    ("GET", "/v1/sdk/me", Access::Full),
    ("PUT", "/v1/sdk/me", Access::Full),
    ("DELETE", "/v1/sdk/me", Access::Full),
    ("GET", "/v1/sdk/me/export", Access::Full),
    ("POST", "/v1/sdk/sos", Access::Sos),
    ("GET", "/v1/sdk/sos", Access::Sos),
    ("POST", "/v1/sdk/sos/cancel", Access::Full),
    ("POST", "/v1/sdk/sos/resolve", Access::Full),
    ("GET", "/v1/sdk/sos/history", Access::Full),
    ("GET", "/v1/sdk/sos/drill", Access::Full),
    ("POST", "/v1/sdk/sos/drill", Access::Full),
    ("DELETE", "/v1/sdk/sos/drill", Access::Full),
    ("GET", "/v1/sdk/checkin", Access::Full),
    ("POST", "/v1/sdk/checkin", Access::Full),
    ("DELETE", "/v1/sdk/checkin", Access::Full),
    ("POST", "/v1/sdk/telemetry", Access::Sos),
    ("GET", "/v1/sdk/devices", Access::Full),
    ("POST", "/v1/sdk/devices", Access::Full),
    ("DELETE", "/v1/sdk/devices/{id}", Access::Full),
    ("GET", "/v1/sdk/contacts", Access::Full),
    ("POST", "/v1/sdk/contacts", Access::Full),
    ("PUT", "/v1/sdk/contacts/reorder", Access::Full),
    ("PUT", "/v1/sdk/contacts/{id}", Access::Full),
    ("DELETE", "/v1/sdk/contacts/{id}", Access::Full),
    ("GET", "/v1/sdk/device-configs", Access::Full),
    ("GET", "/v1/sdk/network/psk", Access::Full),
    ("GET", "/v1/sdk/firmware/check", Access::Full),
    ("GET", "/v1/sdk/firmware/download/{id}", Access::Full),
    ("GET", "/v1/public/firmware/{id}", Access::Public),
    (
        "POST",
        "/v1/public/providers/{provider}/{kind}",
        Access::Provider,
    ),
    ("GET", "/v1/public/sos/{token}", Access::Public),
    ("POST", "/v1/public/sos/{token}/acknowledge", Access::Public),
    ("POST", "/v1/public/sos/{token}/decline", Access::Public),
    ("GET", "/t/{token}", Access::Public),
    ("POST", "/t/{token}", Access::Public),
    ("GET", "/t/{token}/live", Access::Public),
    ("GET", "/t/assets/{file}", Access::Public),
    ("POST", "/v1/sso/login", Access::Login),
    ("POST", "/v1/sso/refresh", Access::Login),
    ("POST", "/v1/sso/logout", Access::Session),
    ("GET", "/v1/sso/session", Access::Session),
    ("GET", "/v1/sso/sessions", Access::Session),
    ("DELETE", "/v1/sso/sessions/{id}", Access::Session),
    ("POST", "/v1/sso/code", Access::Login),
    ("POST", "/v1/sso/link", Access::Login),
    ("GET", "/v1/sso/profile", Access::Session),
    ("PUT", "/v1/sso/settings", Access::Session),
    ("PUT", "/v1/sso/signature", Access::Session),
    ("POST", "/v1/sso/signature/verify", Access::Session),
    ("PUT", "/v1/sso/signature/questions", Access::Session),
    ("POST", "/v1/sso/signature/reset", Access::Session),
    ("POST", "/v1/sso/signature/reset/confirm", Access::Session),
    ("POST", "/v1/partner/sessions/end", Access::Partner),
    ("POST", "/oauth/token", Access::Login),
    (
        "GET",
        "/.well-known/oauth-authorization-server",
        Access::Public,
    ),
    (
        "GET",
        "/.well-known/oauth-authorization-server/{*path}",
        Access::Public,
    ),
    ("POST", "/v1/sdk/mqtt/auth/connect", Access::Broker),
    ("POST", "/v1/sdk/mqtt/auth/acl", Access::Broker),
];

/// The routes that clients call, with their handlers and descriptions.
pub(crate) fn described_routes() -> OpenApiRouter<Api> {
    OpenApiRouter::with_openapi(openapi::frame())
        .routes(routes!(
            v1::me::show::show,
            v1::me::update::update,
            v1::me::erase::erase
        ))
        .routes(routes!(v1::me::export::export))
        .routes(routes!(v1::sos::show::show, v1::sos::trigger::trigger))
        .routes(routes!(v1::sos::cancel::cancel))
        .routes(routes!(v1::sos::resolve::resolve))
        .routes(routes!(v1::sos::history::history))
        .routes(routes!(
            v1::drill::show::show,
            v1::drill::start::start,
            v1::drill::stop::stop
        ))
        .routes(routes!(
            v1::checkin::show::show,
            v1::checkin::start::start,
            v1::checkin::stop::stop
        ))
        .routes(routes!(v1::telemetry::submit::submit))
        .routes(routes!(
            v1::devices::list::list,
            v1::devices::register::register
        ))
        .routes(routes!(v1::devices::remove::remove))
        .routes(routes!(v1::contacts::list::list, v1::contacts::add::add))
        .routes(routes!(v1::contacts::reorder::reorder))
        .routes(routes!(
            v1::contacts::replace::replace,
            v1::contacts::remove::remove
        ))
        .routes(routes!(v1::device_configs::show::show))
        .routes(routes!(v1::network_keys::show::show))
        .routes(routes!(v1::firmware::check::check))
        .routes(routes!(v1::firmware::download::download))
        .routes(routes!(public::sos::show::show))
        .routes(routes!(public::sos::acknowledge::acknowledge))
        .routes(routes!(public::sos::decline::decline))
        .routes(routes!(v1::sso::login::login))
        .routes(routes!(v1::sso::refresh::refresh))
        .routes(routes!(v1::sso::logout::logout))
        .routes(routes!(v1::sso::session::session))
        .routes(routes!(v1::sso::sessions::sessions))
        .routes(routes!(v1::sso::end::end))
        .routes(routes!(v1::sso::code::code))
        .routes(routes!(v1::sso::link::link))
        .routes(routes!(v1::sso::profile::profile))
        .routes(routes!(v1::sso::settings::settings))
        .routes(routes!(v1::sso::signature::set::set))
        .routes(routes!(v1::sso::signature::verify::verify))
        .routes(routes!(v1::sso::signature::questions::questions))
        .routes(routes!(v1::sso::signature::reset::reset))
        .routes(routes!(v1::sso::signature::confirm::confirm))
        .routes(routes!(v1::partner::end_sessions::end_sessions))
        .routes(routes!(oauth::token::token))
        .routes(routes!(v1::brokers::connect::connect))
        .routes(routes!(v1::brokers::acl::acl))
}

/// What contacts open from a message.
fn tracking_pages() -> Router<Api> {
    let page = get(tracking::show::show).post(tracking::answer::answer);
    Router::new()
        .route("/t/{token}", page)
        .route("/t/{token}/live", get(tracking::live::live))
        .route("/t/assets/{file}", get(tracking::asset::asset))
}

/// The router of the public HTTP listener. Serve it with [`crate::serve()`],
/// which tells it the peer's address.
pub fn router(app: Arc<App>, settings: HttpSettings) -> Router {
    let cors = layers::cors(&settings);
    let api = Api::new(app, settings);
    let routes = Router::from(described_routes())
        .route("/openapi.json", get(openapi::document))
        .route("/asyncapi.json", get(asyncapi::document))
        .route("/docs", get(docs::page))
        .route("/docs/{file}", get(docs::asset))
        .route(
            "/.well-known/oauth-authorization-server",
            get(oauth::metadata::metadata),
        )
        .route(
            "/.well-known/oauth-authorization-server/{*path}",
            get(oauth::metadata::metadata_of),
        )
        .route("/v1/public/firmware/{id}", get(public::firmware::fetch))
        .route(
            "/v1/public/providers/{provider}/{kind}",
            post(public::providers::report),
        )
        .merge(tracking_pages())
        .fallback(layers::no_route)
        .method_not_allowed_fallback(layers::other_method)
        // From here on upwards: the last one added is the outermost.
        .layer(from_fn_with_state(api.clone(), layers::limit_time))
        .layer(CatchPanicLayer::custom(layers::panicked))
        // Firmware is fetched in ranges of the bytes that were hashed.
        .layer(CompressionLayer::new().compress_when(
            DefaultPredicate::new().and(NotForContentType::const_new("application/octet-stream")),
        ));
    let routes = match cors {
        Some(cors) => routes.layer(cors),
        None => routes,
    };
    let routes = routes
        .layer(from_fn_with_state(api.clone(), layers::finish))
        .with_state(api);
    // Before the routing, hence around the router and not a layer of it.
    Router::new().fallback_service(MapRequest::new(
        routes,
        layers::collapse_slashes as fn(_) -> _,
    ))
}
