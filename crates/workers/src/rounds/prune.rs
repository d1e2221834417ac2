//! Lets go of data that is older than it is kept.

use mayday_app::{App, AppError};

pub(super) async fn run(app: &App) -> Result<(), AppError> {
    // Each goes on whatever became of the others: space may be what is missing.
    let telemetry = app.prune_telemetry().await;
    let letters = app.prune_dead_letters().await;
    let triggers = app.forget_old_triggers().await;
    let firmware = app.sweep_firmware().await;
    let deliveries = app.prune_deliveries().await;
    let resumed = app.resume_erasures().await;
    let sessions = app.prune_sessions().await;
    let mails = app.prune_mails().await;
    let bans = app.prune_bans().await;
    let (telemetry, letters, triggers) = (telemetry?, letters?, triggers?);
    let (firmware, deliveries, resumed) = (firmware?, deliveries?, resumed?);
    let (sessions, mails, _) = (sessions?, mails?, bans?);
    if resumed > 0 {
        tracing::warn!(
            erasures = resumed,
            "erasures that had failed too often go on"
        );
    }
    if telemetry > 0
        || letters > 0
        || triggers > 0
        || firmware > 0
        || deliveries > 0
        || sessions > 0
        || mails > 0
    {
        tracing::info!(
            telemetry,
            letters,
            triggers,
            firmware,
            deliveries,
            sessions,
            mails,
            "old data was removed"
        );
    }
    Ok(())
}
