//! Runs jobs: claims what is due, a batch at a time, each under a lease.
//!
//! Each crew has a runner of its own. What a person in distress waits for has one with
//! many places, so that neither a mail nor a partner's server stands before an SOS.
//!
//! A commit that enqueues a job rings a bell and says when the job is due; the runner
//! sleeps until the first of these times and no longer, and a steady look finds what
//! another server enqueued. A lease is short and renewed while its job runs ([`Held`]): a
//! runner that dies in mid-job lets it lapse within seconds, and another one takes the job
//! again, so that every job runs at least once.

use std::sync::Arc;
use std::time::Duration;

use mayday_app::App;
use mayday_app::escalation::Progress;
use mayday_app::jobs::{CLAIM_LIMIT, Claiming, JOB_LEASE, Job, JobBell};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::JobError;
use crate::held::Held;
use crate::jobs::{Crew, Kind};

/// How long a job may take.
const JOB_LIMIT: Duration = Duration::from_secs(45);
/// The longest sleep between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Rest after the store could not be asked.
const REST_AFTER_FAILURE: Duration = Duration::from_secs(1);
/// Wait before the second try; doubled for each further one.
const FIRST_DELAY: Duration = Duration::from_secs(1);
/// How long running jobs have to finish at the end: less than the server gives
/// the workers (5 s), so that what is left is told.
const DRAIN_LIMIT: Duration = Duration::from_secs(4);

/// Runs the jobs of a crew until `shutdown`.
pub(crate) async fn run(app: Arc<App>, crew: Crew, shutdown: CancellationToken) {
    let held = Held::default();
    tokio::select! {
        () = run_jobs(&app, crew, &held, &shutdown) => {}
        () = held.keep(&app) => {}
    }
    let left = held.left();
    if left.is_empty() {
        return;
    }
    match app.give_jobs_back(left).await {
        Ok(jobs) => tracing::info!(jobs, "jobs that were not done in time were given back"),
        Err(error) => tracing::warn!(%error, "jobs were left to their leases"),
    }
}

/// Ends with the tasks of all jobs; those that take too long then are cut short.
async fn run_jobs(app: &Arc<App>, crew: Crew, held: &Held, shutdown: &CancellationToken) {
    let mut bell = app.job_bell(crew.words);
    let mut running = JoinSet::new();
    let mut claims = Claims {
        app,
        crew,
        held,
        reached_since: Instant::now(),
    };
    while !shutdown.is_cancelled() {
        let next = claims.start(&mut running).await;
        tokio::select! {
            () = shutdown.cancelled() => break,
            () = wait(app, &mut bell, next, &mut running) => {}
        }
        while running.try_join_next().is_some() {}
    }
    let drained = timeout(DRAIN_LIMIT, async {
        while running.join_next().await.is_some() {}
    });
    if drained.await.is_err() {
        held.close();
        running.shutdown().await;
    }
}

/// When to claim again.
#[derive(Clone, Copy, Debug)]
enum Look {
    /// At this time, or when a job is due before.
    At(Instant),
    /// When a place is free: more is due than there was room for.
    WhenFree,
}

/// How a runner claims.
struct Claims<'r> {
    app: &'r Arc<App>,
    crew: Crew,
    held: &'r Held,
    /// Since when each claim reached the store.
    reached_since: Instant,
}

impl Claims<'_> {
    /// Claims what there is room for, batch by batch, and starts it.
    async fn start(&mut self, running: &mut JoinSet<()>) -> Look {
        loop {
            let room = self.crew.at_a_time.saturating_sub(running.len());
            if room == 0 {
                return Look::WhenFree;
            }
            let limit = i64::try_from(room).unwrap_or(1).min(CLAIM_LIMIT);
            let Some(jobs) = self.claim(limit).await else {
                return Look::At(Instant::now() + REST_AFTER_FAILURE);
            };
            let claimed = i64::try_from(jobs.len()).unwrap_or(limit);
            for job in jobs {
                let (app, crew) = (Arc::clone(self.app), self.crew);
                let held = self.held.hold(&job);
                running.spawn(async move {
                    work(&app, crew, job).await;
                    held.done();
                });
            }
            if claimed < limit {
                break;
            }
        }
        let pause = match self.app.next_job_in(self.crew.words).await {
            Ok(next) => next.unwrap_or(LOOK_EVERY).min(LOOK_EVERY),
            Err(_) => REST_AFTER_FAILURE,
        };
        Look::At(Instant::now() + pause)
    }

    /// When the database comes back after an outage, every lease has lapsed, and those
    /// who still work get the time to say so before anything is taken from them.
    async fn claim(&mut self, limit: i64) -> Option<Vec<Job>> {
        let claiming = Claiming {
            limit,
            held: self.held.overdue(),
            takes_over: self.reached_since.elapsed() >= JOB_LEASE,
        };
        match self.app.claim_jobs(self.crew.words, claiming).await {
            Ok(jobs) => Some(jobs),
            Err(error) => {
                tracing::warn!(error = %error, "no jobs could be claimed");
                self.reached_since = Instant::now();
                None
            }
        }
    }
}

