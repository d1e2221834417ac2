//! Background jobs: outbox and durable timers in one table.
//!
//! A change enqueues its jobs in its own transaction. The runner claims due
//! jobs in batches; a claim is a short lease with a fencing number, renewed while the
//! job runs, and whoever comes back with an older number is told that the job is no
//! longer his.

use std::borrow::Cow;
use std::time::Duration;

use mayday_core::ids::JobId;
use mayday_core::time::Timestamp;
use serde_json::Value;

use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::hint::Hint;
use crate::row::Row;
use crate::sql::Sql;
use crate::tx::Tx;

/// Most jobs that one claim returns.
pub const CLAIM_LIMIT: i64 = 50;

/// Before every lease.
const NEVER: Timestamp = Timestamp::from_micros(i64::MIN);

/// Longest stored error text in bytes.
const ERROR_LIMIT: usize = 1_000;

static INSERT: Sql = Sql::new(
    "INSERT INTO jobs (id, kind, key, priority, due_at, payload, created_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (key) DO NOTHING",
);
static CLAIM: Sql = Sql::per_dialect(
    "UPDATE jobs SET state = 'leased', lease_until = $2, fence = fence + 1, \
     attempts = attempts + 1 \
     WHERE id IN (SELECT id FROM jobs \
       WHERE ((state = 'ready' AND due_at <= $1) OR (state = 'leased' AND lease_until <= $5)) \
         AND kind IN (SELECT value FROM json_each($4)) \
       ORDER BY priority, due_at, id LIMIT $3) \
     RETURNING id, kind, key, payload, attempts, fence, due_at, lease_until, priority",
    "UPDATE jobs SET state = 'leased', lease_until = $2, fence = fence + 1, \
     attempts = attempts + 1 \
     WHERE id IN (SELECT id FROM jobs \
       WHERE ((state = 'ready' AND due_at <= $1) OR (state = 'leased' AND lease_until <= $5)) \
         AND kind = ANY($4) \
       ORDER BY priority, due_at, id LIMIT $3 FOR UPDATE SKIP LOCKED) \
     RETURNING id, kind, key, payload, attempts, fence, due_at, lease_until, priority",
);
static COMPLETE: Sql =
    Sql::new("DELETE FROM jobs WHERE id = $1 AND state = 'leased' AND fence = $2");
static RENEW: Sql =
    Sql::new("UPDATE jobs SET lease_until = $3 WHERE id = $1 AND state = 'leased' AND fence = $2");
static RETRY: Sql = Sql::new(
    "UPDATE jobs SET state = 'ready', lease_until = NULL, due_at = $3, last_error = $4 \
     WHERE id = $1 AND state = 'leased' AND fence = $2 RETURNING kind",
);
// No attempt was made, and none is counted.
static POSTPONE: Sql = Sql::new(
    "UPDATE jobs SET state = 'ready', lease_until = NULL, due_at = $3, attempts = attempts - 1 \
     WHERE id = $1 AND state = 'leased' AND fence = $2 RETURNING kind",
);
static SET_ASIDE: Sql = Sql::new(
    "UPDATE jobs SET state = 'poison', lease_until = NULL, last_error = $3 \
     WHERE id = $1 AND state = 'leased' AND fence = $2",
);
// Whoever runs it loses the claim, which costs nothing: it finds out in the
// transaction in which it would act.
static WAKE: Sql = Sql::new(
    "INSERT INTO jobs (id, kind, key, priority, due_at, payload, created_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7) \
     ON CONFLICT (key) DO UPDATE SET state = 'ready', lease_until = NULL, attempts = 0, \
        fence = jobs.fence + 1, due_at = CASE WHEN jobs.due_at < excluded.due_at \
        THEN jobs.due_at ELSE excluded.due_at END",
);
static REARM: Sql = Sql::new(
    "UPDATE jobs SET state = 'ready', lease_until = NULL, due_at = $3, attempts = 0, \
     last_error = NULL WHERE id = $1 AND state = 'leased' AND fence = $2 RETURNING kind",
);
static WITHDRAW: Sql = Sql::new("DELETE FROM jobs WHERE key = $1");
static RELEASE: Sql =
    Sql::new("UPDATE jobs SET state = 'ready', lease_until = NULL WHERE state = 'leased'");
static GIVE_BACK: Sql = Sql::new(
    "UPDATE jobs SET state = 'ready', lease_until = NULL \
     WHERE id = $1 AND state = 'leased' AND fence = $2",
);
static HOLDS: Sql =
    Sql::new("SELECT 1 FROM jobs WHERE id = $1 AND state = 'leased' AND fence = $2");
