//! The claims of a runner on the jobs that it works on, renewed before they lapse.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mayday_app::App;
use mayday_app::jobs::{Claim, JOB_LEASE, Job};
use tokio::time::{Instant, MissedTickBehavior, interval};

/// How often claims are renewed: two renewals may fail before a lease lapses.
const RENEW_EVERY: Duration = Duration::from_secs(2);

/// The claims of the jobs that run, as many as the crew has places.
#[derive(Clone, Debug, Default)]
pub(crate) struct Held(Arc<Mutex<Claims>>);

#[derive(Debug, Default)]
struct Claims {
    /// Each with the time since which it holds for a lease.
    running: HashMap<Claim, Instant>,
    /// Of jobs that were cut short at the end.
    left: Vec<Claim>,
    closing: bool,
}

/// The claim on a job that runs; let go of when it is dropped.
#[derive(Debug)]
pub(crate) struct Holding {
    held: Held,
    claim: Claim,
    done: bool,
}

impl Holding {
    /// The job's end is on record, or will be looked for by whoever claims it when the
    /// lease has lapsed.
    pub(crate) fn done(mut self) {
        self.done = true;
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        let mut claims = self.held.lock();
        claims.running.remove(&self.claim);
        if claims.closing && !self.done {
            claims.left.push(self.claim);
        }
    }
}

impl Held {
    /// Holds a job from its claim on.
    pub(crate) fn hold(&self, job: &Job) -> Holding {
        let claim = job.claim();
        self.lock().running.insert(claim, Instant::now());
        Holding {
            held: self.clone(),
            claim,
            done: false,
        }
    }

    /// Jobs that end from now on without being done are left over.
    pub(crate) fn close(&self) {
        self.lock().closing = true;
    }

    /// The claims of jobs that were cut short since [`Held::close`].
    pub(crate) fn left(&self) -> Vec<Claim> {
        std::mem::take(&mut self.lock().left)
    }

    /// Those whose renewal is late.
    pub(crate) fn overdue(&self) -> Vec<Claim> {
        self.older_than(RENEW_EVERY * 2)
    }

    /// Renews the claims, for as long as it is polled.
    pub(crate) async fn keep(&self, app: &App) {
        let mut ticks = interval(RENEW_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            // Most jobs end sooner than that.
            let claims = self.older_than(RENEW_EVERY / 2);
            if claims.is_empty() {
                continue;
            }
            let asked_at = Instant::now();
            match app.renew_jobs(claims.clone()).await {
                Ok(_) => self.renewed(&claims, asked_at),
                Err(error) => tracing::warn!(%error, "leases of jobs could not be renewed"),
            }
        }
    }

    fn older_than(&self, age: Duration) -> Vec<Claim> {
        let claims = self.lock();
        let old = claims.running.iter();
        let old = old.filter(|(_, since)| since.elapsed() >= age);
        old.map(|(claim, _)| *claim).collect()
    }

    fn renewed(&self, claims: &[Claim], at: Instant) {
        let mut held = self.lock();
        for claim in claims {
            if let Some(since) = held.running.get_mut(claim) {
                *since = at;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Claims> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const _: () = assert!(
    RENEW_EVERY.as_millis() * 3 <= JOB_LEASE.as_millis(),
    "two renewals may fail"
);
