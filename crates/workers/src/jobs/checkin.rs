//! A check-in timer ran out: its user is overdue.

use mayday_app::jobs::Job;
use mayday_app::{App, CheckInLapse};
use mayday_core::ids::RecordId;
use serde::Deserialize;

use crate::JobError;

/// The payload that this version understands.
const VERSION: u32 = 1;

#[derive(Deserialize)]
struct Payload {
    version: u32,
    check_in: RecordId,
}

pub(super) async fn run(app: &App, job: &Job) -> Result<(), JobError> {
    let payload: Payload = serde_json::from_value(job.payload.clone())
        .map_err(|error| JobError::fail(format!("the payload cannot be read: {error}")))?;
    if payload.version != VERSION {
        return Err(JobError::fail(format!(
            "the payload has version {}, this mayday knows {VERSION}",
            payload.version
        )));
    }
    match app.lapse_check_in(payload.check_in).await? {
        CheckInLapse::Over | CheckInLapse::Raised => Ok(()),
        // Another server's clock was ahead when it enqueued or claimed the job.
        CheckInLapse::NotYet => Err(JobError::retry("the timer runs still by this clock")),
    }
}
