//! Brings a database to this binary's schema, after looking at it.
//!
//! Looking comes first and changes nothing: a newer schema or an altered step is
//! a refusal. Each step runs in a transaction of its own together with its row
//! in `schema_migrations`.

use mayday_core::time::Timestamp;
use sha2::{Digest as _, Sha256};
use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection as _, Executor as _, Row as _};

use crate::dialect::Dialect;
use crate::error::StoreError;
use crate::hex;
use crate::migrations::{MIGRATIONS, Migration};
use crate::open::OpenError;
use crate::secrets::Vault;

const FIND_TABLE_SQLITE: &str =
    "SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table' AND name = 'schema_migrations'";
const FIND_TABLE_POSTGRES: &str = "SELECT COUNT(*) FROM pg_tables \
     WHERE schemaname = current_schema() AND tablename = 'schema_migrations'";
const CREATE_TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (\
     number BIGINT PRIMARY KEY NOT NULL, name TEXT NOT NULL, checksum TEXT NOT NULL, \
     applied_at BIGINT NOT NULL)";
const APPLIED: &str = "SELECT number, name, checksum FROM schema_migrations ORDER BY number";
const RECORD: &str =
    "INSERT INTO schema_migrations (number, name, checksum, applied_at) VALUES ($1, $2, $3, $4)";
const FINGERPRINT: &str = "SELECT key_fingerprint FROM control WHERE id = 1";
const NEXT_FINGERPRINT: &str = "SELECT next_key_fingerprint FROM control WHERE id = 1";
const CREATE_CONTROL: &str = "INSERT INTO control (id, version, key_fingerprint, created_at) \
     VALUES (1, 1, $1, $2) ON CONFLICT (id) DO NOTHING";

/// A connection whose schema is looked at and changed.
pub(crate) enum Schema<'c> {
    Sqlite(&'c mut SqliteConnection),
    Postgres(&'c mut PgConnection),
}

/// What a look at a database found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    /// How many steps are applied.
    pub(crate) applied: usize,
    /// The master key's fingerprint; `None` in an empty database.
    pub(crate) fingerprint: Option<String>,
}

/// Runs the same code on either kind of connection.
macro_rules! on {
    ($schema:expr, $connection:ident => $body:expr) => {
        match $schema {
            Schema::Sqlite($connection) => $body,
            Schema::Postgres($connection) => $body,
        }
    };
}

impl Schema<'_> {
    fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Looks at the database without changing it.
    pub(crate) async fn look(&mut self) -> Result<Found, OpenError> {
        let find = match self.dialect() {
            Dialect::Sqlite => FIND_TABLE_SQLITE,
            Dialect::Postgres => FIND_TABLE_POSTGRES,
        };
        let tables: i64 = on!(self, connection => {
            connection.fetch_one(find).await.and_then(|row| row.try_get(0))
        })
        .map_err(|error| StoreError::of_statement(find, error))?;
        if tables == 0 {
            return Ok(Found::default());
        }
        let steps = self.applied().await?;
        check(&steps, self.dialect())?;
        let fingerprint = if steps.is_empty() {
            None
        } else {
            on!(self, connection => {
                match connection.fetch_optional(FINGERPRINT).await {
                    Ok(Some(row)) => row.try_get(0).map(Some),
                    Ok(None) => Ok(None),
                    Err(error) => Err(error),
                }
            })
            .map_err(|error| StoreError::of_statement(FINGERPRINT, error))?
        };
        Ok(Found {
            applied: steps.len(),
            fingerprint,
        })
    }

    async fn applied(&mut self) -> Result<Vec<Step>, StoreError> {
        on!(self, connection => {
            let rows = connection.fetch_all(APPLIED).await;
            rows.and_then(|rows| {
                rows.iter()
                    .map(|row| {
                        Ok(Step {
                            number: row.try_get(0)?,
                            name: row.try_get(1)?,
                            checksum: row.try_get(2)?,
                        })
                    })
                    .collect()
            })
        })
        .map_err(|error| StoreError::of_statement(APPLIED, error))
    }

    /// Applies what is missing and writes the control row of a new database, which
    /// takes its master key.
    pub(crate) async fn upgrade(
        &mut self,
        found: &Found,
        vault: Option<&Vault>,
        now: Timestamp,
    ) -> Result<(), OpenError> {
        self.execute(CREATE_TABLE).await?;
        for migration in MIGRATIONS.iter().skip(found.applied) {
            self.apply(migration, now).await?;
            tracing::debug!(migration.name, "applied a schema step");
        }
        let Some(vault) = vault else {
            return Ok(());
        };
        on!(self, connection => {
            sqlx::query(CREATE_CONTROL)
                .bind(vault.newest())
                .bind(now.as_micros())
                .execute(&mut **connection)
                .await
                .map(|_| ())
        })
        .map_err(|error| StoreError::of_statement(CREATE_CONTROL, error))?;
        Ok(())
    }

    /// The fingerprint of the key that replaces the one in use, while it is being
    /// rotated. Ask after [`Schema::upgrade`].
    pub(crate) async fn next_fingerprint(&mut self) -> Result<Option<String>, OpenError> {
        let next: Option<String> = on!(self, connection => {
            connection.fetch_one(NEXT_FINGERPRINT).await.and_then(|row| row.try_get(0))
        })
        .map_err(|error| StoreError::of_statement(NEXT_FINGERPRINT, error))?;
        Ok(next)
    }

    async fn execute(&mut self, statement: &'static str) -> Result<(), StoreError> {
        on!(self, connection => connection.execute(statement).await.map(|_| ()))
            .map_err(|error| StoreError::of_statement(statement, error))
    }

    async fn apply(
        &mut self,
        migration: &'static Migration,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let sql = migration.sql(self.dialect());
        let checksum = checksum(sql);
        on!(self, connection => {
            let work = async {
                let mut transaction = connection.begin().await?;
                sqlx::raw_sql(sql).execute(&mut *transaction).await?;
                sqlx::query(RECORD)
                    .bind(migration.number)
                    .bind(migration.name)
                    .bind(checksum)
                    .bind(now.as_micros())
                    .execute(&mut *transaction)
                    .await?;
                transaction.commit().await
            };
            work.await
        })
        .map_err(|error| StoreError::of_statement(migration.name, error))
    }
}

/// A step that a database says was applied.
struct Step {
    number: i64,
    name: String,
    checksum: String,
}

fn check(steps: &[Step], dialect: Dialect) -> Result<(), OpenError> {
    let known = MIGRATIONS.last().map_or(0, |migration| migration.number);
    if let Some(newer) = steps.iter().find(|step| step.number > known) {
        return Err(OpenError::Newer {
            found: newer.number,
            known,
        });
    }
    for (step, migration) in steps.iter().zip(MIGRATIONS) {
        let same =
            step.number == migration.number && step.checksum == checksum(migration.sql(dialect));
        if !same {
            return Err(OpenError::Altered {
                name: step.name.clone(),
            });
        }
    }
    Ok(())
}

fn checksum(sql: &str) -> String {
    hex::encode(&Sha256::digest(sql.as_bytes()))
}

#[cfg(test)]
mod tests;
