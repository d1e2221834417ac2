//! `/v1/sdk/me`: the caller's own profile. `snake_case`.

pub(crate) mod erase;
pub(crate) mod export;
pub(crate) mod show;
pub(crate) mod update;

use mayday_core::profile::User;
use mayday_core::readiness::Readiness;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// The caller's profile.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UserAnswer {
    /// The profile.
    user: UserView,
}

/// A user. An empty text is not set.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = User)]
struct UserView {
    /// The `sdk_user_id` of the MQTT topics.
    #[schema(example = "0199d7a0-3f1e-7c5b-9a44-0c2b7f6d1e10")]
    id: Uuid,
    /// The app's public id, as in `X-App-ID`.
    #[schema(example = "trailguard")]
    app_id: String,
    /// The partner's id of the user, as in `X-User-ID`.
    #[schema(example = "ana-42")]
    external_user_id: String,
    /// At most 120 characters.
    #[schema(example = "Ana Núñez")]
    name: String,
    /// A mail address.
    #[schema(example = "ana@example.org")]
    email: String,
    /// A phone number in E.164.
    #[schema(example = "+34600111222")]
    phone: String,
    /// A postal address, at most 255 characters.
    #[schema(example = "Carrer de Mallorca 401, Barcelona")]
    address: String,
    /// How well prepared the user is for an emergency.
    readiness: ReadinessView,
}

/// How well prepared a user is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Readiness)]
struct ReadinessView {
    /// 0 to 100.
    #[schema(example = 60, minimum = 0, maximum = 100)]
    score: u8,
    /// What is missing, the gravest first: `no_contacts`, `no_provider`,
    /// `nobody_reachable`, `mqtt_not_seen`, `provider_failing`,
    /// `contact_unreachable`, `contact_opted_out`, `no_phone`, `no_device`,
    /// `webhook_failing`.
    #[schema(example = json!(["no_contacts"]))]
    blockers: Vec<&'static str>,
    /// What to do about the gravest; null when nothing is missing.
    #[schema(example = "add an emergency contact")]
    next_step: Option<&'static str>,
}

impl From<User> for UserAnswer {
    fn from(user: User) -> Self {
        let profile = user.profile;
        Self {
            user: UserView {
                id: user.id.uuid(),
                app_id: user.app_id.as_str().to_owned(),
                external_user_id: user.external_user_id.as_str().to_owned(),
                name: profile.name.unwrap_or_default(),
                email: profile.email.unwrap_or_default(),
                phone: profile.phone.unwrap_or_default(),
                address: profile.address.unwrap_or_default(),
                readiness: user.readiness.into(),
            },
        }
    }
}

impl From<Readiness> for ReadinessView {
    fn from(readiness: Readiness) -> Self {
        Self {
            score: readiness.score,
            blockers: readiness
                .blockers
                .into_iter()
                .map(mayday_core::readiness::Blocker::as_str)
                .collect(),
            next_step: readiness.next_step,
        }
    }
}
