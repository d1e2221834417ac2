//! Copies an ended incident's trail to it (contract: Telemetry).

use mayday_app::App;
use mayday_app::jobs::Job;
use mayday_core::ids::{IncidentId, UserId};
use serde::Deserialize;

use crate::error::{JobError, read_payload};

/// The payload that this version understands.
const VERSION: u64 = 1;

#[derive(Deserialize)]
struct Payload {
    incident: IncidentId,
    user: UserId,
}

pub(super) async fn run(app: &App, job: &Job) -> Result<(), JobError> {
    let payload: Payload = read_payload(&job.payload, VERSION)?;
    app.copy_trail(payload.user, payload.incident).await?;
    Ok(())
}
