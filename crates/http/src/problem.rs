//! The error body that every route answers with (contract: HTTP conventions).
//!
//! `{"error": {"code", "message", "fields"?: [{"pointer", "message"}], "request_id"}}`
//!
//! `code` is a word of the contract's list, whatever the status: a client that
//! knows only the list understands every answer. The rare statuses that the list
//! has no word of their own for take the nearest one: 405 and 421 `not_found`
//! (nothing is here for such a request), 408 `unavailable` (nothing was done, send
//! it again), 412 `conflict`, and 403 for an admin key's scope `unauthorized`.
//!
//! A handler returns a [`Problem`]. It travels in the response's extensions to
//! [`crate::layers::finish`], which alone writes the body (it knows the request
//! id) and the log line (it knows the route). So there is exactly one place
//! where a fault is logged, and a cause never reaches a client.

mod bodies;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use mayday_app::AppError;
use mayday_core::field::FieldError;
use mayday_core::ids::RecordId;
use mayday_core::sso::session::Lapse;

pub(crate) use bodies::{ErrorBody, OauthErrorBody, SsoErrorBody};
use bodies::{ErrorDetails, FaultyField, SessionContext, SsoErrorContext, SsoErrorData};

/// What went wrong with a request. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Problem(Arc<Details>);

#[derive(Debug)]
struct Details {
    status: StatusCode,
    code: &'static str,
    message: String,
    fields: Vec<FieldError>,
    retry_after_seconds: Option<u64>,
    cause: Option<String>,
    /// What happened to the session.
    lapse: Option<Arc<Lapse>>,
    /// The log-in that is pending.
    pending: Option<Pending>,
    /// The word of OAuth, where `code` does not tell it.
    oauth: Option<&'static str>,
}

/// A log-in that has to be joined with an account.
#[derive(Clone, Debug)]
struct Pending {
    email: String,
    request: RecordId,
}

/// Whose words an error body is in: the route's family decides, whatever
/// credential was used (contract: HTTP conventions).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// `{"error": {..}}`
    Sdk,
    /// `{"code", "responseCode", "errorType", "error", "data"}`
    Sso,
    /// `{"error", "error_description"}` (RFC 6749, 5.2)
    Oauth,
}

impl Family {
    /// The family of a route's template.
    pub(crate) fn of(route: &str) -> Self {
        if route.starts_with("/v1/sso/") {
            Self::Sso
        } else if route.starts_with("/oauth/") {
            Self::Oauth
        } else {
            Self::Sdk
        }
    }
}

/// How long a client should wait after a 503, in seconds.
const UNAVAILABLE_RETRY_SECONDS: u64 = 1;

impl Problem {
    /// 400: a field is wrong; the message names it.
    pub(crate) fn field(pointer: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        Details::new(StatusCode::BAD_REQUEST, "validation_error", message.clone())
            .with_fields(vec![FieldError::new(pointer, message)])
            .into()
    }

    /// 400: OAuth's words for what a token request cannot have.
    pub(crate) fn oauth(code: &'static str, message: &str) -> Self {
        let mut details = Details::new(StatusCode::BAD_REQUEST, code, message);
        details.oauth = Some(code);
        details.into()
    }

    /// The same problem with another status.
    pub(crate) fn with_status(&self, status: StatusCode) -> Self {
        self.changed(status, self.0.oauth)
    }

    /// The same problem as one of a token request: 400 with a word of OAuth (RFC 6749,
    /// 5.2).
    pub(crate) fn of_grant(&self, word: &'static str) -> Self {
        self.changed(StatusCode::BAD_REQUEST, Some(word))
    }

    fn changed(&self, status: StatusCode, oauth: Option<&'static str>) -> Self {
        let details = &self.0;
        Self(Arc::new(Details {
            status,
            oauth,
            code: details.code,
            message: details.message.clone(),
            fields: details.fields.clone(),
            retry_after_seconds: details.retry_after_seconds,
            cause: details.cause.clone(),
            lapse: details.lapse.clone(),
            pending: details.pending.clone(),
        }))
    }

    #[cfg(test)]
    /// 401: no valid proof, or one that does not suffice for the route.
    pub(crate) fn unauthorized() -> Self {
        AppError::Unauthorized.into()
    }

    /// 401: no key of an app's backend that is good.
    pub(crate) fn no_partner_key() -> Self {
        let message = "a partner key that is good is asked for: Authorization: Bearer KEY";
        Details::new(StatusCode::UNAUTHORIZED, "unauthorized", message).into()
    }

