//! `/v1/sdk/checkin`: the timer that calls for help when nobody stops it. camelCase.

pub(crate) mod show;
pub(crate) mod start;
pub(crate) mod stop;

use mayday_core::checkin::{CheckIn, CheckInDraft};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// The timer that runs now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CheckInAnswer {
    /// The timer.
    checkin: CheckInView,
}

/// The timer that runs, if there is one.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CheckInShown {
    /// Null when none runs, also when it ran out: then `GET /v1/sdk/sos` shows
    /// the SOS.
    checkin: Option<CheckInView>,
}

/// A check-in timer. Every member is always present.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CheckIn)]
struct CheckInView {
    /// New with each start.
    #[schema(example = "0199d7a1-52c4-7e0f-8d6b-2a9c3e5f7b01")]
    id: Uuid,
    /// How long it runs.
    #[schema(example = 30, minimum = 1, maximum = 1440)]
    minutes: u32,
    /// What those who help will read.
    #[schema(example = "Walking home along the river")]
    message: Option<String>,
    /// When it was started.
    #[schema(value_type = String, format = DateTime, example = "2026-09-09T10:15:30.123Z")]
    started_at: String,
    /// When it runs out.
    #[schema(value_type = String, format = DateTime, example = "2026-09-09T10:45:30.123Z")]
    due_at: String,
}

/// A timer as asked for.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct CheckInBody {
    /// How long it runs: 1 to 1440, a day.
    #[schema(required, nullable = false, minimum = 1, maximum = 1440, example = 30)]
    minutes: Option<i64>,
    /// What those who help should read; at most 500 characters.
    #[schema(max_length = 500, example = "Walking home along the river")]
    message: Option<String>,
}

impl From<CheckInBody> for CheckInDraft {
    fn from(body: CheckInBody) -> Self {
        Self {
            minutes: body.minutes,
            message: body.message,
        }
    }
}

impl From<CheckIn> for CheckInView {
    fn from(check_in: CheckIn) -> Self {
        Self {
            id: check_in.id.uuid(),
            minutes: check_in.minutes,
            message: check_in.message,
            started_at: check_in.started_at.to_string(),
            due_at: check_in.due_at.to_string(),
        }
    }
}