// By the indexes of both states: whoever waits for the next one asks often.
static NEXT_DUE: Sql = Sql::per_dialect(
    "SELECT MIN(due_at) FROM (\
       SELECT * FROM (SELECT due_at FROM jobs WHERE state = 'ready' \
         AND kind IN (SELECT value FROM json_each($1)) ORDER BY due_at LIMIT 1) \
       UNION ALL SELECT * FROM (SELECT lease_until AS due_at FROM jobs WHERE state = 'leased' \
         AND kind IN (SELECT value FROM json_each($1)) ORDER BY lease_until LIMIT 1))",
    "SELECT MIN(due_at) FROM (\
       (SELECT due_at FROM jobs WHERE state = 'ready' AND kind = ANY($1) \
         ORDER BY due_at LIMIT 1) \
       UNION ALL (SELECT lease_until AS due_at FROM jobs WHERE state = 'leased' \
         AND kind = ANY($1) ORDER BY lease_until LIMIT 1)) AS next",
);
static COUNTS: Sql = Sql::new(
    "SELECT COALESCE(SUM(CASE WHEN state = 'ready' THEN 1 ELSE 0 END), 0), \
     COALESCE(SUM(CASE WHEN state = 'leased' THEN 1 ELSE 0 END), 0), \
     COALESCE(SUM(CASE WHEN state = 'poison' THEN 1 ELSE 0 END), 0), \
     MIN(CASE WHEN state <> 'poison' THEN due_at END) FROM jobs",
);

pub(crate) const STATEMENTS: &[&Sql] = &[
    &INSERT, &CLAIM, &COMPLETE, &RENEW, &RETRY, &POSTPONE, &SET_ASIDE, &WAKE, &REARM, &WITHDRAW,
    &RELEASE, &GIVE_BACK, &HOLDS, &NEXT_DUE, &COUNTS,
];

/// A job to be enqueued.
#[derive(Clone, Debug)]
pub struct NewJob<'a> {
    /// What is to be done, such as `trail_copy`; the runner maps it to code.
    pub kind: &'static str,
    /// Unique among live jobs, such as `trail_copy:<incident>`: a second one
    /// with the same key is not enqueued.
    pub key: &'a str,
    /// Lower runs first among due jobs. 0 is for what a person waits for.
    pub priority: i64,
    /// Not before this.
    pub due_at: Timestamp,
    /// A JSON object; put a `version` into it.
    pub payload: Value,
}

/// A claimed job.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// What is to be done.
    pub kind: String,
    /// Unique among live jobs.
    pub key: String,
    /// What [`NewJob::payload`] held.
    pub payload: Value,
    /// How often it was claimed and not postponed, this time included.
    pub attempts: i64,
    /// The fencing number of this claim.
    pub fence: i64,
    /// When it was due.
    pub due_at: Timestamp,
    /// Until when nobody else may claim it.
    pub lease_until: Timestamp,
}

/// The part of a claim that proves it: a job and its fencing number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Claim {
    /// The job.
    pub id: JobId,
    /// The fencing number.
    pub fence: i64,
}

impl Job {
    /// What proves this claim.
    pub fn claim(&self) -> Claim {
        Claim {
            id: self.id,
            fence: self.fence,
        }
    }
}

/// Enqueues a job in the caller's transaction. `false` when a live job has the
/// same key already.
pub async fn enqueue(tx: &mut Tx<'_>, new: NewJob<'_>) -> Result<bool, StoreError> {
    let id = JobId::generate(tx.clock(), tx.entropy());
    let payload = new.payload.to_string();
    let now = tx.now();
    let values = args![
        id,
        new.kind,
        new.key,
        new.priority,
        new.due_at,
        payload.as_str(),
        now,
    ];
    let inserted = tx.execute(&INSERT, values).await? == 1;
    if inserted {
        ring(tx, Cow::Borrowed(new.kind), new.due_at);
    }
    Ok(inserted)
}

/// Enqueues a durable timer, or makes the one there is due at `new.due_at` if that
/// is sooner, in the transaction of the change that it has to look at. One that runs
/// already runs again: it may have looked before the change.
pub async fn wake(tx: &mut Tx<'_>, new: NewJob<'_>) -> Result<(), StoreError> {
    let id = JobId::generate(tx.clock(), tx.entropy());
    let payload = new.payload.to_string();
    let now = tx.now();
    let values = args![
        id,
        new.kind,
        new.key,
        new.priority,
        new.due_at,
        payload.as_str(),
        now,
    ];
    tx.execute_one(&WAKE, values).await?;
    ring(tx, Cow::Borrowed(new.kind), new.due_at);
    Ok(())
}

