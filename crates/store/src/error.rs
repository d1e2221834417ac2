//! Why the store could not do what it was asked.
//!
//! Guide: a command that *refuses* (unknown device, too many contacts) says so
//! in its output; a [`StoreError`] means that nothing was stored and that the
//! store, not the request, is at fault. [`StoreError::is_transient`] tells
//! "try again" from "a fault of ours".

use std::time::Duration;

/// Why a command or a query did not happen. Nothing of it was stored.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The lane's queue is full.
    #[error("the store's {lane} queue is full: try again")]
    Busy {
        /// The lane.
        lane: &'static str,
    },
    /// The disk is too full for anything but an SOS.
    #[error("only {free_bytes} bytes are free in the data directory: free some space")]
    DiskFull {
        /// What is left.
        free_bytes: u64,
    },
    /// The database cannot be reached or cannot commit now.
    #[error("the database is not available: {source}")]
    Unavailable {
        /// What it said.
        #[source]
        source: sqlx::Error,
    },
    /// It took longer than it may.
    #[error("the database took longer than {limit:?}")]
    TimedOut {
        /// The limit.
        limit: Duration,
    },
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// A statement failed.
    #[error("{source} (in: {statement})")]
    Statement {
        /// The statement's text, which holds no values.
        statement: &'static str,
        /// What the database said.
        #[source]
        source: sqlx::Error,
    },
    /// A statement changed another number of rows than it must.
    #[error("{got} rows changed where {expected} must (in: {statement})")]
    RowCount {
        /// The statement's text.
        statement: &'static str,
        /// How many rows it must change.
        expected: u64,
        /// How many it changed.
        got: u64,
    },
    /// A stored value is not what the code expects.
    #[error("column {index} cannot be read: {reason}")]
    Column {
        /// Position in the row, from 0.
        index: usize,
        /// What is wrong.
        reason: String,
    },
    /// A sealed value cannot be opened, or something cannot be sealed.
    #[error("{0}")]
    Seal(#[from] crate::secrets::SealError),
    /// A command panicked; it was rolled back.
    #[error("the command {command} panicked")]
    Panicked {
        /// Its name.
        command: &'static str,
    },
}

impl StoreError {
    /// A stored value that is not what the code expects.
    pub fn column(index: usize, reason: impl Into<String>) -> Self {
        Self::Column {
            index,
            reason: reason.into(),
        }
    }

    /// A statement's failure: the connection's, or the statement's own.
    pub(crate) fn of_statement(statement: &'static str, source: sqlx::Error) -> Self {
        if crate::failure::is_of_connection(&source) {
            Self::Unavailable { source }
        } else {
            Self::Statement { statement, source }
        }
    }

    /// A transaction that could not begin: no statement of ours is at fault,
    /// whatever the database said when it was connected to.
    pub(crate) fn of_beginning(source: sqlx::Error) -> Self {
        Self::Unavailable { source }
    }

    /// Whether trying again later may help; otherwise it is a fault of ours.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Busy { .. }
                | Self::DiskFull { .. }
                | Self::Unavailable { .. }
                | Self::TimedOut { .. }
                | Self::Closed
        )
    }

    /// Whether another transaction stood in the way, so that the command is to be run
    /// again.
    pub(crate) fn is_conflict(&self) -> bool {
        match self {
            Self::Statement { source, .. } => crate::failure::wants_rerun(source),
            _ => false,
        }
    }

    /// Whether a statement broke a unique index. On PostgreSQL the command is
    /// lost then; prefer `ON CONFLICT`.
    pub fn is_unique_violation(&self) -> bool {
        match self {
            Self::Statement { source, .. } => source
                .as_database_error()
                .is_some_and(sqlx::error::DatabaseError::is_unique_violation),
            _ => false,
        }
    }
}
