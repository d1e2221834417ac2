//! One transaction on either database.
//!
//! Commands and queries alike take `&mut Tx`; what they want others to learn
//! they say with [`Tx::hint`], which is published after the commit and never
//! before it.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use mayday_core::clock::{Clock, Entropy};
use mayday_core::time::Timestamp;
use rusqlite::types::Value;
use sqlx::postgres::{PgArguments, PgConnection};
use sqlx::{Arguments as _, Postgres, Transaction};
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::arg::Arg;
use crate::control;
use crate::dialect::Dialect;
use crate::environment::Environment;
use crate::error::StoreError;
use crate::hint::Hint;
use crate::purpose_keys::PurposeKey;
use crate::row::{Row, RowKind};
use crate::secrets::{Place, SealError, Sealed, Vault, columns};
use crate::sql::Sql;
use crate::sqlite::direct::Direct;
use crate::sqlite::readers::Reading;

/// One transaction. See the module's documentation.
pub struct Tx<'c> {
    connection: Connection<'c>,
    environment: Arc<Environment>,
    hints: Vec<Hint>,
    deadline: Option<Deadline>,
    may_be_done: bool,
}

/// What a transaction runs on.
pub(crate) enum Connection<'c> {
    Sqlite(&'c mut Direct),
    Postgres(&'c mut PgConnection),
    SqliteRead(Reading),
    PostgresRead(Transaction<'static, Postgres>),
}

/// The connection underneath, whoever ends the transaction on it.
enum Driver<'a> {
    Sqlite(&'a mut Direct),
    SqliteRead(&'a mut Reading),
    Postgres(&'a mut PgConnection),
}

impl Connection<'_> {
    fn driver(&mut self) -> Driver<'_> {
        match self {
            Self::Sqlite(connection) => Driver::Sqlite(connection),
            Self::SqliteRead(connection) => Driver::SqliteRead(connection),
            Self::Postgres(connection) => Driver::Postgres(connection),
            Self::PostgresRead(transaction) => Driver::Postgres(transaction),
        }
    }
}

impl Driver<'_> {
    /// How many rows the statement changed.
    async fn execute(self, statement: &'static str, args: &[Arg<'_>]) -> Result<u64, sqlx::Error> {
        match self {
            Self::Sqlite(connection) => connection.execute(statement, args),
            // SQLite refuses there what would change something.
            Self::SqliteRead(connection) => connection.fetch_all(statement, args).await.map(|_| 0),
            Self::Postgres(connection) => {
                let query = sqlx::query_with(statement, postgres_arguments(args)?);
                Ok(query.execute(connection).await?.rows_affected())
            }
        }
    }

    /// Every row of the statement's result.
    async fn fetch_all(
        self,
        statement: &'static str,
        args: &[Arg<'_>],
    ) -> Result<Vec<Row>, sqlx::Error> {
        let rows = match self {
            Self::Sqlite(connection) => sqlite_rows(connection.fetch_all(statement, args)?),
            Self::SqliteRead(connection) => {
                sqlite_rows(connection.fetch_all(statement, args).await?)
            }
            Self::Postgres(connection) => {
                let query = sqlx::query_with(statement, postgres_arguments(args)?);
                let rows = query.fetch_all(connection).await?;
                rows.into_iter().map(RowKind::Postgres).map(Row).collect()
            }
        };
        Ok(rows)
    }
}

/// When a transaction must have ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    pub(crate) at: Instant,
    pub(crate) limit: Duration,
}

impl Deadline {
    /// So long from now on.
    pub(crate) fn within(limit: Duration) -> Self {
        Self {
            at: Instant::now() + limit,
            limit,
        }
    }
}