/// Sets a durable timer that has done its work to its next time, in the transaction
/// of that work. `false` when the claim no longer held.
pub async fn rearm(tx: &mut Tx<'_>, claim: Claim, due_at: Timestamp) -> Result<bool, StoreError> {
    let values = args![claim.id, claim.fence, due_at];
    let kind = tx.fetch_optional(&REARM, values).await?;
    rung(tx, kind.as_ref(), due_at)
}

/// Takes a job back, set aside or not, in the transaction of the change that makes
/// it needless. One that runs already is not stopped: it must find nothing to do.
pub async fn withdraw(tx: &mut Tx<'_>, key: &str) -> Result<(), StoreError> {
    tx.execute(&WITHDRAW, args![key]).await?;
    Ok(())
}

/// Gives the claims of a process that died back at once, instead of when they lapse:
/// for a database that only one process has open. Output: how many.
#[derive(Clone, Copy, Debug)]
pub struct ReleaseClaims;

impl Command for ReleaseClaims {
    type Output = u64;
    const NAME: &'static str = "jobs.release";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64, StoreError> {
        tx.execute(&RELEASE, args![]).await
    }
}

fn ring(tx: &mut Tx<'_>, kind: Cow<'static, str>, due_at: Timestamp) {
    tx.hint(Hint::JobDue { kind, due_at });
}

/// Rings for a job that was found, which is what the claim held.
fn rung(tx: &mut Tx<'_>, kind: Option<&Row>, due_at: Timestamp) -> Result<bool, StoreError> {
    let Some(row) = kind else { return Ok(false) };
    ring(tx, Cow::Owned(row.get(0)?), due_at);
    Ok(true)
}

/// Whether a claim still holds; ask inside the transaction that acts on it.
pub async fn holds(tx: &mut Tx<'_>, claim: Claim) -> Result<bool, StoreError> {
    let row = tx
        .fetch_optional(&HOLDS, args![claim.id, claim.fence])
        .await?;
    Ok(row.is_some())
}

/// When the next job of these kinds becomes due, a lapsing lease included.
pub async fn next_due(tx: &mut Tx<'_>, kinds: &[&str]) -> Result<Option<Timestamp>, StoreError> {
    let kinds = texts(kinds);
    tx.fetch_one(&NEXT_DUE, args![kinds.as_slice()])
        .await?
        .get(0)
}

fn texts(kinds: &[&str]) -> Vec<String> {
    kinds.iter().map(|kind| (*kind).to_owned()).collect()
}

/// How many jobs there are in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JobCounts {
    /// Waiting for their time or for a runner.
    pub ready: i64,
    /// Being worked on.
    pub leased: i64,
    /// Set aside after failing for good.
    pub poison: i64,
    /// When the oldest job that is not set aside was or is due.
    pub oldest_due: Option<Timestamp>,
}

/// How many jobs there are in each state.
pub async fn counts(tx: &mut Tx<'_>) -> Result<JobCounts, StoreError> {
    let row = tx.fetch_one(&COUNTS, args![]).await?;
    Ok(JobCounts {
        ready: row.get(0)?,
        leased: row.get(1)?,
        poison: row.get(2)?,
        oldest_due: row.get(3)?,
    })
}

/// Claims due jobs, most urgent first. Output: the claimed jobs.
#[derive(Clone, Debug)]
pub struct ClaimJobs {
    /// At most this many, and at most [`CLAIM_LIMIT`].
    pub limit: i64,
    /// How long the claim holds.
    pub lease: Duration,
    /// The kinds that the caller knows. A newer server on the same database may
    /// have enqueued others; those are left to it.
    pub kinds: &'static [&'static str],
    /// Claims of the caller's own that hold from now on for as long, too, before it takes
    /// any that lapsed: what it still works on is not taken from itself.
    pub held: Vec<Claim>,
    /// Whether it takes jobs whose lease lapsed.
    pub takes_over: bool,
}

impl Command for ClaimJobs {
    type Output = Vec<Job>;
    const NAME: &'static str = "jobs.claim";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Self::Output, StoreError> {
        let now = tx.now();
        let until = now.plus(self.lease);
        let limit = self.limit.clamp(0, CLAIM_LIMIT);
        let kinds = texts(self.kinds);
        for claim in &self.held {
            renew(tx, *claim, until).await?;
        }
        let lapsed = if self.takes_over { now } else { NEVER };
        let values = args![now, until, limit, kinds.as_slice(), lapsed];
        let rows = tx.fetch_all(&CLAIM, values).await?;
        let mut jobs = Vec::with_capacity(rows.len());
        for row in &rows {
            jobs.push((row.get::<i64>(8)?, job_of(row)?));
        }
        // RETURNING answers in no particular order.
        jobs.sort_by_key(|(priority, job)| (*priority, job.due_at, job.id));
        Ok(jobs.into_iter().map(|(_, job)| job).collect())
    }
}

