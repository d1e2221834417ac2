//! Makes one attempt to deliver a notification (contract: Partner notifications).

use mayday_app::jobs::Job;
use mayday_app::{App, Delivering};
use mayday_core::ids::DeliveryId;
use serde::Deserialize;

use crate::JobError;

/// The payload that this version understands.
const VERSION: u32 = 1;

#[derive(Deserialize)]
struct Payload {
    version: u32,
    delivery: DeliveryId,
    attempt: i64,
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
    let done = app.deliver_notification(payload.delivery, payload.attempt);
    match done.await? {
        Delivering::Done => Ok(()),
        Delivering::Busy(wait) => Err(JobError::Later(wait)),
    }
}
