//! How the file is opened: the settings that durability needs, set and read back.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Executor as _, Row as _};

use crate::data_dir::{self, io_error};
use crate::error::StoreError;
use crate::failure;
use crate::open::OpenError;

/// How long a command waits for a checkpoint, or another program, that holds the lock;
/// and so does whatever is opened.
pub(super) const BUSY_WAIT: Duration = Duration::from_secs(5);
/// How long the writer waits in one attempt. In between it finds out whose wait is over.
const IMPATIENCE: &str = "PRAGMA busy_timeout = 500";
/// How long a checkpoint waits for the writer or a reader.
const CHECKPOINT_WAIT: Duration = Duration::from_millis(100);
/// Prepared statements kept per connection: more than the crate has.
const STATEMENTS: usize = 512;
/// The first bytes of every SQLite file.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// After an unclean end, files up to this size are checked page by page (about
/// 0.3 s); larger ones would make the start slow.
const QUICK_CHECK_BYTES: u64 = 64 << 20;

/// The settings, each with what reading it back must say.
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

/// Options for a file that nobody writes: it is not locked, and nothing is made
/// beside it.
pub(crate) fn still(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .immutable(true)
        .statement_cache_capacity(STATEMENTS)
        .disable_statement_logging()
}

/// Options of the reading connections.
pub(crate) fn reading(path: &Path) -> SqliteConnectOptions {
    options(path)
        .create_if_missing(false)
        .pragma("query_only", "ON")
}

/// Opens the writing connection and reads its settings back.
pub(super) async fn writing(path: &Path) -> Result<SqliteConnection, OpenError> {
    let mut connection = options(path)
        .connect()
        .await
        .map_err(|error| open_error(path, error))?;
    for (setting, question, wanted) in SETTINGS {
        let found = ask(&mut connection, question)
            .await
            .map_err(|error| open_error(path, error))?;
        if found != wanted {
            return Err(OpenError::Setting {
                setting,
                wanted,
                found,
            });
        }
    }
    Ok(connection)
}

/// Has the writer's connection wait for a moment only, again and again.
pub(super) async fn be_impatient(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    connection.execute(IMPATIENCE).await.map(drop)
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
    let verdict = ask(&mut connection, "PRAGMA quick_check(1)")
        .await
        .map_err(|error| open_error(path, error))?;
    if verdict == "ok" {
        Ok(())
    } else {
        Err(corrupt(path, &verdict))
    }
}

fn sibling(path: &Path, suffix: &str) -> PathBuf {
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
