//! The list of sealed columns: what `mayday key rotate` seals anew.
//!
//! A column that is not on it cannot be sealed ([`super::SealError::Unlisted`]), so
//! that no value is ever left behind under a key that was thrown away. A sealed
//! column lies in a table whose primary key is a UUID named `id`, and has a column
//! of its own for the id of the key that sealed it.

use super::Place;
use crate::sql::Sql;

/// A column of sealed values, and the statements that seal them anew.
#[derive(Debug)]
pub(crate) struct SealedColumn {
    pub(crate) table: &'static str,
    pub(crate) column: &'static str,
    /// Some rows that another key than `$1` sealed, at most `$2`: id, value, key.
    pub(crate) stale: Sql,
    /// Replaces a value: `$1` id, `$2` value, `$3` key, `$4` the key before.
    pub(crate) replace: Sql,
    /// Some values with their keys, after the id `$1`, at most `$2`.
    pub(crate) page: Sql,
}

macro_rules! sealed_columns {
    ($($table:literal.$column:literal, sealed by $key:literal;)+) => {
        /// Every sealed column there is.
        pub(crate) static SEALED: &[SealedColumn] = &[$(SealedColumn {
            table: $table,
            column: $column,
            stale: Sql::per_dialect(
                concat!(
                    "SELECT id, ", $column, ", ", $key, " FROM ", $table, " WHERE ", $column,
                    " IS NOT NULL AND ", $key, " <> $1 ORDER BY id LIMIT $2"
                ),
                concat!(
                    "SELECT id, ", $column, ", ", $key, " FROM ", $table, " WHERE ", $column,
                    " IS NOT NULL AND ", $key, " <> $1 ORDER BY id LIMIT $2 FOR UPDATE"
                ),
            ),
            replace: Sql::new(concat!(
                "UPDATE ", $table, " SET ", $column, " = $2, ", $key, " = $3 WHERE id = $1 AND ",
                $key, " = $4"
            )),
            page: Sql::new(concat!(
                "SELECT id, ", $column, ", ", $key, " FROM ", $table, " WHERE ", $column,
                " IS NOT NULL AND id > $1 ORDER BY id LIMIT $2"
            )),
        }),+];
    };
}

sealed_columns! {
    "app_secrets"."sealed", sealed by "key_id";
    "network_keys"."sealed", sealed by "key_id";
    "webhook_endpoints"."sealed_url", sealed by "url_key_id";
    "webhook_secrets"."sealed", sealed by "key_id";
    "webhook_api_keys"."sealed", sealed by "key_id";
    "sessions"."sealed", sealed by "key_id";
    "signatures"."sealed", sealed by "key_id";
    "signature_questions"."sealed", sealed by "key_id";
    "sso_apps"."sealed", sealed by "key_id";
    "system_mails"."sealed", sealed by "key_id";
}

/// Whether a place is on the list.
pub(crate) fn is_listed(place: &Place) -> bool {
    SEALED
        .iter()
        .any(|known| known.table == place.table && known.column == place.column)
}

impl SealedColumn {
    /// The place of this column's value in a row.
    pub(crate) const fn place(&self, row: uuid::Uuid) -> Place {
        Place {
            table: self.table,
            row,
            column: self.column,
        }
    }

    /// Its statements, for the test that prepares each.
    #[cfg(test)]
    pub(crate) fn statements(&'static self) -> [&'static Sql; 3] {
        [&self.stale, &self.replace, &self.page]
    }
}
