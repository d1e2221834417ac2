//! How the file is opened: the settings that durability needs, set and read back.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, Row as _};

use crate::data_dir::{self, io_error};
use crate::error::StoreError;
use crate::failure;
use crate::open::OpenError;

use super::direct::{self, Direct};
use super::readers::SCHEMA;

/// How long a command waits for a checkpoint, or another program, that holds the lock;
/// and so does whatever is opened.
pub(super) const BUSY_WAIT: Duration = Duration::from_secs(5);
/// How long the writer waits in one attempt. In between it finds out whose wait is over.
const IMPATIENCE: Duration = Duration::from_millis(500);
/// How long a checkpoint waits for the writer or a reader.
const CHECKPOINT_WAIT: Duration = Duration::from_millis(100);
/// Prepared statements kept per connection: more than the crate has.
const STATEMENTS: usize = 512;
/// The first bytes of every SQLite file.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// After an unclean end, files up to this size are checked page by page (about
/// 0.3 s); larger ones would make the start slow.
const QUICK_CHECK_BYTES: u64 = 64 << 20;

/// What the writing connection is set to.
const SET: [&str; 6] = [
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA wal_autocheckpoint = 0",
    "PRAGMA journal_size_limit = 67108864",
    "PRAGMA temp_store = MEMORY",
];

/// The settings that durability needs, each with what reading it back must say.
const SETTINGS: [(&str, &str, &str); 4] = [
    ("journal_mode", "PRAGMA journal_mode", "wal"),
    ("synchronous", "PRAGMA synchronous", "2"),
    ("foreign_keys", "PRAGMA foreign_keys", "1"),
    ("wal_autocheckpoint", "PRAGMA wal_autocheckpoint", "0"),
];

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_WAIT)
        .statement_cache_capacity(STATEMENTS)
        .pragma("wal_autocheckpoint", "0")
        .pragma("journal_size_limit", "67108864")
        .pragma("temp_store", "MEMORY")
        .disable_statement_logging()
}

/// Options for looking at the schema of a file that a server may be writing.
pub(crate) fn looking(path: &Path) -> SqliteConnectOptions {
    options(path)
        .create_if_missing(false)
        .pragma("query_only", "ON")
}

/// Options for looking at that of a file that nobody writes.
pub(crate) fn looking_still(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .immutable(true)
        .disable_statement_logging()
}

/// Opens a connection that reads.
pub(crate) fn reading(path: &Path) -> Result<Direct, sqlx::Error> {
    let connection = Direct::open(path)?;
    prepared(
        connection,
        &["PRAGMA temp_store = MEMORY", "PRAGMA query_only = ON"],
    )
}

/// Opens a connection that is there for its being open.
pub(super) fn keeping(path: &Path) -> Result<Direct, sqlx::Error> {
    let mut connection = reading(path)?;
    connection.fetch_all(SCHEMA, direct::NONE)?;
    Ok(connection)
}

/// Opens a connection that changes nothing in a file, nor in the log that a server left
/// behind, while this one is closed last.
pub(crate) fn checking(path: &Path) -> Result<Direct, sqlx::Error> {
    let mut connection = reading(path)?;
    connection.leave_log()?;
    connection.fetch_all(SCHEMA, direct::NONE)?;
    Ok(connection)
}

/// Opens a connection to a file that nobody writes.
pub(crate) fn still(path: &Path) -> Result<Direct, sqlx::Error> {
    prepared(Direct::open_still(path)?, &[])
}

