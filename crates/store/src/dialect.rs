//! The two SQL dialects and where they differ.
//!
//! What is common: `$N` placeholders, `RETURNING`, `ON CONFLICT`, `TRUE` and
//! `FALSE`, partial indexes, row values. What differs: row locks, arrays,
//! column types (`BLOB`/`UUID`, `INTEGER`/`BIGINT`/`BOOLEAN`), `unhex`.

/// Which database a statement runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// The embedded default. The whole database has one writer, so that locking
    /// a row means nothing.
    Sqlite,
    /// The scale-out database.
    Postgres,
}

impl Dialect {
    /// The word in logs and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}
