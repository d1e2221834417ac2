//! Looks again at a provider's reports that overtook the id they speak of.

use mayday_app::App;
use mayday_app::escalation::Progress;
use mayday_app::jobs::Job;
use serde::Deserialize;

use crate::JobError;
use crate::error::read_payload;

/// The payload that this version understands.
const VERSION: u64 = 1;

#[derive(Deserialize)]
struct Payload {
    provider: String,
    provider_id: String,
}

pub(super) async fn run(app: &App, job: &Job) -> Result<Progress, JobError> {
    let payload: Payload = read_payload(&job.payload, VERSION)?;
    Ok(app
        .review_reports(payload.provider, payload.provider_id)
        .await?)
}