fn prepared(mut connection: Direct, settings: &[&'static str]) -> Result<Direct, sqlx::Error> {
    connection.wait_for(BUSY_WAIT)?;
    connection.keep_statements(STATEMENTS);
    for set in settings {
        connection.execute(set, direct::NONE)?;
    }
    Ok(connection)
}

/// Opens the connection that looks at the schema and brings it up to date.
pub(super) async fn migrating(path: &Path) -> Result<SqliteConnection, OpenError> {
    let opened = options(path).connect().await;
    opened.map_err(|error| open_error(path, error))
}

/// Opens the writing connection and reads its settings back. The file is there: one
/// that is gone is missed, and no empty one takes its place.
pub(super) fn writing(path: &Path) -> Result<Direct, OpenError> {
    let told = |error| open_error(path, error);
    let connection = Direct::open(path).map_err(told)?;
    let mut connection = prepared(connection, &SET).map_err(told)?;
    for (setting, question, wanted) in SETTINGS {
        let found = setting_of(&mut connection, question).map_err(told)?;
        if found != wanted {
            return Err(OpenError::Setting {
                setting,
                wanted,
                found,
            });
        }
    }
    connection.wait_for(IMPATIENCE).map_err(told)?;
    Ok(connection)
}

fn setting_of(connection: &mut Direct, question: &'static str) -> Result<String, sqlx::Error> {
    let rows = connection.fetch_all(question, direct::NONE)?;
    let row = rows.first().map_or(&[][..], Vec::as_slice);
    direct::read::<String>(row, 0)
        .or_else(|_| direct::read::<i64>(row, 0).map(|number| number.to_string()))
        .map_err(sqlx::Error::Protocol)
}

/// Opens the checkpointing connection. It syncs, too, so it is as careful.
pub(super) async fn checkpointing(path: &Path) -> Result<SqliteConnection, sqlx::Error> {
    options(path)
        .create_if_missing(false)
        .busy_timeout(CHECKPOINT_WAIT)
        .connect()
        .await
}

/// Refuses a database of which a file may not be written.
pub(super) fn require_writable(path: &Path) -> Result<(), OpenError> {
    data_dir::require_writable(path)?;
    for suffix in ["-wal", "-shm"] {
        data_dir::require_writable(&sibling(path, suffix))?;
    }
    Ok(())
}

async fn ask(
    connection: &mut SqliteConnection,
    question: &'static str,
) -> Result<String, sqlx::Error> {
    let row = connection.fetch_one(question).await?;
    row.try_get::<String, _>(0)
        .or_else(|_| row.try_get::<i64, _>(0).map(|number| number.to_string()))
}

/// Looks at the file before SQLite may touch it: what is no database is refused,
/// and after an unclean end a file of moderate size is checked.
pub(super) async fn inspect(path: &Path) -> Result<(), OpenError> {
    if !path.exists() {
        return Ok(());
    }
    let mut file = File::open(path).map_err(io_error("open", path))?;
    let length = file.metadata().map_err(io_error("open", path))?.len();
    if length == 0 {
        return Ok(());
    }
    let mut head = [0_u8; MAGIC.len()];
    let read = file.read_exact(&mut head);
    if read.is_err() || head != *MAGIC {
        return Err(corrupt(path, "it is not a SQLite database"));
    }
    let log = sibling(path, "-wal");
    let unclean = log.metadata().is_ok_and(|log| log.len() > 0);
    // Closed later it would take SQLite's locks away, which are the process's.
    drop(file);
    if unclean && length <= QUICK_CHECK_BYTES {
        quick_check(path).await?;
    }
    Ok(())
}

async fn quick_check(path: &Path) -> Result<(), OpenError> {
    let mut connection = options(path)
        .create_if_missing(false)
        .connect()
        .await
        .map_err(|error| open_error(path, error))?;
    let verdict = ask(&mut connection, "PRAGMA quick_check(1)").await;
    // Now, and not when its thread comes to it.
    let _ = connection.close().await;
    let verdict = verdict.map_err(|error| open_error(path, error))?;
    if verdict == "ok" {
        Ok(())
    } else {
        Err(corrupt(path, &verdict))
    }
}

pub(crate) fn sibling(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn corrupt(path: &Path, reason: &str) -> OpenError {
    OpenError::Corrupt {
        path: path.to_owned(),
        reason: reason.to_owned(),
    }
}

/// What a driver's error while opening means.
pub(super) fn open_error(path: &Path, error: sqlx::Error) -> OpenError {
    if failure::is_corruption(&error) {
        corrupt(path, &error.to_string())
    } else {
        StoreError::of_statement("open", error).into()
    }
}

/// Says "damaged" where a statement found damage.
pub(super) fn corrupt_or(path: &Path, error: OpenError) -> OpenError {
    match error {
        OpenError::Store(
            StoreError::Unavailable { source } | StoreError::Statement { source, .. },
        ) if failure::is_corruption(&source) => corrupt(path, &source.to_string()),
        other => other,
    }
}
