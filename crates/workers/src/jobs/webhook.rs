//! Makes one attempt to deliver a notification (contract: Partner notifications).

use std::sync::Arc;

use mayday_app::jobs::Job;
use mayday_app::{App, Delivering};
use mayday_core::ids::DeliveryId;
use serde::Deserialize;

use crate::error::{JobError, read_payload};

/// The payload that this version understands.
const VERSION: u64 = 1;

#[derive(Deserialize)]
struct Payload {
    delivery: DeliveryId,
    attempt: i64,
}

pub(super) async fn run(app: &Arc<App>, job: &Job) -> Result<(), JobError> {
    let payload: Payload = read_payload(&job.payload, VERSION)?;
    let done = app.deliver_notification(payload.delivery, payload.attempt);
    match done.await? {
        Delivering::Done => Ok(()),
        Delivering::Busy(wait) | Delivering::Aside(wait) => Err(JobError::Later(wait)),
    }
}