/// What reads: one snapshot, or one for each statement where it was lent for a single
/// one, over within 5 s. It derefs to [`Tx`]; drop it as soon as the rows are there.
pub struct ReadTx(Tx<'static>);

impl ReadTx {
    pub(crate) fn new(
        connection: Connection<'static>,
        environment: Arc<Environment>,
        deadline: Deadline,
    ) -> Self {
        Self(Tx {
            connection,
            environment,
            hints: Vec::new(),
            deadline: Some(deadline),
            may_be_done: false,
        })
    }
}

impl Deref for ReadTx {
    type Target = Tx<'static>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for ReadTx {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl<'c> Tx<'c> {
    pub(crate) fn new(connection: Connection<'c>, environment: Arc<Environment>) -> Self {
        Self {
            connection,
            environment,
            hints: Vec::new(),
            deadline: None,
            may_be_done: false,
        }
    }

    /// Which database this is.
    pub fn dialect(&self) -> Dialect {
        self.environment.dialect
    }

    /// The current time.
    pub fn now(&self) -> Timestamp {
        self.environment.clock.now()
    }

    /// The clock, for generating ids.
    pub fn clock(&self) -> &dyn Clock {
        self.environment.clock.as_ref()
    }

    /// The generator, for generating ids.
    pub fn entropy(&self) -> &dyn Entropy {
        self.environment.entropy.as_ref()
    }

    /// Encrypts a value for its place in the database, which must be on the list of
    /// sealed columns, with the master key that is in use as long as this
    /// transaction lasts. [`SealError::NoKey`] on a store that was opened without
    /// its key.
    pub async fn seal(&mut self, place: Place, plain: &[u8]) -> Result<Sealed, StoreError> {
        if !columns::is_listed(&place) {
            return Err(SealError::Unlisted.into());
        }
        let vault = self.vault()?.clone();
        let fingerprint = control::sealing_key(self).await?;
        let entropy = self.environment.entropy.as_ref();
        Ok(vault.seal(&fingerprint, place, plain, entropy)?)
    }

    /// The id of the master key with this fingerprint.
    pub(crate) fn key_id(&self, fingerprint: &str) -> Result<String, StoreError> {
        let id = self.vault()?.id_of(fingerprint);
        Ok(id.ok_or(SealError::OtherKey)?)
    }

    /// Decrypts a value that was sealed for this place.
    /// [`SealError::NoKey`] on a store that was opened without its key.
    pub fn unseal(&self, place: Place, sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        Ok(self.vault()?.open(place, sealed)?)
    }

    /// A key that is derived for one purpose, named in words, from the master key in
    /// use: to sign with. Every server derives the same one.
    pub async fn purpose_key(&mut self, purpose: &str) -> Result<PurposeKey, StoreError> {
        let vault = self.vault()?.clone();
        let in_use = control::keys(self).await?.in_use;
        Ok(vault.purpose_key(&in_use, purpose)?)
    }

    /// The keys that something signed for a purpose may have been signed with: from
    /// the master key in use and from others that are here, because one replaces
    /// the other.
    pub async fn purpose_keys(&mut self, purpose: &str) -> Result<Vec<PurposeKey>, StoreError> {
        let mut keys = vec![self.purpose_key(purpose).await?];
        keys.extend(self.vault()?.purpose_keys(purpose));
        Ok(keys)
    }

    fn vault(&self) -> Result<&Vault, SealError> {
        self.environment.vault.as_ref().ok_or(SealError::NoKey)
    }

    /// Marks a run of a command after one whose COMMIT went unanswered.
    pub(crate) fn after_doubt(mut self, doubtful: bool) -> Self {
        self.may_be_done = doubtful;
        self
    }

    /// Whether an earlier run of this command may have been committed: the answer
    /// to its COMMIT was lost. A removal that finds nothing has been done then.
    pub fn may_be_done(&self) -> bool {
        self.may_be_done
    }

    /// Tells others something, once this transaction is committed.
    pub fn hint(&mut self, hint: Hint) {
        self.hints.push(hint);
    }

    pub(crate) fn take_hints(&mut self) -> Vec<Hint> {
        std::mem::take(&mut self.hints)
    }

    /// Runs a statement; answers how many rows it changed.
    pub async fn execute(
        &mut self,
        sql: &'static Sql,
        args: &[Arg<'_>],
    ) -> Result<u64, StoreError> {
        let statement = sql.text(self.environment.dialect);
        let deadline = self.deadline;
        let work = self.connection.driver().execute(statement, args);
        within(deadline, statement, work).await
    }

    /// Runs a statement that must change exactly one row.
    pub async fn execute_one(
        &mut self,
        sql: &'static Sql,
        args: &[Arg<'_>],
    ) -> Result<(), StoreError> {
        let got = self.execute(sql, args).await?;
        if got == 1 {
            Ok(())
        } else {
            Err(StoreError::RowCount {
                statement: sql.text(self.environment.dialect),
                expected: 1,
                got,
            })
        }
    }

    /// All rows of a result. Bound them in the statement with `LIMIT`.
    pub async fn fetch_all(
        &mut self,
        sql: &'static Sql,
        args: &[Arg<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        let statement = sql.text(self.environment.dialect);
        let deadline = self.deadline;
        let work = self.connection.driver().fetch_all(statement, args);
        within(deadline, statement, work).await
    }

    /// The first row of a result, if there is one.
    pub async fn fetch_optional(
        &mut self,
        sql: &'static Sql,
        args: &[Arg<'_>],
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.fetch_all(sql, args).await?.into_iter().next())
    }

    /// The only row of a result; none is an error.
    pub async fn fetch_one(
        &mut self,
        sql: &'static Sql,
        args: &[Arg<'_>],
    ) -> Result<Row, StoreError> {
        self.fetch_optional(sql, args)
            .await?
            .ok_or(StoreError::RowCount {
                statement: sql.text(self.environment.dialect),
                expected: 1,
                got: 0,
            })
    }
}

/// Runs a statement's work within the transaction's deadline.
async fn within<T>(
    deadline: Option<Deadline>,
    statement: &'static str,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, StoreError> {
    let done = match deadline {
        None => work.await,
        Some(Deadline { at, limit }) => tokio::time::timeout_at(at, work)
            .await
            .map_err(|_| StoreError::TimedOut { limit })?,
    };
    done.map_err(|source| StoreError::of_statement(statement, source))
}

fn sqlite_rows(rows: Vec<Vec<Value>>) -> Vec<Row> {
    rows.into_iter().map(RowKind::Sqlite).map(Row).collect()
}

fn postgres_arguments(args: &[Arg<'_>]) -> Result<PgArguments, sqlx::Error> {
    let mut arguments = PgArguments::default();
    for arg in args {
        match arg {
            Arg::Uuid(value) => arguments.add(*value),
            Arg::Text(value) => arguments.add(*value),
            Arg::Int(value) => arguments.add(*value),
            Arg::Float(value) => arguments.add(*value),
            Arg::Bool(value) => arguments.add(*value),
            Arg::Bytes(value) => arguments.add(*value),
            Arg::Uuids(ids) => arguments.add(*ids),
            Arg::Ints(numbers) => arguments.add(*numbers),
            Arg::Texts(texts) => arguments.add(*texts),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

#[cfg(test)]
mod tests;
