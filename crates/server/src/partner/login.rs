//! The log-in page: who says that they are ana is ana. A real partner asks for more.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use mayday_core::identity::ExternalUserId;
use serde_json::json;

use super::token_info::pair;
use super::{Shared, lock};

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("style.css");

/// What the page shows before anybody logged in.
const FORM: &str = include_str!("form.html");

/// What it shows to whoever did.
const TOKEN: &str = include_str!("token.html");

/// The longest id that the page takes.
const MAX_USER_BYTES: usize = 64;

/// `GET /`
pub(super) async fn page(State(partner): State<Shared>) -> Html<String> {
    shown(partner.settings.app.as_str(), FORM)
}

/// `GET /style.css`
pub(super) async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE)
}

/// `POST /login` with `user`: as JSON it answers with JSON, as a form with a page.
pub(super) async fn log_in(
    State(partner): State<Shared>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let kind = headers.get(header::CONTENT_TYPE);
    let is_json = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    let named = if is_json {
        serde_json::from_slice::<serde_json::Value>(&body)
            .ok()
            .and_then(|told| told.get("user")?.as_str().map(str::to_owned))
    } else {
        pair(&body, "user")
    };
    let Some(user) = named.as_deref().and_then(user) else {
        let why = "user: 1 to 64 of a-z, A-Z, 0-9, dot, dash and underscore";
        return (StatusCode::BAD_REQUEST, Json(json!({"error": why}))).into_response();
    };
    let settings = &partner.settings;
    let now = partner.clock.now();
    let (token, minted) =
        lock(&partner.tokens).mint(user, now, settings.token_life, partner.entropy.as_ref());
    partner.tell(&format!("logged in {}", minted.user.as_str()));
    if is_json {
        let expires_at = minted.expires_at.as_secs();
        let user = minted.user.as_str();
        return Json(json!({"user": user, "token": *token, "expiresAt": expires_at}))
            .into_response();
    }
    let minutes = settings.token_life.as_secs().div_ceil(60);
    let inner = TOKEN
        .replace("{{user}}", &escaped(minted.user.as_str()))
        .replace("{{minutes}}", &minutes.to_string())
        .replace("{{token}}", &escaped(&token));
    shown(settings.app.as_str(), &inner).into_response()
}

fn shown(app: &str, inner: &str) -> Html<String> {
    let page = PAGE.replace("{{inner}}", inner);
    Html(page.replace("{{app}}", &escaped(app)))
}

fn user(text: &str) -> Option<ExternalUserId> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    let fits = (1..=MAX_USER_BYTES).contains(&text.len()) && text.bytes().all(plain);
    fits.then(|| ExternalUserId::parse(text).ok()).flatten()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
