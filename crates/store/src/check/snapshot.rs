//! One connection to a database that is only looked at: no lock on the data
//! directory, no schema step, no write.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, PgPool};
use tokio::time::timeout;

use crate::dialect::Dialect;
use crate::environment::Environment;
use crate::error::StoreError;
use crate::migrate::{Found, Schema};
use crate::open::OpenError;
use crate::postgres::connect as postgres;
use crate::sqlite::connect as sqlite;
use crate::sqlite::direct::Direct;
use crate::sqlite::readers::Readers;
use crate::tx::{Connection, Deadline, ReadTx};

/// How long the questions may take together.
const LIMIT: Duration = Duration::from_hours(1);
/// How long connecting may take.
const CONNECT_WAIT: Duration = Duration::from_secs(10);
/// Whole tables are read: the server's limit for everyday statements is too short.
const PATIENCE: &str =
    "SET statement_timeout = '30min'; SET idle_in_transaction_session_timeout = '30min'";
const BEGIN_READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// A database that is looked at.
pub(super) enum Snapshot {
    Sqlite {
        looking: Box<SqliteConnectOptions>,
        reader: Readers,
        /// Closed last: whoever closes a file last would carry its log over.
        keeper: Option<Direct>,
    },
    Postgres(PgPool),
}

impl Snapshot {
    /// A file that a server may be writing, or left behind with its log.
    pub(super) async fn live(path: &Path) -> Result<Self, StoreError> {
        let place = path.to_owned();
        let opened = tokio::task::spawn_blocking(move || sqlite::checking(&place));
        let keeper = opened.await.unwrap_or(Err(sqlx::Error::WorkerCrashed));
        Ok(Self::Sqlite {
            looking: Box::new(sqlite::looking(path)),
            reader: Readers::new(path.to_owned(), sqlite::checking, 1),
            keeper: Some(keeper.map_err(StoreError::of_beginning)?),
        })
    }

    /// A file that nobody writes.
    pub(super) fn still(path: &Path) -> Self {
        Self::Sqlite {
            looking: Box::new(sqlite::looking_still(path)),
            reader: Readers::new(path.to_owned(), sqlite::still, 1),
            keeper: None,
        }
    }

    /// A PostgreSQL database.
    pub(super) async fn postgres(url: &str) -> Result<Self, OpenError> {
        let options = postgres::options(url)?;
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(CONNECT_WAIT)
            .after_connect(|connection, _| {
                Box::pin(async move {
                    connection.execute(sqlx::raw_sql(PATIENCE)).await?;
                    Ok(())
                })
            })
            .connect_with(options)
            .await
            .map_err(|source| OpenError::Connect { source })?;
        Ok(Self::Postgres(pool))
    }

    pub(super) const fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite { .. } => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Its schema.
    pub(super) async fn look(&mut self) -> Result<Found, OpenError> {
        match self {
            Self::Sqlite { looking, .. } => {
                let connected = timeout(CONNECT_WAIT, looking.connect()).await;
                let mut connection = connected
                    .unwrap_or(Err(sqlx::Error::PoolTimedOut))
                    .map_err(StoreError::of_beginning)?;
                let found = Schema::Sqlite(&mut connection).look().await;
                let _ = connection.close().await;
                found
            }
            Self::Postgres(pool) => {
                let mut connection = pool.acquire().await.map_err(StoreError::of_beginning)?;
                Schema::Postgres(&mut connection).look().await
            }
        }
    }

    /// One transaction for all questions.
    pub(super) async fn read(&mut self, environment: Environment) -> Result<ReadTx, StoreError> {
        let deadline = Deadline::within(LIMIT);
        let connection = match self {
            Self::Sqlite { reader, .. } => Connection::SqliteRead(reader.begin(deadline).await?),
            Self::Postgres(pool) => {
                let begun = pool.begin_with(BEGIN_READ).await;
                Connection::PostgresRead(begun.map_err(StoreError::of_beginning)?)
            }
        };
        Ok(ReadTx::new(connection, Arc::new(environment), deadline))
    }

    /// Closes its files.
    pub(super) async fn close(self) {
        match self {
            Self::Sqlite { reader, keeper, .. } => {
                reader.close().await;
                drop(keeper);
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}
