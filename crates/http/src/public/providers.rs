//! `POST /v1/public/providers/{provider}/{kind}`: what SMS and voice providers report. Their
//! signature is the proof.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, Uri, header};
use axum::response::{IntoResponse, Response};
use mayday_app::{ProviderReport, ReportKind};

use crate::body;
use crate::problem::Problem;
use crate::state::Api;

/// HMAC-SHA1 over the address and the form, in base64.
const SIGNATURE: HeaderName = HeaderName::from_static("x-twilio-signature");

/// `POST /v1/public/providers/{provider}/{kind}`.
pub(crate) async fn report(
    State(api): State<Api>,
    Path((provider, kind)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
    sent: Body,
) -> Result<Response, Problem> {
    let nowhere = || Problem::not_found("no such provider, or none that reports here");
    let kind = ReportKind::parse(&kind).ok_or_else(nowhere)?;
    let body = body::whole(sent, api.settings.body_timeout).await?;
    let signature = headers.get(SIGNATURE).and_then(|value| value.to_str().ok());
    let report = ProviderReport {
        provider: &provider,
        kind,
        path_and_query: uri.path_and_query().map_or("/", |path| path.as_str()),
        signature: signature.unwrap_or_default(),
        body: &body,
    };
    let markup = api.app.provider_report(report).await?;
    Ok(([(header::CONTENT_TYPE, "text/xml; charset=utf-8")], markup).into_response())
}
