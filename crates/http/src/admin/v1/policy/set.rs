//! `PUT /v1/admin/apps/{app}/policy`.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use mayday_app::AppError;
use mayday_app::admin::{AdminReply, AdminRequest, PolicyRequest};
use mayday_core::escalation::Policy;
use serde_json::Value;

use super::{PolicyAnswer, tagged};
use crate::admin::allowed::{Allowed, unexpected};
use crate::body::{parse, whole};
use crate::problem::Problem;
use crate::state::Api;

/// A policy as it arrived. An empty body is none: everywhere else it is an empty
/// object, which would put the default in force by accident.
pub(crate) struct Document(Value);

impl FromRequest<Api> for Document {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Problem> {
        let bytes: Bytes = whole(request.into_body(), api.settings.body_timeout).await?;
        if bytes.trim_ascii().is_empty() {
            let message = "the body is empty: send the policy, {} for the default";
            return Err(Problem::field("", message));
        }
        parse(&bytes).map(Self)
    }
}

/// Put another policy in force
///
/// For every SOS from now on. What the policy leaves out takes its default. With
/// `If-Match` it is put in force only if nobody else set one meanwhile.
#[utoipa::path(
    put,
    path = "/v1/admin/apps/{app}/policy",
    operation_id = "adminSetPolicy",
    tag = "Policy",
    params(
        ("app" = String, Path, description = "The app's public id.", example = "shop"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the policy that it is to follow.", example = "\"3\""),
    ),
    request_body(content = Object, description = "The policy."),
    responses(
        (status = 200, description = "The policy, now in force.", body = PolicyAnswer),
        (status = 400, description = "Each setting that is wrong."),
        (status = 412, description = "Another version is in force than `If-Match` names (`conflict`)."),
    ),
)]
pub(crate) async fn set(
    allowed: Allowed,
    headers: HeaderMap,
    Document(policy): Document,
) -> Result<Response, Problem> {
    let expected = expected(&headers)?;
    // Here for the pointer to each faulty setting; it is checked again when it is set.
    Policy::parse(&policy).map_err(|fields| AppError::Validation {
        message: "the policy is not valid: see the fields".to_owned(),
        fields,
        unprocessable: false,
    })?;
    let set = PolicyRequest::Set {
        app_id: allowed.app_id(),
        policy,
        expected,
        by: allowed.by(),
        from: allowed.from(),
    };
    let reply = allowed.ask(AdminRequest::Policy(set), "").await;
    // Only a version that was expected conflicts (RFC 9110, 13.1.1).
    let reply = reply.map_err(|problem| match problem.code() {
        "conflict" => problem.with_status(StatusCode::PRECONDITION_FAILED),
        _ => problem,
    });
    match reply? {
        AdminReply::Policy(view) => Ok(tagged(view)),
        reply => Err(unexpected(&reply)),
    }
}

/// The version that `If-Match` names; none without it, or with `*`.
fn expected(headers: &HeaderMap) -> Result<Option<u32>, Problem> {
    let mut values = headers.get_all(header::IF_MATCH).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" && values.next().is_none() {
        return Ok(None);
    }
    let tag = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    let version = tag.and_then(|tag| tag.parse().ok());
    version
        .filter(|_| values.next().is_none())
        .map(Some)
        .ok_or_else(|| Problem::field("", "If-Match must be one ETag of the policy, such as \"3\""))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn read(values: &[&'static str]) -> Result<Option<u32>, u16> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::IF_MATCH, HeaderValue::from_static(value));
        }
        expected(&headers).map_err(|problem| problem.status().as_u16())
    }

    #[test]
    fn if_match_names_one_version() {
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&["*"]), Ok(None));
        assert_eq!(read(&["\"3\""]), Ok(Some(3)));
        for odd in ["", "3", "\"x\"", "W/\"3\"", "\"3\", \"4\"", "\"-1\""] {
            assert_eq!(read(&[odd]), Err(400), "{odd}");
        }
        assert_eq!(read(&["\"3\"", "\"4\""]), Err(400));
    }
}