    /// 401: no admin key that is good.
    pub(crate) fn no_admin_key() -> Self {
        let message = "an admin key that is good is asked for: Authorization: Bearer KEY";
        Details::new(StatusCode::UNAUTHORIZED, "unauthorized", message).into()
    }

    /// 403: the admin key is good, and not for this.
    pub(crate) fn out_of_scope(message: impl Into<String>) -> Self {
        Details::new(StatusCode::FORBIDDEN, "unauthorized", message).into()
    }

    /// 404: nothing of that id belongs to the caller, or no such route.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Details::new(StatusCode::NOT_FOUND, "not_found", message).into()
    }

    /// 405: the path is known, the method is not.
    pub(crate) fn method_not_allowed() -> Self {
        let message = "this path does not take this method: see the Allow header";
        Details::new(StatusCode::METHOD_NOT_ALLOWED, "not_found", message).into()
    }

    /// 408: the body did not arrive in time.
    pub(crate) fn body_too_slow() -> Self {
        let message = "the body did not arrive in time: send the request again";
        Details::new(StatusCode::REQUEST_TIMEOUT, "unavailable", message).into()
    }

    /// 421: the admin listener was asked by a name that is not its own.
    pub(crate) fn other_host() -> Self {
        let message = "this listener answers to localhost and loopback addresses only";
        Details::new(StatusCode::MISDIRECTED_REQUEST, "not_found", message).into()
    }

    /// 413: the body is larger than the route takes.
    pub(crate) fn payload_too_large(limit_bytes: usize) -> Self {
        AppError::PayloadTooLarge { limit_bytes }.into()
    }

    /// 503: no answer within the time limit. What was started goes on.
    pub(crate) fn too_slow() -> Self {
        let message = "no answer in time: send the request again";
        Details::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message)
            .with_retry(UNAVAILABLE_RETRY_SECONDS)
            .with_cause("the request ran into its time limit".to_owned())
            .into()
    }

    /// 500: a fault of ours; the cause is for the log alone.
    pub(crate) fn internal(cause: impl Into<String>) -> Self {
        Details::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "internal error",
        )
        .with_cause(cause.into())
        .into()
    }

    #[cfg(test)]
    /// The status it answers with.
    pub(crate) fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The word in `error.code`.
    pub(crate) fn code(&self) -> &'static str {
        self.0.code
    }

    /// What stands behind a 5xx, for the log.
    pub(crate) fn cause(&self) -> Option<&str> {
        self.0.cause.as_deref()
    }

    /// The body, now that the request id is known.
    pub(crate) fn body(&self, request_id: &str) -> ErrorBody {
        ErrorBody {
            error: ErrorDetails {
                code: self.0.code.to_owned(),
                message: self.0.message.clone(),
                fields: self.0.fields.iter().map(FaultyField::of).collect(),
                request_id: request_id.to_owned(),
                context: self.0.lapse.as_deref().map(SessionContext::of),
            },
        }
    }

    /// The same in the words of the SSO routes.
    pub(crate) fn sso_body(&self, request_id: &str) -> SsoErrorBody {
        let lapse = self.0.lapse.as_deref();
        SsoErrorBody {
            code: self.0.code.to_owned(),
            response_code: self.0.code.to_owned(),
            error_type: error_type(self.0.status).to_owned(),
            error: self.sentence(),
            data: SsoErrorData {
                email: self.pending().map(|pending| pending.email.clone()),
                context: SsoErrorContext {
                    request_id: request_id.to_owned(),
                    at: lapse.map(|lapse| lapse.at),
                    device: lapse
                        .and_then(|lapse| lapse.device.clone())
                        .map(crate::v1::sso::DeviceView::from),
                    state: lapse.map(|lapse| state_of(lapse).to_owned()),
                    pending: self.pending().map(|pending| pending.request.uuid()),
                    fields: self.0.fields.iter().map(FaultyField::of).collect(),
                },
            },
        }
    }

    /// The same in the words of OAuth.
    pub(crate) fn oauth_body(&self) -> OauthErrorBody {
        let error = self.0.oauth.unwrap_or(match self.0.code {
            "unauthorized" | "app_inactive" => "invalid_client",
            "rate_limited" => "slow_down",
            "unavailable" | "sso_unavailable" => "temporarily_unavailable",
            "internal" => "server_error",
            _ => "invalid_request",
        });
        OauthErrorBody {
            error: error.to_owned(),
            error_description: self.sentence(),
            pending: self.pending().map(|pending| pending.request.uuid()),
        }
    }

    fn pending(&self) -> Option<&Pending> {
        self.0.pending.as_ref()
    }

    /// The sentence for routes that take no signed proof.
    fn sentence(&self) -> String {
        if self.0.code == "unauthorized" {
            return "the app or the token is not known here: check both".to_owned();
        }
        self.0.message.clone()
    }
}

