//! SQLite called on the spot: a connection for the thread that holds it.
//!
//! What an SOS, its events and its messages cost is mostly statements of a few
//! microseconds each, so the writer makes them on its own thread, without a driver's
//! thread in between (`docs/adr/0028-a-writer-without-a-driver.md`); readers have
//! threads in [`super::readers`].
//!
//! Errors take the form of the driver's, so that what they mean is judged in one place,
//! [`crate::failure`].

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::types::{FromSql, ToSqlOutput, Value, ValueRef};
use rusqlite::{CachedStatement, Connection, InterruptHandle, OpenFlags, ToSql};
use sqlx::error::{DatabaseError, ErrorKind};
use uuid::Uuid;

use crate::arg::Arg;

/// Extended result codes: a broken UNIQUE, a broken PRIMARY KEY, a rowid that is there.
const UNIQUE_CODES: [i32; 3] = [2067, 1555, 2579];

/// No values.
pub(super) const NONE: &[Value] = &[];

/// One connection, for the thread that holds it.
pub(crate) struct Direct(Connection);

impl Direct {
    /// Opens or creates the file. No setting is made.
    #[cfg(test)]
    pub(super) fn create(path: &Path) -> Result<Self, sqlx::Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        Self::open_as(path, flags)
    }

    /// Opens the file, which is there. No setting is made.
    pub(super) fn open(path: &Path) -> Result<Self, sqlx::Error> {
        Self::open_as(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
    }

    /// Opens a file that nobody writes: it is not locked, and nothing is made beside it.
    pub(super) fn open_still(path: &Path) -> Result<Self, sqlx::Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        Self::open_as(Path::new(&still_uri(path)), flags)
    }

    fn open_as(path: &Path, flags: OpenFlags) -> Result<Self, sqlx::Error> {
        // Each connection stays with one thread at a time: SQLite need not lock it.
        let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opened = Connection::open_with_flags(path, flags);
        opened.map(Self).map_err(told)
    }

    /// How long a statement waits for whoever else holds the database.
    pub(super) fn wait_for(&self, limit: Duration) -> Result<(), sqlx::Error> {
        self.0.busy_timeout(limit).map_err(told)
    }

    /// How many prepared statements are kept.
    pub(super) fn keep_statements(&self, count: usize) {
        self.0.set_prepared_statement_cache_capacity(count);
    }

    /// How many rows the statement changed.
    pub(crate) fn execute(
        &mut self,
        statement: &'static str,
        args: &[impl ToSql],
    ) -> Result<u64, sqlx::Error> {
        let mut prepared = self.prepare(statement, args)?;
        let reads = prepared.readonly();
        let mut rows = prepared.raw_query();
        while rows.next().map_err(told)?.is_some() {}
        drop(rows);
        drop(prepared);
        Ok(if reads { 0 } else { self.0.changes() })
    }

    /// Every row of the statement's result.
    pub(crate) fn fetch_all(
        &mut self,
        statement: &'static str,
        args: &[impl ToSql],
    ) -> Result<Vec<Vec<Value>>, sqlx::Error> {
        let mut prepared = self.prepare(statement, args)?;
        let columns = prepared.column_count();
        let mut rows = prepared.raw_query();
        let mut all = Vec::new();
        while let Some(row) = rows.next().map_err(told)? {
            let values = (0..columns).map(|index| row.get(index));
            all.push(values.collect::<Result<_, _>>().map_err(told)?);
        }
        Ok(all)
    }

    /// Ends a transaction that reads, if there is one.
    pub(super) fn roll_back(&mut self) -> Result<(), sqlx::Error> {
        if self.0.is_autocommit() {
            return Ok(());
        }
        self.execute("ROLLBACK", NONE).map(drop)
    }

    /// What ends a running statement from another thread.
    pub(super) fn interrupt_handle(&self) -> InterruptHandle {
        self.0.get_interrupt_handle()
    }

    /// Leaves the log as it is when the file is closed, also by the last connection.
    pub(super) fn leave_log(&self) -> Result<(), sqlx::Error> {
        let setting = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
        self.0.set_db_config(setting, true).map(drop).map_err(told)
    }

    /// Closes the file, as far as it can be.
    pub(super) fn close(self) -> Result<(), sqlx::Error> {
        self.0.close().map_err(|(_, error)| told(error))
    }

    /// A statement with its values. SQLite numbers placeholders in the order in which
    /// they stand; `$2` is told by its name.
    fn prepare(
        &self,
        statement: &'static str,
        args: &[impl ToSql],
    ) -> Result<CachedStatement<'_>, sqlx::Error> {
        let mut prepared = self.0.prepare_cached(statement).map_err(told)?;
        for place in 1..=prepared.parameter_count() {
            let arg = prepared
                .parameter_name(place)
                .and_then(|name| name.strip_prefix('$')?.parse::<usize>().ok())
                .and_then(|number| args.get(number.checked_sub(1)?));
            let Some(arg) = arg else {
                let what = format!("there is no value for placeholder {place}");
                return Err(sqlx::Error::Encode(what.into()));
            };
            prepared.raw_bind_parameter(place, arg).map_err(told)?;
        }
        Ok(prepared)
    }
}

