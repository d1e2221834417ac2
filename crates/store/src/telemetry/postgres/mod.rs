//! Telemetry in two tables of PostgreSQL: `telemetry` with a partition for each
//! day ([`days`]), and `telemetry_latest` with the newest position of each user.
//!
//! A few tasks take what waits and write each batch with one statement over
//! arrays ([`writer`]). They have connections of their own, so that an SOS
//! never waits for one of theirs.

mod days;
mod erase;
mod expire;
mod read;
mod strays;
mod writer;

use std::str::FromStr as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mayday_core::clock::{SharedClock, SharedEntropy};
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::sync::RwLock;
use tokio::task::JoinHandle;

use super::TelemetryError;
use super::faults::Faults;
use super::queue::{Queue, lock};
use super::spiller::Outlet;

/// Tasks that write, each on one connection.
pub(super) const WRITERS: usize = 2;
/// Connections for queries.
const READERS: u32 = 2;
/// How long to wait for a connection.
const ACQUIRE_LIMIT: Duration = Duration::from_secs(5);
/// How long a statement may run on the server.
const STATEMENT_LIMIT: &str = "15s";

/// What the tables need to run.
pub(super) struct Parts {
    pub(super) url: String,
    pub(super) retention_days: u32,
    pub(super) clock: SharedClock,
    pub(super) queue: Arc<Queue>,
    pub(super) faults: Faults,
    pub(super) outlet: Arc<Outlet>,
    pub(super) entropy: SharedEntropy,
}

/// The telemetry store on PostgreSQL.
pub(super) struct PostgresTables {
    /// The writers' own connections: no query takes one.
    writing: PgPool,
    /// For queries and pruning.
    pool: PgPool,
    retention_days: u32,
    clock: SharedClock,
    faults: Faults,
    writers: Mutex<Vec<JoinHandle<()>>>,
    /// Makes the days.
    keeper: JoinHandle<()>,
    walk: expire::Walk,
    /// Shared by the writers while they write a batch; whoever erases waits for it.
    commits: Arc<RwLock<()>>,
}

impl PostgresTables {
    /// Connects and starts the writers; the state store has made the tables.
    pub(super) async fn open(parts: Parts) -> Result<Self, TelemetryError> {
        let options = PgConnectOptions::from_str(&parts.url)
            .map_err(|error| TelemetryError::write(&error))?
            .application_name("mayday telemetry")
            .options([
                ("synchronous_commit", "on"),
                ("statement_timeout", STATEMENT_LIMIT),
            ]);
        let writing = pool(&options, u32::try_from(WRITERS).unwrap_or(1)).await?;
        let reading = pool(&options, READERS).await?;
        let keeper = days::keep(reading.clone(), Arc::clone(&parts.clock))
            .await
            .map_err(|error| TelemetryError::write(&error))?;
        let commits = Arc::new(RwLock::new(()));
        let tasks = (0..WRITERS)
            .map(|slot| {
                let writer = writer::Writer {
                    slot,
                    pool: writing.clone(),
                    queue: Arc::clone(&parts.queue),
                    outlet: Arc::clone(&parts.outlet),
                    faults: parts.faults.clone(),
                    commits: Arc::clone(&commits),
                    entropy: Arc::clone(&parts.entropy),
                };
                tokio::spawn(writer.run())
            })
            .collect();
        Ok(Self {
            writing,
            pool: reading,
            retention_days: parts.retention_days,
            clock: parts.clock,
            faults: parts.faults,
            writers: Mutex::new(tasks),
            keeper,
            walk: expire::Walk::default(),
            commits,
        })
    }

    #[cfg(test)]
    pub(super) fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Ends the writers once the queue is written, then the connections; the
    /// queue must be closed.
    pub(super) async fn close(&self) {
        self.faults.release();
        self.keeper.abort();
        let writers: Vec<JoinHandle<()>> = std::mem::take(&mut *lock(&self.writers));
        for writer in writers {
            if writer.await.is_err() {
                tracing::error!("a telemetry writer panicked");
            }
        }
        tokio::join!(self.writing.close(), self.pool.close());
    }
}

async fn pool(options: &PgConnectOptions, connections: u32) -> Result<PgPool, TelemetryError> {
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_LIMIT)
        .test_before_acquire(false)
        .connect_with(options.clone())
        .await
        .map_err(|error| TelemetryError::write(&error))
}

impl Drop for PostgresTables {
    fn drop(&mut self) {
        self.keeper.abort();
        for writer in lock(&self.writers).drain(..) {
            writer.abort();
        }
    }
}

#[cfg(test)]
mod tests;
