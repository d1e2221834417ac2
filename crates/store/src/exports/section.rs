//! What a section of an export is made of.

use crate::sql::Sql;

/// How a column is read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Column {
    Uuid,
    Text,
    Json,
    Number,
    Float,
    Truth,
    Time,
    Bytes,
}

/// A part of an export.
pub(super) struct Section {
    pub(super) name: &'static str,
    pub(super) statement: &'static Sql,
    /// Rows of a page: few where one may be large.
    pub(super) page: u32,
    pub(super) columns: &'static [(&'static str, Column)],
}
