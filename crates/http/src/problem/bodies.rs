//! The bodies of answers that are no success, in the words of each family of
//! routes.

use mayday_core::field::FieldError;
use mayday_core::sso::session::Lapse;
use mayday_core::time::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::v1::sso::DeviceView;

/// The body of every answer that is not a success.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Error)]
pub(crate) struct ErrorBody {
    /// What went wrong.
    pub(super) error: ErrorDetails,
}

/// What went wrong.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorDetails {
    /// A word for programs.
    #[schema(example = "validation_error")]
    pub(super) code: String,
    /// A sentence for people; it names the faulty field.
    #[schema(example = "phone must be in E.164 form, such as +34600111222")]
    pub(super) message: String,
    /// Each faulty field, when fields are at fault.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub(super) fields: Vec<FaultyField>,
    /// Finds this request in the server's log; also in `X-Request-Id`.
    #[schema(example = "019a5b7e-7c4e-7d0a-9d5c-1f2e3d4c5b6a")]
    pub(super) request_id: String,
    /// What happened to the session, when one was shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    pub(super) context: Option<SessionContext>,
}

/// What happened to a session.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionContext {
    /// When.
    #[schema(value_type = String, example = "2026-09-09T10:15:30.123Z")]
    pub(super) at: Timestamp,
    /// The device that took its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    pub(super) device: Option<DeviceView>,
}

impl SessionContext {
    pub(super) fn of(lapse: &Lapse) -> Self {
        Self {
            at: lapse.at,
            device: lapse.device.clone().map(DeviceView::from),
        }
    }
}

/// The body of every answer of an SSO route that is not a success.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SsoError)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SsoErrorBody {
    /// A word for programs.
    #[schema(example = "session_evicted")]
    pub(super) code: String,
    /// The same word.
    #[schema(example = "session_evicted")]
    pub(super) response_code: String,
    /// Its family: `auth`, `validation`, `limit` or `server`.
    #[schema(example = "auth")]
    pub(super) error_type: String,
    /// A sentence for people.
    pub(super) error: String,
    /// More about it.
    pub(super) data: SsoErrorData,
}

/// More about an error.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SsoErrorData {
    /// The address that the error is about; null when it is about none.
    pub(super) email: Option<String>,
    /// What the error is about.
    pub(super) context: SsoErrorContext,
}

/// What an error is about.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SsoErrorContext {
    /// Finds this request in the server's log; also in `X-Request-Id`.
    pub(super) request_id: String,
    /// When the session ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, value_type = String, example = "2026-09-09T10:15:30.123Z")]
    pub(super) at: Option<Timestamp>,
    /// The device that took its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    pub(super) device: Option<DeviceView>,
    /// `EXPIRED` when the session can be refreshed or has expired, otherwise
    /// `UNAUTHORISED`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    pub(super) state: Option<String>,
    /// The log-in that is pending until its code is confirmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    pub(super) pending: Option<Uuid>,
    /// Each faulty field, when fields are at fault.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub(super) fields: Vec<FaultyField>,
}

/// The body of every answer of an OAuth route that is not a success (RFC 6749,
/// 5.2).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OauthError)]
pub(crate) struct OauthErrorBody {
    /// A word for programs.
    #[schema(example = "invalid_request")]
    pub(super) error: String,
    /// A sentence for people.
    pub(super) error_description: String,
    /// The log-in that is pending until the code of a mail is confirmed, as
    /// `/v1/sso/code` takes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    pub(super) pending: Option<Uuid>,
}

/// One faulty field.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FaultyField {
    /// JSON pointer to the field (RFC 6901).
    #[schema(example = "/phone")]
    pub(super) pointer: String,
    /// What is wrong with it.
    #[schema(example = "phone must be in E.164 form, such as +34600111222")]
    pub(super) message: String,
}

impl FaultyField {
    pub(super) fn of(field: &FieldError) -> Self {
        Self {
            pointer: field.pointer.clone(),
            message: field.message.clone(),
        }
    }
}
