//! `GET /v1/sdk/me/export`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt as _, stream};
use mayday_app::{App, ExportCursor, ExportDocument};

use crate::auth::FullCaller;
use crate::problem::Problem;

/// Export everything about the caller
///
/// One JSON document with a member for each kind of record: `profile`, `devices`,
/// `contacts`, `incidents` with their `events`, reports and trails, `telemetry`
/// and more. It is sent as it is read; one that broke off is not valid JSON.
#[utoipa::path(
    get,
    path = "/v1/sdk/me/export",
    operation_id = "exportMe",
    tag = "Identity",
    responses((
        status = 200,
        description = "The document.",
        body = serde_json::Map<String, serde_json::Value>,
    )),
)]
pub(crate) async fn export(
    FullCaller(caller): FullCaller,
    State(app): State<Arc<App>>,
) -> Result<Response, Problem> {
    let (document, head) = ExportDocument::begin(app.now());
    // The first page before the answer begins, so that a store that is down is a 503.
    let first = app.export_me(&caller, &ExportCursor::default()).await?;
    let rest = stream::try_unfold((document, Some(first)), move |(mut document, page)| {
        let (app, caller) = (Arc::clone(&app), caller.clone());
        async move {
            let Some(page) = page else { return Ok(None) };
            let text = document.page(&page);
            let next = match &page.next {
                Some(cursor) => Some(app.export_me(&caller, cursor).await?),
                None => None,
            };
            Ok::<_, mayday_app::AppError>(Some((text, (document, next))))
        }
    });
    let whole = stream::once(async { Ok(head) }).chain(rest);
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"export.json\"",
        ),
    ];
    Ok((headers, Body::from_stream(whole)).into_response())
}
