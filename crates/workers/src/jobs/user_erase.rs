//! Carries the erasure of a user on.

use mayday_app::App;
use mayday_app::jobs::Job;
use mayday_core::ids::RecordId;
use serde::Deserialize;

use crate::error::{JobError, read_payload};

/// The payload that this version understands.
const VERSION: u64 = 1;

#[derive(Deserialize)]
struct Payload {
    erasure: RecordId,
    turn: u64,
}

pub(super) async fn run(app: &App, job: &Job) -> Result<(), JobError> {
    let payload: Payload = read_payload(&job.payload, VERSION)?;
    app.carry_on_erasure(payload.erasure, payload.turn).await?;
    Ok(())
}
