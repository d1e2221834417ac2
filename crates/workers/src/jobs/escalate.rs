//! Looks at an escalation: what is due is recorded (contract: Escalation).

use mayday_app::App;
use mayday_app::escalation::Progress;
use mayday_app::jobs::Job;
use mayday_core::ids::IncidentId;
use serde::Deserialize;

use crate::JobError;
use crate::error::read_payload;

/// The payload that this version understands.
const VERSION: u64 = 1;

#[derive(Deserialize)]
struct Payload {
    incident: IncidentId,
}

pub(super) async fn run(app: &App, job: &Job) -> Result<Progress, JobError> {
    let payload: Payload = read_payload(&job.payload, VERSION)?;
    Ok(app.run_escalation(job, payload.incident).await?)
}
