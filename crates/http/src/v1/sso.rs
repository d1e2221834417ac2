//! `/v1/sso`: sessions of users whom the app logs in by itself (contract: SSO).
//!
//! Success bodies carry `"responseCode": "ok"`, failures are worded by
//! [`crate::problem`] in the words of the SSO models.

pub(crate) mod code;
pub(crate) mod end;
pub(crate) mod link;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod profile;
pub(crate) mod refresh;
pub(crate) mod session;
pub(crate) mod sessions;
pub(crate) mod settings;
pub(crate) mod signature;

use mayday_app::{SessionGrant, SessionView};
use mayday_core::sso::LoginDevice;
use mayday_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// What every success says.
const OK: &str = "ok";

/// The device of a session, as the app names it.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[schema(as = SessionDevice)]
pub(crate) struct DeviceView {
    /// The app's id of it: the same token from the same device leads to the same
    /// session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(required = false, example = "9f1c")]
    id: Option<String>,
    /// A name for people, shown to whom it takes the place of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(required = false, example = "Ana's phone")]
    name: Option<String>,
    /// Such as `ios`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(required = false, example = "ios")]
    platform: Option<String>,
}

impl From<LoginDevice> for DeviceView {
    fn from(device: LoginDevice) -> Self {
        Self {
            id: device.id,
            name: device.name,
            platform: device.platform,
        }
    }
}

impl From<DeviceView> for LoginDevice {
    fn from(device: DeviceView) -> Self {
        Self {
            id: device.id,
            name: device.name,
            platform: device.platform,
        }
    }
}

/// A session as it is handed out.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionAnswer {
    /// `ok`.
    #[schema(example = "ok")]
    response_code: &'static str,
    /// Proves the session: `Authorization: Bearer` on every route, the password
    /// over MQTT.
    access_token: String,
    /// When the access token ends, in seconds since 1970.
    #[schema(example = 1_788_948_900)]
    expire_at: i64,
    /// The app's own token, as given.
    id_token: String,
    /// Buys the next pair, once.
    refresh_token: String,
}

impl From<SessionGrant> for SessionAnswer {
    fn from(grant: SessionGrant) -> Self {
        Self {
            response_code: OK,
            access_token: grant.access_token.expose().to_owned(),
            expire_at: grant.access_expires_at.as_secs(),
            id_token: grant.id_token.to_string(),
            refresh_token: grant.refresh_token.expose().to_owned(),
        }
    }
}

/// A live session.
#[derive(Serialize, ToSchema)]
#[schema(as = SessionListed)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionItem {
    /// Its id.
    id: Uuid,
    /// The device.
    device: DeviceView,
    /// When it was opened.
    #[schema(value_type = String, example = "2026-09-09T10:15:30.123Z")]
    created_at: Timestamp,
    /// When it was used, to the quarter of a minute.
    #[schema(value_type = String, example = "2026-09-09T10:15:30.123Z")]
    used_at: Timestamp,
    /// When it ends by itself if nobody uses it again.
    #[schema(value_type = String, example = "2026-10-09T10:15:30.123Z")]
    ends_at: Timestamp,
    /// Whether it is the caller's own.
    current: bool,
}

impl From<SessionView> for SessionItem {
    fn from(view: SessionView) -> Self {
        Self {
            id: view.id.uuid(),
            device: view.device.into(),
            created_at: view.created_at,
            used_at: view.used_at,
            ends_at: view.ends_at,
            current: view.current,
        }
    }
}