/// A file's name as SQLite reads one with options.
fn still_uri(path: &Path) -> String {
    let mut uri = "file:".to_owned();
    for byte in path.as_os_str().as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(byte) {
            uri.push(char::from(*byte));
        } else {
            let _ = write!(uri, "%{byte:02x}");
        }
    }
    uri.push_str("?immutable=1");
    uri
}

impl Arg<'_> {
    /// As a value that outlives the arguments.
    pub(super) fn to_value(&self) -> Value {
        match self.value() {
            Ok(ValueRef::Null) => Value::Null,
            Ok(ValueRef::Integer(number)) => Value::Integer(number),
            Ok(ValueRef::Real(number)) => Value::Real(number),
            Ok(ValueRef::Text(text)) => Value::Text(String::from_utf8_lossy(text).into_owned()),
            Ok(ValueRef::Blob(bytes)) => Value::Blob(bytes.to_vec()),
            Err(list) => Value::Text(list),
        }
    }

    /// As SQLite takes it; a list is a JSON text, which has to be made.
    fn value(&self) -> Result<ValueRef<'_>, String> {
        Ok(match self {
            Self::Uuid(Some(id)) => ValueRef::Blob(id.as_bytes()),
            Self::Text(Some(text)) => ValueRef::Text(text.as_bytes()),
            Self::Int(Some(number)) => ValueRef::Integer(*number),
            Self::Float(Some(number)) => ValueRef::Real(*number),
            Self::Bool(Some(truth)) => ValueRef::Integer(i64::from(*truth)),
            Self::Bytes(Some(bytes)) => ValueRef::Blob(bytes),
            Self::Uuid(None)
            | Self::Text(None)
            | Self::Int(None)
            | Self::Float(None)
            | Self::Bool(None)
            | Self::Bytes(None) => ValueRef::Null,
            Self::Uuids(_) | Self::Ints(_) | Self::Texts(_) => return Err(self.json_list()),
        })
    }
}

impl ToSql for Arg<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.value() {
            Ok(value) => ToSqlOutput::Borrowed(value),
            Err(list) => ToSqlOutput::Owned(Value::Text(list)),
        })
    }
}

/// A value of a row, as a type that SQLite knows.
pub(crate) fn read<T: FromSql>(row: &[Value], index: usize) -> Result<T, String> {
    let value = value(row, index)?;
    T::column_result(value.into()).map_err(|error| error.to_string())
}

/// An id of a row.
pub(crate) fn read_uuid(row: &[Value], index: usize) -> Result<Uuid, String> {
    match value(row, index)? {
        Value::Blob(bytes) => Uuid::from_slice(bytes).map_err(|error| error.to_string()),
        other => Err(format!("{} is no id", other.data_type())),
    }
}

/// Whether there is nothing in a column.
pub(crate) fn is_null(row: &[Value], index: usize) -> Result<bool, String> {
    value(row, index).map(|value| *value == Value::Null)
}

fn value(row: &[Value], index: usize) -> Result<&Value, String> {
    row.get(index)
        .ok_or_else(|| format!("there are only {} columns", row.len()))
}

/// What SQLite said, as the driver says it.
fn told(error: rusqlite::Error) -> sqlx::Error {
    match error {
        rusqlite::Error::SqliteFailure(failure, message) => {
            sqlx::Error::Database(Box::new(Refusal {
                code: failure.extended_code,
                message: message.unwrap_or_else(|| failure.to_string()),
            }))
        }
        rusqlite::Error::SqlInputError { error, msg, .. } => {
            sqlx::Error::Database(Box::new(Refusal {
                code: error.extended_code,
                message: msg,
            }))
        }
        // The connection is as it was: a value is not what it is taken for.
        other => sqlx::Error::Decode(Box::new(other)),
    }
}

/// An error of SQLite with its extended result code.
#[derive(Debug)]
pub(crate) struct Refusal {
    code: i32,
    message: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "(code: {}) {}", self.code, self.message)
    }
}

impl std::error::Error for Refusal {}

impl DatabaseError for Refusal {
    fn message(&self) -> &str {
        &self.message
    }

    fn code(&self) -> Option<Cow<'_, str>> {
        Some(self.code.to_string().into())
    }

    fn as_error(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
        self
    }

    fn as_error_mut(&mut self) -> &mut (dyn std::error::Error + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn std::error::Error + Send + Sync + 'static> {
        self
    }

    fn kind(&self) -> ErrorKind {
        if UNIQUE_CODES.contains(&self.code) {
            ErrorKind::UniqueViolation
        } else {
            ErrorKind::Other
        }
    }
}
