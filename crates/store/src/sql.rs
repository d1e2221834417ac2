//! SQL texts as constants, written once for both databases.

use crate::dialect::Dialect;

/// One SQL statement with placeholders `$1..$N`, for both databases.
///
/// Each noun file lists its statements in `STATEMENTS`; a test prepares all of
/// them on both databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sql {
    sqlite: &'static str,
    postgres: &'static str,
}

impl Sql {
    /// A text that both databases understand.
    pub const fn new(text: &'static str) -> Self {
        Self {
            sqlite: text,
            postgres: text,
        }
    }

    /// Two texts of one meaning, for the rare statement that differs.
    pub const fn per_dialect(sqlite: &'static str, postgres: &'static str) -> Self {
        Self { sqlite, postgres }
    }

    /// The text for a database.
    pub const fn text(&self, dialect: Dialect) -> &'static str {
        match dialect {
            Dialect::Sqlite => self.sqlite,
            Dialect::Postgres => self.postgres,
        }
    }
}
