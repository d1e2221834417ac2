//! SQLite's own checks of its files.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::{sqlite, telemetry};

/// How long a look waits for a lock.
const BUSY_WAIT: Duration = Duration::from_secs(5);
/// Faults that are told of one file, at most.
const MAX_FAULTS: usize = 20;
/// Characters of a fault that are told.
const MAX_CHARS: usize = 200;

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A server may be writing it.
    Live,
    /// Nobody writes it, and nothing is made beside it.
    Still,
}

/// Checks every database in a directory; answers each one's name with what is wrong.
pub(super) fn check(directory: &Path, kind: Kind) -> Vec<(String, Vec<String>)> {
    let mut names = vec![sqlite::FILE.to_owned()];
    let telemetry = telemetry::config::DIRECTORY;
    let mut days: Vec<String> = std::fs::read_dir(directory.join(telemetry))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| Path::new(name).extension().is_some_and(|kind| kind == "db"))
        .map(|name| format!("{telemetry}/{name}"))
        .collect();
    days.sort_unstable();
    names.extend(days);
    names
        .into_iter()
        .filter_map(|name| {
            let path = directory.join(&name);
            let wrong = match faults(&path, kind) {
                Ok(wrong) => wrong,
                // Retention took it meanwhile.
                Err(_) if name != sqlite::FILE && !path.exists() => return None,
                Err(error) => vec![error.to_string()],
            };
            Some((name, wrong))
        })
        .collect()
}

fn faults(path: &Path, kind: Kind) -> rusqlite::Result<Vec<String>> {
    let connection = open(path, kind)?;
    let mut faults = Vec::new();
    {
        let question = format!("PRAGMA integrity_check({MAX_FAULTS})");
        let mut statement = connection.prepare(&question)?;
        let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
        for row in rows {
            let text = row?;
            if text != "ok" {
                faults.push(text.chars().take(MAX_CHARS).collect());
            }
        }
    }
    let mut statement = connection.prepare("PRAGMA foreign_key_check")?;
    let rows = statement.query_map([], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(2)?))
    })?;
    for row in rows.take(MAX_FAULTS) {
        let (table, parent) = row?;
        faults.push(format!(
            "a row of {table} names one of {parent} that is gone"
        ));
    }
    Ok(faults)
}

fn open(path: &Path, kind: Kind) -> rusqlite::Result<Connection> {
    let connection = match kind {
        Kind::Live => {
            // Read-write, because a reader of a log must be able to make its index.
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = Connection::open_with_flags(path, flags)?;
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
            connection
        }
        Kind::Still => {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
                | OpenFlags::SQLITE_OPEN_NO_MUTEX
                | OpenFlags::SQLITE_OPEN_URI;
            Connection::open_with_flags(still_uri(path), flags)?
        }
    };
    connection.busy_timeout(BUSY_WAIT)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// A URI that has SQLite neither lock the file nor make others beside it.
fn still_uri(path: &Path) -> PathBuf {
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => {
                uri.push(char::from(*byte));
            }
            other => {
                // Writing into memory does not fail.
                let _ = write!(uri, "%{other:02X}");
            }
        }
    }
    uri.push_str("?immutable=1");
    PathBuf::from(uri)
}
