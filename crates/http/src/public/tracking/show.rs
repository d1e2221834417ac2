//! `GET /t/{token}`: the page, or with `?answer=..` the question behind a button.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use mayday_app::App;
use mayday_core::tracking::TrackingAnswer;
use serde::Deserialize;

use super::html::Html;
use super::{answers, confirm, page, words};
use crate::auth::Peer;

/// Which question is asked.
#[derive(Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    answer: String,
}

/// `GET /t/{token}`.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Path(token): Path<String>,
    Peer(peer): Peer,
    asked: Result<Query<Asked>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let now = app.now();
    let view = match app.open_tracking(&token, peer).await {
        Ok(view) => view,
        Err(error) => return answers::failure(error, &headers, now),
    };
    let words = words::of_tag(&view.reader.language);
    let html = Html::new(words, now);
    let asked = asked.map(|Query(asked)| asked.answer).unwrap_or_default();
    let text = match TrackingAnswer::parse(&asked) {
        Some(answer) if view.can_be_answered() => {
            let declines = answer == TrackingAnswer::Declined;
            let asks_next = declines && app.tracking_asks_next(&token, peer).await;
            confirm::write(&view, answer, asks_next, html)
        }
        _ => page::write(&view, html),
    };
    answers::page(StatusCode::OK, words.tag, text)
}
