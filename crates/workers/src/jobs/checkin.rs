//! A check-in timer ran out: its user is overdue.

use mayday_app::jobs::Job;
use mayday_app::{App, CheckInLapse};
use mayday_core::ids::RecordId;
use serde::Deserialize;

use crate::error::{JobError, read_payload};

/// The payload that this version understands.
const VERSION: u64 = 1;

#[derive(Deserialize)]
struct Payload {
    check_in: RecordId,
}

pub(super) async fn run(app: &App, job: &Job) -> Result<(), JobError> {
    let payload: Payload = read_payload(&job.payload, VERSION)?;
    match app.lapse_check_in(payload.check_in).await? {
        CheckInLapse::Over | CheckInLapse::Raised => Ok(()),
        // Another server's clock was ahead when it enqueued or claimed the job.
        CheckInLapse::NotYet => Err(JobError::retry("the timer runs still by this clock")),
    }
}
