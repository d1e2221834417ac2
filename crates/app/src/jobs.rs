//! Background jobs as the workers see them: claim, finish, try again, set aside.

use std::sync::Arc;
use std::time::Duration;

use mayday_core::time::Timestamp;
use mayday_store::jobs::{
    self, ClaimJobs, CompleteJob, GiveBackJobs, PostponeJob, ReleaseClaims, RenewLeases, RetryJob,
    SetJobAside,
};
pub use mayday_store::jobs::{CLAIM_LIMIT, Claim, Job};
use mayday_store::{Dialect, Hint, Lane};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::{App, AppError};

/// How long a claimed job is nobody else's unless it is renewed: for so long a job of a
/// server that died waits for another, and so far clocks of servers on one database may
/// be apart without one taking another's work.
pub const JOB_LEASE: Duration = Duration::from_secs(6);

/// What somebody who claims jobs works on already.
#[derive(Clone, Debug)]
pub struct Claiming {
    /// At most this many, and at most [`CLAIM_LIMIT`].
    pub limit: i64,
    /// Own claims that must not lapse: they are renewed first.
    pub held: Vec<Claim>,
    /// Whether jobs are taken whose lease lapsed.
    pub takes_over: bool,
}

impl Claiming {
    /// Up to so many jobs, for somebody who works on none.
    pub const fn up_to(limit: i64) -> Self {
        Self {
            limit,
            held: Vec::new(),
            takes_over: true,
        }
    }
}

/// Wakes a runner when jobs of its kinds were committed.
#[derive(Debug)]
pub struct JobBell {
    commits: Receiver<Arc<[Hint]>>,
    kinds: &'static [&'static str],
}

impl JobBell {
    /// Ends when a job was committed, and says when the first of these is due; a bell
    /// that may have missed one says at once. `None` when the store is closed.
    /// Cancel-safe.
    pub async fn rung(&mut self) -> Option<Timestamp> {
        loop {
            match self.commits.recv().await {
                Ok(hints) => {
                    let due = hints.iter().filter_map(|hint| self.due_at(hint)).min();
                    if due.is_some() {
                        return due;
                    }
                }
                Err(RecvError::Lagged(_)) => return Some(Timestamp::from_micros(i64::MIN)),
                Err(RecvError::Closed) => return None,
            }
        }
    }

    fn due_at(&self, hint: &Hint) -> Option<Timestamp> {
        match hint {
            Hint::JobDue { kind, due_at } if self.kinds.contains(&kind.as_ref()) => Some(*due_at),
            _ => None,
        }
    }
}

impl App {
    /// A bell that rings for every job of these kinds committed from now on by this
    /// server.
    pub fn job_bell(&self, kinds: &'static [&'static str]) -> JobBell {
        JobBell {
            commits: self.store.commits(),
            kinds,
        }
    }

    /// How long from now until a time, by the server's clock; zero when it is past.
    pub fn time_until(&self, at: Timestamp) -> Duration {
        at.since(self.clock.now())
    }

    /// Gives back what a process that died had claimed, before anybody claims
    /// anything: on the embedded database, which nobody else has open. Elsewhere those
    /// claims lapse by themselves.
    pub(crate) async fn release_claims(&self) -> Result<(), AppError> {
        if self.store.dialect() == Dialect::Sqlite {
            let released = self.store.write(Lane::Job, ReleaseClaims).await?;
            if released > 0 {
                tracing::info!(jobs = released, "jobs that were cut short are run again");
            }
        }
        Ok(())
    }

    /// Claims due jobs of these kinds for [`JOB_LEASE`], most urgent first.
    pub async fn claim_jobs(
        &self,
        kinds: &'static [&'static str],
        claiming: Claiming,
    ) -> Result<Vec<Job>, AppError> {
        let Claiming {
            limit,
            held,
            takes_over,
        } = claiming;
        let claim = ClaimJobs {
            limit,
            lease: JOB_LEASE,
            kinds,
            held,
            takes_over,
        };
        Ok(self.store.write(Lane::Job, claim).await?)
    }

    /// Holds claims for another [`JOB_LEASE`]; answers how many still held.
    pub async fn renew_jobs(&self, claims: Vec<Claim>) -> Result<usize, AppError> {
        let lease = JOB_LEASE;
        let renew = RenewLeases { claims, lease };
        Ok(self.store.write(Lane::Job, renew).await?)
    }

    /// Lets go of jobs that are not done, so that another server goes on with them at
    /// once; answers how many were still held.
    pub async fn give_jobs_back(&self, claims: Vec<Claim>) -> Result<u64, AppError> {
        Ok(self.store.write(Lane::Job, GiveBackJobs(claims)).await?)
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

    /// The job is run again after `delay`, and what it did now is no attempt. `false` when
    /// the claim had lapsed.
    pub async fn postpone_job(&self, job: &Job, delay: Duration) -> Result<bool, AppError> {
        let postpone = PostponeJob {
            claim: job.claim(),
            due_at: self.clock.now().plus(delay),
        };
        Ok(self.store.write(Lane::Job, postpone).await?)
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
