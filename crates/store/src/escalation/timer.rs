//! The jobs of an escalation: one durable timer per incident, and one job per
//! message that is to be sent.

use mayday_core::ids::{AttemptId, IncidentId};
use mayday_core::time::Timestamp;
use serde_json::json;

use crate::error::StoreError;
use crate::jobs::{self, NewJob};
use crate::tx::Tx;

/// The kind of the timer: plan, record, set it to the next time.
pub const ESCALATE_JOB: &str = "escalate";
/// The kind of the job that makes one attempt.
pub const SEND_JOB: &str = "send";
/// The kind of the job that looks again at reports which nobody knew the id of.
pub const REPORT_JOB: &str = "report";

/// Of the payloads.
const VERSION: u32 = 1;
/// A person waits for it.
pub(super) const PRIORITY: i64 = 0;

/// Has the escalation of an incident looked at now, in the transaction of the change
/// that it has to look at.
pub(crate) async fn wake(tx: &mut Tx<'_>, incident: IncidentId) -> Result<(), StoreError> {
    let now = tx.now();
    wake_at(tx, incident, now).await
}

/// Has it looked at by then at the latest.
pub(crate) async fn wake_at(
    tx: &mut Tx<'_>,
    incident: IncidentId,
    due_at: Timestamp,
) -> Result<(), StoreError> {
    let key = format!("{ESCALATE_JOB}:{incident}");
    let job = NewJob {
        kind: ESCALATE_JOB,
        key: &key,
        priority: PRIORITY,
        due_at,
        payload: json!({"version": VERSION, "incident": incident}),
    };
    jobs::wake(tx, job).await
}

/// Enqueues the job that makes an attempt.
pub(super) async fn send(tx: &mut Tx<'_>, attempt: AttemptId) -> Result<(), StoreError> {
    let key = send_key(attempt);
    let due_at = tx.now();
    let job = NewJob {
        kind: SEND_JOB,
        key: &key,
        priority: PRIORITY,
        due_at,
        payload: json!({"version": VERSION, "attempt": attempt}),
    };
    jobs::enqueue(tx, job).await?;
    Ok(())
}

/// The key of that job.
pub(super) fn send_key(attempt: AttemptId) -> String {
    format!("{SEND_JOB}:{attempt}")
}

/// Enqueues the job that looks again at early reports.
pub(super) async fn report(
    tx: &mut Tx<'_>,
    provider: &str,
    provider_id: &str,
    due_at: Timestamp,
) -> Result<(), StoreError> {
    let key = format!("{REPORT_JOB}:{provider}:{provider_id}");
    let job = NewJob {
        kind: REPORT_JOB,
        key: &key,
        priority: PRIORITY,
        due_at,
        payload: json!({
            "version": VERSION,
            "provider": provider,
            "provider_id": provider_id,
        }),
    };
    jobs::enqueue(tx, job).await?;
    Ok(())
}
