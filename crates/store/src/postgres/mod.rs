//! The scale-out database: one transaction for each command.
//!
//! An SOS has connections of its own, so that nothing else can keep it waiting
//! for one. A command runs in a task of its own, so that a caller who goes away
//! cannot abort it.
//!
//! When the answer to a COMMIT is lost, nobody knows whether it happened. The
//! command is then run again: that is right because commands are re-runnable and
//! find out by key what is done already (see [`Command`]).

pub(crate) mod connect;
mod run;

use std::sync::Arc;

use sqlx::{PgPool, Transaction};
use tokio::sync::Semaphore;

use crate::command::{Command, Lane};
use crate::commits::Commits;
use crate::dialect::Dialect;
use crate::environment::Environment;
use crate::error::StoreError;
use crate::failure;
use crate::lanes::{SOS_PLACE_WAIT, places};
use crate::master_key;
use crate::migrate::Schema;
use crate::open::OpenError;
use crate::stats::Counters;
use crate::store::{Opening, StoreConfig};
use crate::tx::{Connection, Deadline, ReadTx};

/// Connections that only SOS commands use, and the reads that an SOS depends on.
const SOS_CONNECTIONS: u32 = 8;
/// Connections of everything else.
const GENERAL_CONNECTIONS: u32 = 16;

const BEGIN_READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// The scale-out engine.
pub(crate) struct Postgres {
    sos: PgPool,
    general: PgPool,
    places: [Arc<Semaphore>; 4],
    environment: Arc<Environment>,
    commits: Arc<Commits>,
    counters: Arc<Counters>,
}

impl Postgres {
    /// Connects, checks the server, brings the schema up to date.
    pub(crate) async fn open(
        config: &StoreConfig,
        url: &str,
        opening: Opening,
        commits: Arc<Commits>,
        counters: Arc<Counters>,
    ) -> Result<(Self, Arc<Environment>), OpenError> {
        let options = connect::options(url)?;
        let environment = Arc::new(prepare(&options, config, opening).await?);
        let sos = connect::pool(&options, SOS_CONNECTIONS).await?;
        let general = connect::pool(&options, GENERAL_CONNECTIONS).await?;
        let engine = Self {
            sos,
            general,
            places: Lane::ALL.map(|lane| Arc::new(Semaphore::new(places(lane)))),
            environment: Arc::clone(&environment),
            commits,
            counters,
        };
        Ok((engine, environment))
    }

    /// Runs a command in a task of its own, in its lane's pool.
    pub(crate) async fn write<C: Command>(
        &self,
        lane: Lane,
        command: C,
    ) -> Result<C::Output, StoreError> {
        let busy = StoreError::Busy {
            lane: lane.as_str(),
        };
        let queue = Arc::clone(self.queue(lane)?);
        let place = if lane == Lane::Sos {
            match tokio::time::timeout(SOS_PLACE_WAIT, queue.acquire_owned()).await {
                Ok(place) => place.map_err(|_| StoreError::Closed)?,
                Err(_) => return Err(busy),
            }
        } else {
            queue.try_acquire_owned().map_err(|_| busy)?
        };
        let runner = run::Runner {
            pool: if lane == Lane::Sos {
                self.sos.clone()
            } else {
                self.general.clone()
            },
            environment: Arc::clone(&self.environment),
            commits: Arc::clone(&self.commits),
            counters: Arc::clone(&self.counters),
            limit: run::RUN_LIMIT,
        };
        let task = tokio::spawn(async move {
            let done = runner.run(&command).await;
            drop(place);
            done
        });
        task.await.unwrap_or(Err(StoreError::Closed))
    }

    fn queue(&self, lane: Lane) -> Result<&Arc<Semaphore>, StoreError> {
        Lane::ALL
            .iter()
            .zip(&self.places)
            .find(|(of, _)| **of == lane)
            .map(|(_, queue)| queue)
            .ok_or(StoreError::Closed)
    }

    /// Whether commands are taken.
    pub(crate) fn is_open(&self) -> bool {
        !self.sos.is_closed()
    }

    /// How many commands run or wait in each lane.
    pub(crate) fn waiting(&self) -> [(Lane, usize); 4] {
        Lane::ALL.map(|lane| {
            let free = self
                .queue(lane)
                .map_or(0, |queue| queue.available_permits());
            (lane, places(lane).saturating_sub(free))
        })
    }

    pub(crate) async fn read(&self, deadline: Deadline) -> Result<ReadTx, StoreError> {
        self.read_on(&self.general, deadline).await
    }

    /// A read that an SOS depends on.
    pub(crate) async fn read_urgent(&self, deadline: Deadline) -> Result<ReadTx, StoreError> {
        self.read_on(&self.sos, deadline).await
    }

    async fn read_on(&self, pool: &PgPool, deadline: Deadline) -> Result<ReadTx, StoreError> {
        let beginning = begin(pool, BEGIN_READ);
        let begun = tokio::time::timeout_at(deadline.at, beginning)
            .await
            .map_err(|_| StoreError::TimedOut {
                limit: deadline.limit,
            })??;
        Ok(ReadTx::new(
            Connection::PostgresRead(begun),
            Arc::clone(&self.environment),
            deadline,
        ))
    }

    /// Waits for the running commands, then closes the connections.
    pub(crate) async fn close(&self) {
        for (lane, queue) in Lane::ALL.iter().zip(&self.places) {
            let all = u32::try_from(places(*lane)).unwrap_or(u32::MAX);
            // All places free: no command runs any more, and none begins.
            let _ = queue.acquire_many(all).await;
            queue.close();
        }
        self.sos.close().await;
        self.general.close().await;
    }
}

/// Begins a transaction. After a restart of the server every idle connection of
/// the pool is dead and found out only when used: each is tried once.
async fn begin(
    pool: &PgPool,
    statement: &'static str,
) -> Result<Transaction<'static, sqlx::Postgres>, StoreError> {
    let mut dead = pool.num_idle();
    loop {
        match pool.begin_with(statement).await {
            Ok(begun) => return Ok(begun),
            Err(error) => {
                let hopeless = matches!(error, sqlx::Error::PoolTimedOut)
                    || !failure::is_of_connection(&error);
                if hopeless || dead == 0 {
                    return Err(StoreError::of_beginning(error));
                }
                dead -= 1;
            }
        }
    }
}

/// Looks, finds the key, migrates: under an advisory lock, because two servers
/// may start on the same empty database at once.
async fn prepare(
    options: &sqlx::postgres::PgConnectOptions,
    config: &StoreConfig,
    opening: Opening,
) -> Result<Environment, OpenError> {
    let mut connection = connect::first(options).await?;
    connect::lock_schema(&mut connection).await?;
    let mut schema = Schema::Postgres(&mut connection);
    let found = schema.look().await?;
    let fingerprint = found.fingerprint.as_deref();
    let vault = opening.master_key(&config.data_dir, fingerprint)?;
    let now = opening.clock.now();
    schema.upgrade(&found, vault.as_ref(), now).await?;
    master_key::require_next(vault.as_ref(), schema.next_fingerprint().await?)?;
    // The lock goes with the connection.
    let _ = sqlx::Connection::close(connection).await;
    Ok(opening.environment(Dialect::Postgres, vault))
}

#[cfg(test)]
mod race_tests;
#[cfg(test)]
mod tests;
