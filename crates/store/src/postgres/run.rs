//! Runs one command to its commit, again when PostgreSQL asks for it.

use std::sync::Arc;
use std::time::Duration;

use sqlx::PgPool;
use tokio::time::Instant;

use super::connect;
use crate::command::Command;
use crate::commits::Commits;
use crate::environment::Environment;
use crate::error::StoreError;
use crate::failure;
use crate::hint::Hint;
use crate::queued;
use crate::stats::Counters;
use crate::tx::{Connection, Tx};

/// How often a command runs at most when PostgreSQL reports a serialisation
/// failure or a deadlock.
const CONFLICT_RUNS: u32 = 10;
/// How often a command runs at most when its connection is lost.
const CONNECTION_RUNS: u32 = 3;
/// How long one run may take, from its connection to its COMMIT's answer: more than
/// the server gives a statement, so that it fires only for a server that is gone
/// without a word (a fail-over that resets no connection).
pub(super) const RUN_LIMIT: Duration = Duration::from_secs(15);
/// The longest wait before the second run; it doubles with each run.
const FIRST_PAUSE: Duration = Duration::from_millis(2);

/// What a command's task needs.
pub(super) struct Runner {
    pub(super) pool: PgPool,
    pub(super) environment: Arc<Environment>,
    pub(super) commits: Arc<Commits>,
    pub(super) counters: Arc<Counters>,
    /// [`RUN_LIMIT`], shorter in a test.
    pub(super) limit: Duration,
}

impl Runner {
    pub(super) async fn run<C: Command>(&self, command: &C) -> Result<C::Output, StoreError> {
        let mut runs = 0;
        // Whether an earlier run may have been committed.
        let mut doubtful = false;
        loop {
            let started = Instant::now();
            runs += 1;
            // What is given up here was rolled back or committed: running it
            // again is right either way. Its connection goes with it.
            let once = tokio::time::timeout(self.limit, self.once(command, &mut doubtful));
            let done = once.await.unwrap_or_else(|_| {
                Err(StoreError::Unavailable {
                    source: connect::silent(),
                })
            });
            let error = match done {
                Ok((output, hints)) => {
                    let now = self.environment.clock.now();
                    self.counters.committed(1, started.elapsed(), now);
                    self.commits.publish(hints);
                    return Ok(output);
                }
                Err(error) => error,
            };
            let again = match &error {
                StoreError::Statement { source, .. } if failure::wants_rerun(source) => {
                    runs < CONFLICT_RUNS
                }
                StoreError::Unavailable { .. } => {
                    self.counters.failed();
                    runs < CONNECTION_RUNS
                }
                _ => false,
            };
            if !again {
                if let StoreError::Panicked { .. } = &error {
                    tracing::error!(command = C::NAME, %error, "a command panicked");
                }
                return Err(error);
            }
            tracing::debug!(command = C::NAME, %error, runs, "a command runs again");
            tokio::time::sleep(self.pause(runs)).await;
        }
    }

    async fn once<C: Command>(
        &self,
        command: &C,
        doubtful: &mut bool,
    ) -> Result<(C::Output, Vec<Hint>), StoreError> {
        let mut transaction = super::begin(&self.pool, "BEGIN").await?;
        let environment = Arc::clone(&self.environment);
        let tx = Tx::new(Connection::Postgres(&mut transaction), environment);
        let mut tx = tx.after_doubt(*doubtful);
        let output = queued::run_caught(command, &mut tx).await?;
        let hints = tx.take_hints();
        drop(tx);
        // Until it is answered, also when it is given up here.
        let before = std::mem::replace(doubtful, true);
        transaction.commit().await.map_err(|error| {
            *doubtful = before || failure::is_of_connection(&error);
            StoreError::of_statement("COMMIT", error)
        })?;
        Ok((output, hints))
    }

    /// A random part of a doubling time, so that two that collided part ways.
    fn pause(&self, runs: u32) -> Duration {
        let longest = FIRST_PAUSE * 2_u32.saturating_pow(runs.min(6));
        let mut byte = [0_u8; 1];
        self.environment.entropy.fill(&mut byte);
        longest * u32::from(byte[0]) / 255
    }
}
