//! Work that comes round again and again, one file per round.

mod drills;
mod phones;
mod prune;
mod sessions;
mod silent_incidents;
mod sos_records;
mod spill_move;
mod telemetry_expiry;

use std::sync::Arc;
use std::time::Duration;

use mayday_app::{App, AppError};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// How often spilled telemetry is looked for.
const SPILL_MOVE_EVERY: Duration = Duration::from_secs(1);
/// How often open incidents are looked through for silent ones.
const SILENT_EVERY: Duration = Duration::from_mins(1);
/// How often the phones of open incidents are listened to.
const PHONES_EVERY: Duration = Duration::from_secs(10);
/// How often sessions are looked for that have ended by themselves: so late is their
/// connection cut and their partner told.
const SESSIONS_EVERY: Duration = Duration::from_secs(10);
/// How often drills are looked for that have run for too long; all others end by
/// themselves.
const DRILLS_EVERY: Duration = Duration::from_mins(1);
/// How often old records about SOS are let go.
const SOS_RECORDS_EVERY: Duration = Duration::from_mins(10);
/// How often samples are looked for that an app keeps for less time than the server.
const TELEMETRY_EXPIRY_EVERY: Duration = Duration::from_secs(30);
/// How often old data is let go.
const PRUNE_EVERY: Duration = Duration::from_hours(1);

/// Runs all rounds until `shutdown`; the one that has begun is finished.
pub(crate) async fn run(app: Arc<App>, shutdown: CancellationToken) {
    tokio::join!(
        repeat("spill_move", SPILL_MOVE_EVERY, &shutdown, || {
            spill_move::run(&app)
        }),
        repeat("silent_incidents", SILENT_EVERY, &shutdown, || {
            silent_incidents::run(&app)
        }),
        repeat(
            "telemetry_expiry",
            TELEMETRY_EXPIRY_EVERY,
            &shutdown,
            || { telemetry_expiry::run(&app) }
        ),
        repeat("drills", DRILLS_EVERY, &shutdown, || drills::run(&app)),
        repeat("phones", PHONES_EVERY, &shutdown, || phones::run(&app)),
        repeat("sessions", SESSIONS_EVERY, &shutdown, || {
            sessions::run(&app)
        }),
        repeat("prune", PRUNE_EVERY, &shutdown, || prune::run(&app)),
        repeat("sos_records", SOS_RECORDS_EVERY, &shutdown, || {
            sos_records::run(&app)
        }),
    );
}

/// Runs a round now and then every so often. A failure is told once and the
/// round comes again in its time.
async fn repeat<F: Future<Output = Result<(), AppError>>>(
    name: &'static str,
    every: Duration,
    shutdown: &CancellationToken,
    round: impl Fn() -> F,
) {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failing = false;
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = ticks.tick() => {}
        }
        match round().await {
            Ok(()) => failing = false,
            Err(error) if failing => tracing::debug!(round = name, %error, "still failing"),
            Err(error) => {
                failing = true;
                tracing::warn!(round = name, %error, "a round failed; it comes again");
            }
        }
    }
}
