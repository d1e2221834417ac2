//! Makes one attempt to send a mail of the outbox (contract: Mails).

use mayday_app::App;
use mayday_app::escalation::Progress;
use mayday_app::jobs::Job;
use mayday_core::ids::MailId;
use serde::Deserialize;

use crate::JobError;
use crate::error::read_payload;

/// The payload that this version understands.
const VERSION: u64 = 1;

#[derive(Deserialize)]
struct Payload {
    mail: MailId,
}

pub(super) async fn run(app: &App, job: &Job) -> Result<Progress, JobError> {
    let payload: Payload = read_payload(&job.payload, VERSION)?;
    Ok(app.send_mail(job, payload.mail).await?)
}
