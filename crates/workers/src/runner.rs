//! Runs jobs: claims what is due, a few at a time, each under a lease.
//!
//! A commit that enqueues a job rings a bell; the time of the next due job and
//! a steady look (another server may have enqueued one) wake the runner too.
//! A runner that dies in mid-job lets the lease lapse, and another one takes
//! the job again, so that every job runs at least once.

use std::sync::Arc;
use std::time::Duration;

use mayday_app::App;
use mayday_app::jobs::{Job, JobBell};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::JobError;
use crate::jobs::{Crew, Kind};

/// How long a job may take: less than its lease.
const JOB_LIMIT: Duration = Duration::from_secs(45);
/// The longest sleep between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Rest after the store could not be asked.
const REST_AFTER_FAILURE: Duration = Duration::from_secs(1);
/// Wait before the second try; doubled for each further one.
const FIRST_DELAY: Duration = Duration::from_secs(1);
/// The longest wait between two tries.
const MAX_DELAY: Duration = Duration::from_mins(10);
/// Tries before a job is set aside: about two and a half hours.
const MAX_TRIES: i64 = 24;
/// How long running jobs have to finish at the end: less than the server gives
/// the workers (5 s), so that what is left is told.
const DRAIN_LIMIT: Duration = Duration::from_secs(4);

/// Runs the jobs of a crew until `shutdown`.
pub(crate) async fn run(app: Arc<App>, crew: Crew, shutdown: CancellationToken) {
    let mut bell = app.job_bell();
    let mut running = JoinSet::new();
    while !shutdown.is_cancelled() {
        let pause = claim(&app, crew, &mut running).await;
        tokio::select! {
            () = shutdown.cancelled() => break,
            () = wait(&mut bell, pause) => {}
            Some(_) = running.join_next() => {}
        }
        while running.try_join_next().is_some() {}
    }
    let drained = timeout(DRAIN_LIMIT, async {
        while running.join_next().await.is_some() {}
    });
    if drained.await.is_err() {
        tracing::warn!(jobs = running.len(), "jobs were left to their leases");
    }
}

/// Claims what there is room for and starts it; answers how long to sleep.
async fn claim(app: &Arc<App>, crew: Crew, running: &mut JoinSet<()>) -> Duration {
    let room = crew.at_a_time.saturating_sub(running.len());
    if room == 0 {
        return LOOK_EVERY;
    }
    let claimed = app
        .claim_jobs(crew.words, i64::try_from(room).unwrap_or(1))
        .await;
    let jobs = match claimed {
        Ok(jobs) => jobs,
        Err(error) => {
            tracing::warn!(error = %error, "no jobs could be claimed");
            return REST_AFTER_FAILURE;
        }
    };
    for job in jobs {
        let app = Arc::clone(app);
        running.spawn(async move { work(&app, job).await });
    }
    match app.next_job_in(crew.words).await {
        Ok(next) => next.unwrap_or(LOOK_EVERY).min(LOOK_EVERY),
        Err(_) => REST_AFTER_FAILURE,
    }
}

/// Sleeps until the bell rings or the pause is over.
async fn wait(bell: &mut JobBell, pause: Duration) {
    tokio::select! {
        () = sleep(pause) => {}
        open = bell.rung() => if !open {
            sleep(pause).await;
        }
    }
}

/// Does one job and records what became of it.
async fn work(app: &Arc<App>, job: Job) {
    let kind = Kind::parse(&job.kind);
    let result = match kind {
        None => Err(JobError::fail(format!("no such kind of job: {}", job.kind))),
        Some(kind) => attempt(app, kind, &job).await,
    };
    let outcome = match &result {
        Ok(()) => "done",
        Err(JobError::Later(_)) => "postponed",
        Err(JobError::Retry { .. }) if job.attempts < MAX_TRIES => "retried",
        Err(_) => "set_aside",
    };
    let name = kind.map_or("unknown", Kind::as_str);
    app.metrics().job_ran(name, outcome);
    let recorded = match result {
        Ok(()) => app.finish_job(&job).await,
        Err(JobError::Later(wait)) => {
            let why = JobError::Later(wait).to_string();
            app.retry_job(&job, wait, why).await
        }
        Err(error) => {
            tracing::warn!(job.id = %job.id, job.kind = %job.kind, job.attempts, outcome, %error, "a job failed");
            if outcome == "retried" {
                app.retry_job(&job, delay_after(job.attempts), error.to_string())
                    .await
            } else {
                app.set_job_aside(&job, error.to_string()).await
            }
        }
    };
    match recorded {
        Ok(true) => {}
        Ok(false) => tracing::warn!(job.id = %job.id, "a job's lease lapsed before its end"),
        // The lease lapses and the job runs again.
        Err(error) => tracing::warn!(job.id = %job.id, %error, "a job's end was not recorded"),
    }
}

/// Runs a job in a task of its own, so that a panic in it is an error like others.
async fn attempt(app: &Arc<App>, kind: Kind, job: &Job) -> Result<(), JobError> {
    let (theirs, copy) = (Arc::clone(app), job.clone());
    let mut task = tokio::spawn(async move { kind.run(&theirs, &copy).await });
    match timeout(JOB_LIMIT, &mut task).await {
        Ok(Ok(result)) => result,
        Ok(Err(panicked)) => Err(JobError::retry(panicked)),
        Err(_) => {
            task.abort();
            Err(JobError::retry(format!(
                "it took longer than {JOB_LIMIT:?}"
            )))
        }
    }
}

/// How long to wait after so many tries.
fn delay_after(attempts: i64) -> Duration {
    let doublings = u32::try_from(attempts.saturating_sub(1).clamp(0, 20)).unwrap_or(0);
    FIRST_DELAY.saturating_mul(1 << doublings).min(MAX_DELAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_its_limit() {
        let waits: Vec<u64> = (1..=5).map(|n| delay_after(n).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16]);
        assert_eq!(delay_after(40), MAX_DELAY);
        assert_eq!(delay_after(0), FIRST_DELAY);
    }
}
