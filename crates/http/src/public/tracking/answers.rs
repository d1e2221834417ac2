//! What every answer of the page has in common: its headers, its language, and
//! what becomes of an error.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use mayday_app::AppError;
use mayday_core::time::Timestamp;
use mayday_core::tracking::TrackingView;

use super::gone;
use super::html::Html;
use super::words;
use crate::problem::Problem;

/// Nothing inline, nothing from elsewhere, in no frame; forms lead back to us.
pub(super) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'none'";
/// The page asks the phone for nothing.
const PERMISSIONS: &str = "geolocation=(), camera=(), microphone=(), payment=(), usb=()";

/// Search engines and archives: a link may be posted where they see it.
pub(crate) const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");
pub(crate) const NO_ROBOTS: &str = "noindex, nofollow, noarchive";
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// A page of that status.
pub(super) fn page(status: StatusCode, language: &'static str, text: String) -> Response {
    let headers: [(HeaderName, &'static str); 9] = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_LANGUAGE, language),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (ROBOTS, NO_ROBOTS),
        (PERMISSIONS_POLICY, PERMISSIONS),
        (OPENER_POLICY, "same-origin"),
        (RESOURCE_POLICY, "same-origin"),
    ];
    (status, headers, text).into_response()
}

/// What is shown instead of the page, in the language of the browser: whose
/// link it might have been is not told.
pub(super) fn failure(error: AppError, headers: &HeaderMap, now: Timestamp) -> Response {
    let words = browser(headers);
    let html = Html::new(words, now);
    let (status, text) = match &error {
        AppError::NotFound { .. } => (StatusCode::NOT_FOUND, gone::unknown(html)),
        AppError::RateLimited { .. } => (StatusCode::TOO_MANY_REQUESTS, gone::slow_down(html)),
        AppError::Conflict { .. } => (StatusCode::CONFLICT, gone::too_late(html)),
        AppError::Unavailable { .. } => (StatusCode::SERVICE_UNAVAILABLE, gone::failed(html)),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, gone::failed(html)),
    };
    let mut response = page(status, words.tag, text);
    // The cause is for the log, the status and `Retry-After` for the browser.
    let problem = Problem::from(error);
    let told = problem.clone().into_response();
    if let Some(wait) = told.headers().get(header::RETRY_AFTER) {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, wait.clone());
    }
    if status.is_server_error() {
        tracing::error!(error.cause = problem.cause(), "a tracking page failed");
    }
    response
}

fn browser(headers: &HeaderMap) -> &'static words::Words {
    let sent = headers.get(header::ACCEPT_LANGUAGE);
    words::of_browser(
        sent.and_then(|value| value.to_str().ok())
            .unwrap_or_default(),
    )
}

/// 303 to the page itself, by an address that does not repeat the token.
pub(super) fn back_to_page() -> Response {
    let headers = [
        (header::LOCATION, HeaderValue::from_static("?")),
        (
            header::REFERRER_POLICY,
            HeaderValue::from_static("no-referrer"),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (StatusCode::SEE_OTHER, headers).into_response()
}

/// 409 in the words of the contact.
pub(super) fn too_late(view: &TrackingView, now: Timestamp) -> Response {
    let words = words::of_tag(&view.reader.language);
    let text = gone::too_late(Html::new(words, now));
    page(StatusCode::CONFLICT, words.tag, text)
}
