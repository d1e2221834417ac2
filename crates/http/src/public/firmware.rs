//! `GET /v1/public/firmware/{id}`: the bytes of a release, for whoever holds a
//! signed link.
//!
//! They are sent piece by piece as the client takes them, so that a download
//! holds one piece in memory however large the release is.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use mayday_app::{App, AppError, FirmwareArtifact, PIECE_BYTES};
use mayday_core::ids::RecordId;
use serde::Deserialize;

use crate::path::PathId;
use crate::problem::Problem;
use crate::range::{Wanted, wanted};

/// The signed part of a link.
#[derive(Deserialize)]
pub(crate) struct Signed {
    #[serde(default)]
    expires: String,
    #[serde(default)]
    signature: String,
}

/// `GET /v1/public/firmware/{id}`.
pub(crate) async fn fetch(
    State(app): State<Arc<App>>,
    PathId(id): PathId<RecordId>,
    signed: Result<Query<Signed>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Query(signed) = signed.unwrap_or(Query(Signed {
        expires: String::new(),
        signature: String::new(),
    }));
    let artifact = app
        .open_firmware(id, &signed.expires, &signed.signature)
        .await?;
    let tag = format!("\"{}\"", artifact.sha256);
    if header_is(&headers, &header::IF_NONE_MATCH, &tag) {
        return Ok(answer(StatusCode::NOT_MODIFIED, &tag, Body::empty()));
    }
    // A range of another representation than the client began with is useless.
    let conditional = headers.contains_key(header::IF_RANGE);
    let same = !conditional || header_is(&headers, &header::IF_RANGE, &tag);
    let range = headers.get(header::RANGE).filter(|_| same);
    let range = range.and_then(|value| value.to_str().ok());
    let length = artifact.size_bytes;
    Ok(match wanted(range, length) {
        Wanted::Beyond => {
            let mut response = answer(StatusCode::RANGE_NOT_SATISFIABLE, &tag, Body::empty());
            set(
                &mut response,
                header::CONTENT_RANGE,
                format!("bytes */{length}"),
            );
            response
        }
        Wanted::Whole => part(
            StatusCode::OK,
            app,
            &artifact,
            &tag,
            (0, length.saturating_sub(1)),
        ),
        Wanted::Part { first, last } => {
            let status = StatusCode::PARTIAL_CONTENT;
            let mut response = part(status, app, &artifact, &tag, (first, last));
            let range = format!("bytes {first}-{last}/{length}");
            set(&mut response, header::CONTENT_RANGE, range);
            response
        }
    })
}

/// The bytes from `first` to `last`, both included.
fn part(
    status: StatusCode,
    app: Arc<App>,
    artifact: &FirmwareArtifact,
    tag: &str,
    (first, last): (u64, u64),
) -> Response {
    let release = artifact.release;
    let body = Body::from_stream(stream::try_unfold(first, move |at| {
        let app = Arc::clone(&app);
        async move {
            if at > last {
                return Ok::<_, AppError>(None);
            }
            let ordinal = u32::try_from(at / PIECE_BYTES).unwrap_or(u32::MAX);
            let piece = Bytes::from(app.firmware_piece(release, ordinal).await?);
            let begins = u64::from(ordinal) * PIECE_BYTES;
            let from = usize::try_from(at - begins).unwrap_or(usize::MAX);
            let to = usize::try_from(last - begins).unwrap_or(usize::MAX);
            let to = to.saturating_add(1).min(piece.len());
            if from >= to {
                // Shorter than it must be: a fault of ours, and no endless loop.
                return Err(AppError::NotFound { what: "firmware" });
            }
            let next = at + u64::try_from(to - from).unwrap_or(u64::MAX);
            Ok(Some((piece.slice(from..to), next)))
        }
    }));
    let mut response = answer(status, tag, body);
    let length = (last - first).saturating_add(1);
    set(&mut response, header::CONTENT_LENGTH, length.to_string());
    response
}

fn answer(status: StatusCode, tag: &str, body: Body) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::CONTENT_DISPOSITION, "attachment"),
        (header::ACCEPT_RANGES, "bytes"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    let mut response = (status, headers, body).into_response();
    set(&mut response, header::ETAG, tag.to_owned());
    response
}

fn set(response: &mut Response, name: HeaderName, value: String) {
    if let Ok(value) = HeaderValue::try_from(value) {
        response.headers_mut().insert(name, value);
    }
}

/// Whether a header names this entity tag, perhaps among others.
fn header_is(headers: &HeaderMap, name: &HeaderName, tag: &str) -> bool {
    let values = headers.get_all(name).iter();
    let texts = values.filter_map(|value| value.to_str().ok());
    let mut tags = texts.flat_map(|text| text.split(',')).map(str::trim);
    tags.any(|given| given == tag)
}
