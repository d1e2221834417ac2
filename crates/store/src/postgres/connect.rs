//! How PostgreSQL is connected to, and what it must promise.

use std::str::FromStr as _;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, PgPool, Row as _};

use crate::error::StoreError;
use crate::open::OpenError;

/// How long a command or a query waits for a connection.
const ACQUIRE_WAIT: Duration = Duration::from_secs(5);
/// How long the first connection may take.
const CONNECT_WAIT: Duration = Duration::from_secs(10);
/// A connection that was idle for longer is tried before it is used; a busy one
/// is not, which saves a round trip.
const TRUSTED_IDLE: Duration = Duration::from_secs(1);
/// How long a connection may take to answer when it is tried. One that a fail-over
/// left without a peer never answers, and must not keep its place meanwhile.
const ANSWER_WAIT: Duration = Duration::from_secs(1);
/// Prepared statements kept per connection: more than the crate has.
const STATEMENTS: usize = 512;

/// What every connection is set to: commits that wait for the disk, and limits
/// on statements, locks and idle transactions.
const SETTINGS: &str = "SET synchronous_commit = on; SET statement_timeout = '10s'; \
     SET lock_timeout = '5s'; SET idle_in_transaction_session_timeout = '15s'; \
     SET default_transaction_isolation = 'read committed'";

/// Any number will do that nobody else uses: the ASCII codes of "mayday".
const SCHEMA_LOCK: &str = "SELECT pg_advisory_lock(120100085267833)";
/// The lock may take as long as another server's migration.
const SCHEMA_LOCK_WAIT: &str = "SET lock_timeout = '60s'; SET statement_timeout = '120s'";

pub(crate) fn options(url: &str) -> Result<PgConnectOptions, OpenError> {
    let shaped = url.starts_with("postgres://") || url.starts_with("postgresql://");
    if !shaped {
        return Err(OpenError::Url {
            reason: "it does not begin with postgres://".to_owned(),
        });
    }
    let options = PgConnectOptions::from_str(url).map_err(|_| OpenError::Url {
        // The driver's text may repeat the password.
        reason: "it cannot be parsed".to_owned(),
    })?;
    Ok(options
        .application_name("mayday")
        .statement_cache_capacity(STATEMENTS)
        .disable_statement_logging())
}

/// The first connection: what the server promises is checked on it.
pub(super) async fn first(options: &PgConnectOptions) -> Result<PgConnection, OpenError> {
    let connecting = tokio::time::timeout(CONNECT_WAIT, options.connect());
    let mut connection = connecting
        .await
        .map_err(|_| OpenError::Connect {
            source: sqlx::Error::PoolTimedOut,
        })?
        .map_err(|source| OpenError::Connect { source })?;
    connection
        .execute(SETTINGS)
        .await
        .map_err(|source| OpenError::Connect { source })?;
    for setting in ["fsync", "full_page_writes", "synchronous_commit"] {
        let found = setting_of(&mut connection, setting).await?;
        if found != "on" {
            return Err(OpenError::Setting {
                setting,
                wanted: "on",
                found,
            });
        }
    }
    let standbys = setting_of(&mut connection, "synchronous_standby_names").await?;
    if standbys.is_empty() {
        tracing::warn!(
            "PostgreSQL has no synchronous standby: what is acknowledged lies on one disk only \
             (set synchronous_standby_names)"
        );
    }
    Ok(connection)
}

async fn setting_of(
    connection: &mut PgConnection,
    setting: &'static str,
) -> Result<String, OpenError> {
    sqlx::query("SELECT current_setting($1)")
        .bind(setting)
        .fetch_one(connection)
        .await
        .and_then(|row| row.try_get(0))
        .map_err(|source| OpenError::Connect { source })
}

/// Waits until no other server changes the schema.
pub(super) async fn lock_schema(connection: &mut PgConnection) -> Result<(), OpenError> {
    for statement in [SCHEMA_LOCK_WAIT, SCHEMA_LOCK] {
        connection
            .execute(sqlx::raw_sql(statement))
            .await
            .map_err(|error| StoreError::of_statement(statement, error))?;
    }
    Ok(())
}

/// A pool of checked, set-up connections; one is opened at once.
pub(super) async fn pool(options: &PgConnectOptions, size: u32) -> Result<PgPool, OpenError> {
    PgPoolOptions::new()
        .max_connections(size)
        .min_connections(1)
        .acquire_timeout(ACQUIRE_WAIT)
        .test_before_acquire(false)
        .after_connect(|connection, _| {
            Box::pin(async move {
                connection.execute(sqlx::raw_sql(SETTINGS)).await?;
                Ok(())
            })
        })
        .before_acquire(|connection, about| {
            Box::pin(async move {
                if about.idle_for > TRUSTED_IDLE {
                    answers(connection).await?;
                }
                Ok(true)
            })
        })
        // What was given up in the middle of a statement is closed if its
        // connection does not come to an end with it soon.
        .after_release(|connection, _| {
            Box::pin(async move {
                answers(connection).await?;
                Ok(true)
            })
        })
        .connect_with(options.clone())
        .await
        .map_err(|source| OpenError::Connect { source })
}

/// Tries a connection, within [`ANSWER_WAIT`].
async fn answers(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    tokio::time::timeout(ANSWER_WAIT, connection.ping())
        .await
        .unwrap_or_else(|_| Err(silent()))
}

/// What a connection's silence is to whoever waits for it.
pub(super) fn silent() -> sqlx::Error {
    sqlx::Error::Io(std::io::Error::new(
        std::io::ErrorKind::TimedOut,
        "PostgreSQL does not answer",
    ))
}
