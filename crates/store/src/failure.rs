//! What a driver's error means for the connection and for the command.

use crate::sqlite::direct::Refusal;

/// SQLite's primary result codes that speak of the disk or the file rather than
/// of the statement: IOERR, CORRUPT, FULL, CANTOPEN, NOTADB, READONLY, NOMEM.
const FILE_CODES: [i64; 7] = [10, 11, 13, 14, 26, 8, 7];

/// SQLite's primary result codes of a file that somebody else holds: BUSY, LOCKED.
const HELD_CODES: [i64; 2] = [5, 6];

/// SQLite's primary result code of a full disk.
const FULL: i64 = 13;

/// SQLite's primary result codes of a file system that fails.
const IOERR: i64 = 10;
const CANTOPEN: i64 = 14;

/// PostgreSQL's classes of the same kind: connection, resources, lock and
/// statement time-outs, shutdown, a read-only (demoted) server, system.
const UNAVAILABLE: [&str; 7] = ["08", "53", "55P03", "57014", "57P", "25006", "58"];

/// What a driver's error says, for an operator: without the line of PostgreSQL's
/// own source that the driver adds.
pub(crate) fn text(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => error.message().to_owned(),
        other => other.to_string(),
    }
}

/// Whether the connection, rather than the statement, failed.
pub(crate) fn is_of_connection(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(error) => {
            if let Some(code) = sqlite_code(error.as_ref()) {
                FILE_CODES.contains(&code) || HELD_CODES.contains(&code)
            } else {
                error
                    .code()
                    .is_some_and(|code| UNAVAILABLE.iter().any(|class| code.starts_with(class)))
            }
        }
        _ => false,
    }
}

/// Whether another program holds the file, and was waited for.
pub(crate) fn is_held(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(error) => {
            sqlite_code(error.as_ref()).is_some_and(|code| HELD_CODES.contains(&code))
        }
        _ => false,
    }
}

/// Whether the disk is full.
pub(crate) fn is_disk_full(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(error) => sqlite_code(error.as_ref()) == Some(FULL),
        _ => false,
    }
}

/// Whether the file system failed, which is also how it says that a quota is used
/// up or that the shared memory's file cannot grow: IOERR, CANTOPEN.
pub(crate) fn is_of_disk(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => true,
        sqlx::Error::Database(error) => {
            sqlite_code(error.as_ref()).is_some_and(|code| code == IOERR || code == CANTOPEN)
        }
        _ => false,
    }
}

/// Whether the file is damaged or no database at all: CORRUPT, NOTADB.
pub(crate) fn is_corruption(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(error) => {
            sqlite_code(error.as_ref()).is_some_and(|code| code == 11 || code == 26)
        }
        _ => false,
    }
}

/// Whether PostgreSQL asks to run the transaction again: serialisation failure
/// or deadlock.
pub(crate) fn wants_rerun(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(error) => {
            sqlite_code(error.as_ref()).is_none()
                && error
                    .code()
                    .is_some_and(|code| code == "40001" || code == "40P01")
        }
        _ => false,
    }
}

/// SQLite's primary result code; `None` for an error of PostgreSQL.
fn sqlite_code(error: &dyn sqlx::error::DatabaseError) -> Option<i64> {
    let is_sqlite = error
        .try_downcast_ref::<sqlx::sqlite::SqliteError>()
        .is_some()
        || error.try_downcast_ref::<Refusal>().is_some();
    if !is_sqlite {
        return None;
    }
    let extended: i64 = error.code()?.parse().ok()?;
    Some(extended & 0xff)
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::error::Error;
    use std::fmt;

    use sqlx::error::{DatabaseError, ErrorKind};

    use crate::error::StoreError;

    /// What PostgreSQL says, by its code.
    #[derive(Debug)]
    struct Said(&'static str);

    impl fmt::Display for Said {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Said {}

    impl DatabaseError for Said {
        fn message(&self) -> &str {
            self.0
        }
        fn code(&self) -> Option<Cow<'_, str>> {
            Some(self.0.into())
        }
        fn as_error(&self) -> &(dyn Error + Send + Sync + 'static) {
            self
        }
        fn as_error_mut(&mut self) -> &mut (dyn Error + Send + Sync + 'static) {
            self
        }
        fn into_error(self: Box<Self>) -> Box<dyn Error + Send + Sync + 'static> {
            self
        }
        fn kind(&self) -> ErrorKind {
            ErrorKind::Other
        }
    }

    fn said(code: &'static str) -> sqlx::Error {
        sqlx::Error::Database(Box::new(Said(code)))
    }

    #[test]
    fn the_code_tells_a_lost_server_from_a_faulty_statement() {
        for code in [
            "08006", "53300", "57014", "57P01", "57P03", "25006", "58030",
        ] {
            let error = StoreError::of_statement("SELECT 1", said(code));
            assert!(error.is_transient(), "{code}");
        }
        for code in ["23505", "42601", "55000", "28P01", "3D000"] {
            let error = StoreError::of_statement("SELECT 1", said(code));
            assert!(!error.is_transient(), "{code}");
        }
        let waited = StoreError::of_statement("SELECT 1", sqlx::Error::PoolTimedOut);
        assert!(waited.is_transient());
    }

    #[test]
    fn whatever_keeps_a_transaction_from_beginning_is_not_the_statements() {
        for code in ["55000", "28P01", "28000", "3D000", "53300", "57P03"] {
            let error = StoreError::of_beginning(said(code));
            assert!(matches!(error, StoreError::Unavailable { .. }), "{code}");
        }
    }
}
