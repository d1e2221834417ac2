//! Background jobs as the workers see them: claim, finish, try again, set aside.

use std::sync::Arc;
use std::time::Duration;

pub use mayday_store::jobs::Job;
use mayday_store::jobs::{self, ClaimJobs, CompleteJob, RetryJob, SetJobAside};
use mayday_store::{Hint, Lane};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::{App, AppError};

/// How long a claimed job is nobody else's.
pub const JOB_LEASE: Duration = Duration::from_mins(1);

/// Wakes a runner when jobs were committed.
#[derive(Debug)]
pub struct JobBell(Receiver<Arc<[Hint]>>);

impl JobBell {
    /// Ends when a job was committed, or when the bell may have missed one;
    /// `false` when the store is closed.
    pub async fn rung(&mut self) -> bool {
        loop {
            match self.0.recv().await {
                Ok(hints) => {
                    if hints.iter().any(|hint| matches!(hint, Hint::JobDue(_))) {
                        return true;
                    }
                }
                Err(RecvError::Lagged(_)) => return true,
                Err(RecvError::Closed) => return false,
            }
        }
    }
}

impl App {
    /// A bell that rings for every job committed from now on by this server.
    pub fn job_bell(&self) -> JobBell {
        JobBell(self.store.commits())
    }

    /// Claims due jobs of these kinds for [`JOB_LEASE`], most urgent first.
    pub async fn claim_jobs(
        &self,
        kinds: &'static [&'static str],
        limit: i64,
    ) -> Result<Vec<Job>, AppError> {
        let claim = ClaimJobs {
            limit,
            lease: JOB_LEASE,
            kinds,
        };
        Ok(self.store.write(Lane::Job, claim).await?)
    }

    /// How long until the next job of these kinds is due; `None` when there is
    /// none.
    pub async fn next_job_in(&self, kinds: &[&str]) -> Result<Option<Duration>, AppError> {
        let mut tx = self.store.read().await?;
        let due = jobs::next_due(&mut tx, kinds).await?;
        drop(tx);
        Ok(due.map(|due| due.since(self.clock.now())))
    }

    /// The job is done. `false` when the claim had lapsed.
    pub async fn finish_job(&self, job: &Job) -> Result<bool, AppError> {
        let done = CompleteJob(job.claim());
        Ok(self.store.write(Lane::Job, done).await?)
    }

    /// The job is tried again after `delay`. `false` when the claim had lapsed.
    pub async fn retry_job(
        &self,
        job: &Job,
        delay: Duration,
        error: String,
    ) -> Result<bool, AppError> {
        let retry = RetryJob {
            claim: job.claim(),
            due_at: self.clock.now().plus(delay),
            error,
        };
        Ok(self.store.write(Lane::Job, retry).await?)
    }

    /// The job can never be done: it is kept for operators. `false` when the
    /// claim had lapsed.
    pub async fn set_job_aside(&self, job: &Job, error: String) -> Result<bool, AppError> {
        let aside = SetJobAside {
            claim: job.claim(),
            error,
        };
        Ok(self.store.write(Lane::Job, aside).await?)
    }
}
