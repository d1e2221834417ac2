//! `POST /t/{token}`: the answer from the form behind a button.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use mayday_app::AppError;
use mayday_core::tracking::TrackingAnswer;

use super::answers;
use crate::auth::Peer;
use crate::body;
use crate::state::Api;

/// `POST /t/{token}`, a form of `answer` and `name`.
pub(crate) async fn answer(
    State(api): State<Api>,
    Path(token): Path<String>,
    Peer(peer): Peer,
    headers: HeaderMap,
    sent: Body,
) -> Response {
    let app = &api.app;
    let bytes = body::whole(sent, api.settings.body_timeout).await;
    let (mut answer, mut name) = (None, None);
    for (key, value) in form_urlencoded::parse(&bytes.unwrap_or_default()) {
        match &*key {
            "answer" => answer = TrackingAnswer::parse(&value),
            "name" => name = Some(value.into_owned()),
            _ => {}
        }
    }
    let answered = match answer {
        Some(answer) => {
            let done = app.answer_tracking(&token, peer, answer, name.as_deref());
            done.await.map(|_| ())
        }
        // Nothing that we asked. The page tells whether there is such a link.
        None => Ok(()),
    };
    match answered {
        Ok(()) => answers::back_to_page(),
        Err(error @ AppError::Conflict { .. }) => {
            // In the contact's language: the link is known to work.
            let now = app.now();
            match app.tracking(&token, peer).await {
                Ok(view) => answers::too_late(&view, now),
                Err(_) => answers::failure(error, &headers, now),
            }
        }
        Err(error) => answers::failure(error, &headers, app.now()),
    }
}