/// The family of a status in the words of the SSO models.
fn error_type(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 | 403 => "auth",
        429 => "limit",
        500.. => "server",
        _ => "validation",
    }
}

/// The state of a session in the words of the SSO models.
fn state_of(lapse: &Lapse) -> &'static str {
    match lapse.code {
        "token_expired" | "session_expired" => "EXPIRED",
        _ => "UNAUTHORISED",
    }
}

impl Details {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            fields: Vec::new(),
            retry_after_seconds: None,
            cause: None,
            lapse: None,
            pending: None,
            oauth: None,
        }
    }

    fn with_fields(mut self, fields: Vec<FieldError>) -> Self {
        self.fields = fields;
        self
    }

    fn with_retry(mut self, seconds: u64) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    fn with_lapse(mut self, lapse: Arc<Lapse>) -> Self {
        self.lapse = Some(lapse);
        self
    }

    fn with_pending(mut self, pending: Pending) -> Self {
        self.pending = Some(pending);
        self
    }

    fn with_cause(mut self, cause: String) -> Self {
        self.cause = Some(cause);
        self
    }
}

impl From<Details> for Problem {
    fn from(details: Details) -> Self {
        Self(Arc::new(details))
    }
}

impl From<AppError> for Problem {
    fn from(error: AppError) -> Self {
        let message = error.to_string();
        let (status, code) = status_and_code(&error);
        let details = Details::new(status, code, message);
        match error {
            AppError::RateLimited { retry_after } => details.with_retry(whole_seconds(retry_after)),
            AppError::Validation { fields, .. } => details.with_fields(fields),
            AppError::Unavailable { source } => details
                .with_retry(UNAVAILABLE_RETRY_SECONDS)
                .with_cause(chain(source.as_ref())),
            AppError::Internal { source } => details.with_cause(chain(source.as_ref())),
            AppError::Session { lapse } => details.with_lapse(lapse),
            AppError::LinkRequired { email, pending } => details.with_pending(Pending {
                email,
                request: pending,
            }),
            AppError::SsoUnavailable {
                reason,
                retry_after,
            } => details
                .with_retry(whole_seconds(retry_after))
                .with_cause(reason.to_string()),
            _ => details,
        }
        .into()
    }
}

fn status_and_code(error: &AppError) -> (StatusCode, &'static str) {
    match error {
        AppError::Unauthorized => (StatusCode::UNAUTHORIZED, "unauthorized"),
        AppError::AppInactive => (StatusCode::UNAUTHORIZED, "app_inactive"),
        AppError::UserBlocked => (StatusCode::FORBIDDEN, "user_blocked"),
        AppError::SignatureInvalid | AppError::WrongSignature => {
            (StatusCode::FORBIDDEN, "signature_invalid")
        }
        AppError::SignatureRequired | AppError::CurrentRequired => {
            (StatusCode::FORBIDDEN, "signature_required")
        }
        AppError::VerificationFailed => (StatusCode::FORBIDDEN, "verification_failed"),
        AppError::LinkRequired { .. } => (StatusCode::CONFLICT, "link_required"),
        AppError::Session { lapse } => (StatusCode::UNAUTHORIZED, lapse.code),
        AppError::InvalidToken { .. } => (StatusCode::UNAUTHORIZED, "invalid_token"),
        AppError::SsoUnavailable { .. } => (StatusCode::SERVICE_UNAVAILABLE, "sso_unavailable"),
        AppError::RateLimited { .. } => (StatusCode::TOO_MANY_REQUESTS, "rate_limited"),
        AppError::Validation { unprocessable, .. } => {
            let status = if *unprocessable {
                StatusCode::UNPROCESSABLE_ENTITY
            } else {
                StatusCode::BAD_REQUEST
            };
            (status, "validation_error")
        }
        AppError::NotFound { .. } => (StatusCode::NOT_FOUND, "not_found"),
        AppError::Conflict { .. } => (StatusCode::CONFLICT, "conflict"),
        AppError::PayloadTooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large"),
        AppError::Unavailable { .. } => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        AppError::Internal { .. } => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
    }
}