/// Sleeps until it is time to claim again; the bell may bring that forward.
async fn wait(app: &App, bell: &mut JobBell, look: Look, running: &mut JoinSet<()>) {
    let mut at = match look {
        Look::At(at) => at,
        Look::WhenFree => {
            running.join_next().await;
            return;
        }
    };
    let mut open = true;
    loop {
        tokio::select! {
            () = sleep_until(at) => return,
            rung = bell.rung(), if open => match rung {
                Some(due_at) => at = at.min(Instant::now() + app.time_until(due_at)),
                None => open = false,
            },
        }
    }
}

/// Does one job and records what became of it.
async fn work(app: &Arc<App>, crew: Crew, job: Job) {
    let kind = Kind::parse(&job.kind);
    let result = match kind {
        None => Err(JobError::fail(format!("no such kind of job: {}", job.kind))),
        Some(kind) => attempt(app, kind, &job).await,
    };
    let outcome = match &result {
        Ok(Progress::Done | Progress::Recorded) => "done",
        Ok(Progress::Again(_)) | Err(JobError::Later(_)) => "postponed",
        Err(JobError::Retry { .. }) if crew.retries(&job) => "retried",
        Err(_) => "set_aside",
    };
    app.metrics()
        .job_ran(kind.map_or("unknown", Kind::as_str), outcome);
    let recorded = match result {
        Ok(Progress::Recorded) => return,
        Ok(Progress::Done) => app.finish_job(&job).await,
        // Something was tried, and the next wait is longer.
        Ok(Progress::Again(after)) => {
            let why = JobError::Later(after).to_string();
            app.retry_job(&job, after, why).await
        }
        Err(JobError::Later(after)) => app.postpone_job(&job, after).await,
        Err(error) => {
            tracing::warn!(job.id = %job.id, job.kind = %job.kind, job.attempts, outcome, %error, "a job failed");
            if outcome == "retried" {
                let delay = crew.delay_after(job.attempts);
                app.retry_job(&job, delay, error.to_string()).await
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
async fn attempt(app: &Arc<App>, kind: Kind, job: &Job) -> Result<Progress, JobError> {
    let (theirs, copy) = (Arc::clone(app), job.clone());
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { kind.run(&theirs, &copy).await });
    // Dropping the set ends the task, too: a runner that dies leaves nothing behind.
    match timeout(JOB_LIMIT, tasks.join_next()).await {
        Ok(Some(Ok(result))) => result,
        Ok(Some(Err(panicked))) => Err(JobError::retry(panicked)),
        Ok(None) => Err(JobError::fail("it never ran")),
        Err(_) => Err(JobError::retry(format!(
            "it took longer than {JOB_LIMIT:?}"
        ))),
    }
}

impl Crew {
    fn retries(self, job: &Job) -> bool {
        self.max_tries.is_none_or(|most| job.attempts < most)
    }

    /// How long to wait after so many tries.
    fn delay_after(self, attempts: i64) -> Duration {
        let doublings = u32::try_from(attempts.saturating_sub(1).clamp(0, 20)).unwrap_or(0);
        FIRST_DELAY
            .saturating_mul(1 << doublings)
            .min(self.max_delay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::{HOUSE, URGENT};

    #[test]
    fn the_wait_doubles_up_to_its_limit() {
        let waits: Vec<u64> = (1..=5).map(|n| HOUSE.delay_after(n).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16]);
        assert_eq!(HOUSE.delay_after(40), HOUSE.max_delay);
        assert_eq!(HOUSE.delay_after(0), FIRST_DELAY);
        assert_eq!(URGENT.delay_after(40), Duration::from_secs(15));
    }
}
