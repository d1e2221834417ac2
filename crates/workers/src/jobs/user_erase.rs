//! Carries the erasure of a user on.

use mayday_app::App;
use mayday_app::jobs::Job;
use mayday_core::ids::RecordId;
use serde::Deserialize;

use crate::JobError;

/// The payload that this version understands.
const VERSION: u32 = 1;

#[derive(Deserialize)]
struct Payload {
    version: u32,
    erasure: RecordId,
    turn: u64,
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
    app.carry_on_erasure(payload.erasure, payload.turn).await?;
    Ok(())
}