fn job_of(row: &Row) -> Result<Job, StoreError> {
    Ok(Job {
        id: row.get(0)?,
        kind: row.get(1)?,
        key: row.get(2)?,
        payload: row.get(3)?,
        attempts: row.get(4)?,
        fence: row.get(5)?,
        due_at: row.get(6)?,
        lease_until: row.get(7)?,
    })
}

/// The job is done: it goes. Output: `false` when the claim no longer held.
#[derive(Clone, Copy, Debug)]
pub struct CompleteJob(pub Claim);

impl Command for CompleteJob {
    type Output = bool;
    const NAME: &'static str = "jobs.complete";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        complete(tx, self.0).await
    }
}

/// The job is done, in the transaction of its last effect.
pub async fn complete(tx: &mut Tx<'_>, claim: Claim) -> Result<bool, StoreError> {
    Ok(tx.execute(&COMPLETE, args![claim.id, claim.fence]).await? == 1)
}

/// Holds claims for longer. Output: how many still held.
#[derive(Clone, Debug)]
pub struct RenewLeases {
    /// The claims.
    pub claims: Vec<Claim>,
    /// From now on.
    pub lease: Duration,
}

impl Command for RenewLeases {
    type Output = usize;
    const NAME: &'static str = "jobs.renew";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<usize, StoreError> {
        let until = tx.now().plus(self.lease);
        let mut held = 0;
        for claim in &self.claims {
            held += usize::from(renew(tx, *claim, until).await?);
        }
        Ok(held)
    }
}

async fn renew(tx: &mut Tx<'_>, claim: Claim, until: Timestamp) -> Result<bool, StoreError> {
    let values = args![claim.id, claim.fence, until];
    Ok(tx.execute(&RENEW, values).await? == 1)
}

/// Gives jobs back that were claimed and not done: somebody else claims them at once.
/// Output: how many.
#[derive(Clone, Debug)]
pub struct GiveBackJobs(pub Vec<Claim>);

impl Command for GiveBackJobs {
    type Output = u64;
    const NAME: &'static str = "jobs.give_back";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64, StoreError> {
        let mut given = 0;
        for claim in &self.0 {
            given += tx.execute(&GIVE_BACK, args![claim.id, claim.fence]).await?;
        }
        Ok(given)
    }
}

/// The job failed and is tried again at `due_at`. Output: `false` when the
/// claim no longer held.
#[derive(Clone, Debug)]
pub struct RetryJob {
    /// The claim.
    pub claim: Claim,
    /// When to try again.
    pub due_at: Timestamp,
    /// Why it failed.
    pub error: String,
}

impl Command for RetryJob {
    type Output = bool;
    const NAME: &'static str = "jobs.retry";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        let values = args![
            self.claim.id,
            self.claim.fence,
            self.due_at,
            shortened(&self.error),
        ];
        let kind = tx.fetch_optional(&RETRY, values).await?;
        rung(tx, kind.as_ref(), self.due_at)
    }
}

/// The job's time has not come: it runs again at `due_at`, as if it had not been claimed.
/// Output: `false` when the claim no longer held.
#[derive(Clone, Copy, Debug)]
pub struct PostponeJob {
    /// The claim.
    pub claim: Claim,
    /// When it runs again.
    pub due_at: Timestamp,
}

impl Command for PostponeJob {
    type Output = bool;
    const NAME: &'static str = "jobs.postpone";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        let values = args![self.claim.id, self.claim.fence, self.due_at];
        let kind = tx.fetch_optional(&POSTPONE, values).await?;
        rung(tx, kind.as_ref(), self.due_at)
    }
}

/// The job fails for good: it is kept, with its error, and never claimed again.
/// Output: `false` when the claim no longer held.
#[derive(Clone, Debug)]
pub struct SetJobAside {
    /// The claim.
    pub claim: Claim,
    /// Why it failed.
    pub error: String,
}

impl Command for SetJobAside {
    type Output = bool;
    const NAME: &'static str = "jobs.set_aside";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        let values = args![self.claim.id, self.claim.fence, shortened(&self.error)];
        Ok(tx.execute(&SET_ASIDE, values).await? == 1)
    }
}

fn shortened(error: &str) -> &str {
    let end = (0..=ERROR_LIMIT.min(error.len()))
        .rev()
        .find(|end| error.is_char_boundary(*end))
        .unwrap_or(0);
    error.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests;