/// At least one second: `Retry-After: 0` would invite an immediate retry.
fn whole_seconds(wait: Duration) -> u64 {
    let up = u64::from(wait.subsec_nanos() > 0);
    wait.as_secs().saturating_add(up).max(1)
}

fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text.push_str(": ");
        text.push_str(&source.to_string());
        next = source.source();
    }
    text
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.0.status.into_response();
        let headers = response.headers_mut();
        if self.0.status == StatusCode::UNAUTHORIZED {
            // RFC 9110, 11.6.1: a 401 says which scheme would be taken.
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.0.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn io() -> Box<dyn Error + Send + Sync> {
        Box::new(std::io::Error::other("disk on fire"))
    }

    #[test]
    fn each_error_has_the_status_and_code_of_the_contract() {
        let table = [
            (AppError::Unauthorized, 401, "unauthorized"),
            (AppError::AppInactive, 401, "app_inactive"),
            (AppError::UserBlocked, 403, "user_blocked"),
            (
                AppError::RateLimited {
                    retry_after: Duration::from_millis(1),
                },
                429,
                "rate_limited",
            ),
            (AppError::SignatureInvalid, 403, "signature_invalid"),
            (AppError::WrongSignature, 403, "signature_invalid"),
            (AppError::SignatureRequired, 403, "signature_required"),
            (AppError::CurrentRequired, 403, "signature_required"),
            (AppError::VerificationFailed, 403, "verification_failed"),
            (AppError::field("/phone", "phone?"), 400, "validation_error"),
            (AppError::unknown_device(), 422, "validation_error"),
            (AppError::NotFound { what: "contact" }, 404, "not_found"),
            (
                AppError::Conflict {
                    message: "no".into(),
                },
                409,
                "conflict",
            ),
            (
                AppError::PayloadTooLarge { limit_bytes: 1 },
                413,
                "payload_too_large",
            ),
            (AppError::Unavailable { source: io() }, 503, "unavailable"),
            (AppError::Internal { source: io() }, 500, "internal"),
        ];
        for (error, status, code) in table {
            let problem = Problem::from(error);
            assert_eq!(problem.status().as_u16(), status, "{code}");
            assert_eq!(problem.code(), code);
        }
    }

    #[test]
    fn the_rare_statuses_take_words_of_the_list_too() {
        for (problem, status, code) in [
            (Problem::method_not_allowed(), 405, "not_found"),
            (Problem::body_too_slow(), 408, "unavailable"),
            (Problem::payload_too_large(1), 413, "payload_too_large"),
            (Problem::other_host(), 421, "not_found"),
            (Problem::too_slow(), 503, "unavailable"),
            (Problem::field("/a", "a"), 400, "validation_error"),
            (Problem::internal("x"), 500, "internal"),
        ] {
            assert_eq!(problem.status().as_u16(), status, "{code}");
            assert_eq!(problem.code(), code, "{status}");
        }
    }

    #[test]
    fn a_cause_is_for_the_log_alone() {
        let problem = Problem::from(AppError::Internal { source: io() });
        assert_eq!(problem.cause(), Some("disk on fire"));
        let body = serde_json::to_string(&problem.body("r-1")).unwrap();
        assert_eq!(
            body,
            r#"{"error":{"code":"internal","message":"internal error","request_id":"r-1"}}"#
        );
    }

    #[test]
    fn an_unknown_device_points_at_the_field_clients_react_to() {
        let body = Problem::from(AppError::unknown_device()).body("r");
        assert_eq!(body.error.fields[0].pointer, "/deviceId");
    }

    #[test]
    fn waits_are_whole_seconds_and_never_zero() {
        assert_eq!(whole_seconds(Duration::ZERO), 1);
        assert_eq!(whole_seconds(Duration::from_millis(1_001)), 2);
        let response = Problem::from(AppError::RateLimited {
            retry_after: Duration::from_secs(7),
        })
        .into_response();
        assert_eq!(response.headers()[header::RETRY_AFTER], "7");
        assert_eq!(
            Problem::unauthorized().into_response().headers()[header::WWW_AUTHENTICATE],
            "Bearer"
        );
    }
}
