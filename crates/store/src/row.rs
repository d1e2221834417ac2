//! Reading columns, the same on both databases.

use mayday_core::ids::{
    AppUuid, AttemptId, ContactId, DeviceId, EventId, IncidentId, JobId, RecordId, SampleId,
    SecretId, SessionId, UserId,
};
use mayday_core::ids::{DeliveryId, EndpointId, MailId};
use mayday_core::time::Timestamp;
use rusqlite::types::Value;
use sqlx::postgres::PgRow;
use sqlx::{Row as _, TypeInfo as _, ValueRef as _};
use uuid::Uuid;

use crate::error::StoreError;
use crate::sqlite::direct;

/// One row of a result. Columns are read by position, as they stand in the
/// statement's constant.
pub struct Row(pub(crate) RowKind);

pub(crate) enum RowKind {
    Sqlite(Vec<Value>),
    Postgres(PgRow),
}

impl Row {
    /// The value of the column at `index`, counted from 0.
    pub fn get<T: FromColumn>(&self, index: usize) -> Result<T, StoreError> {
        T::from_column(self, index)
    }

    fn is_null(&self, index: usize) -> Result<bool, StoreError> {
        match &self.0 {
            RowKind::Sqlite(row) => direct::is_null(row, index),
            RowKind::Postgres(row) => said(row.try_get_raw(index).map(|value| value.is_null())),
        }
        .map_err(|reason| StoreError::column(index, reason))
    }
}

impl std::fmt::Debug for Row {
    /// Never the values: they may be secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Row").finish_non_exhaustive()
    }
}

/// The driver's answer, with the words of its error.
fn said<T>(answer: Result<T, sqlx::Error>) -> Result<T, String> {
    answer.map_err(|error| error.to_string())
}

/// A type that a column can be read as.
pub trait FromColumn: Sized {
    /// Reads the column at `index`.
    fn from_column(row: &Row, index: usize) -> Result<Self, StoreError>;
}

macro_rules! plain {
    ($($type:ty: $direct:path),+) => {$(
        impl FromColumn for $type {
            fn from_column(row: &Row, index: usize) -> Result<Self, StoreError> {
                match &row.0 {
                    RowKind::Sqlite(row) => $direct(row, index),
                    RowKind::Postgres(row) => said(row.try_get::<$type, _>(index)),
                }
                .map_err(|reason| StoreError::column(index, reason))
            }
        }
    )+};
}

plain!(
    String: direct::read,
    f64: direct::read,
    bool: direct::read,
    Vec<u8>: direct::read,
    Uuid: direct::read_uuid
);

impl FromColumn for i64 {
    fn from_column(row: &Row, index: usize) -> Result<Self, StoreError> {
        match &row.0 {
            RowKind::Sqlite(row) => direct::read(row, index),
            // A constant such as `SELECT 1` is an int4 on PostgreSQL.
            RowKind::Postgres(row) => said(match row.try_get_raw(index) {
                Ok(value) if value.type_info().name() == "INT4" => {
                    row.try_get::<i32, _>(index).map(i64::from)
                }
                _ => row.try_get::<i64, _>(index),
            }),
        }
        .map_err(|reason| StoreError::column(index, reason))
    }
}

impl FromColumn for u32 {
    fn from_column(row: &Row, index: usize) -> Result<Self, StoreError> {
        let number = i64::from_column(row, index)?;
        Self::try_from(number).map_err(|_| StoreError::column(index, format!("{number} is no u32")))
    }
}

impl FromColumn for Timestamp {
    fn from_column(row: &Row, index: usize) -> Result<Self, StoreError> {
        i64::from_column(row, index).map(Self::from_micros)
    }
}

impl<T: FromColumn> FromColumn for Option<T> {
    fn from_column(row: &Row, index: usize) -> Result<Self, StoreError> {
        if row.is_null(index)? {
            Ok(None)
        } else {
            T::from_column(row, index).map(Some)
        }
    }
}

impl FromColumn for serde_json::Value {
    fn from_column(row: &Row, index: usize) -> Result<Self, StoreError> {
        let text = String::from_column(row, index)?;
        serde_json::from_str(&text)
            .map_err(|error| StoreError::column(index, format!("no JSON: {error}")))
    }
}

macro_rules! ids {
    ($($id:ident),+ $(,)?) => {$(
        impl FromColumn for $id {
            fn from_column(row: &Row, index: usize) -> Result<Self, StoreError> {
                Uuid::from_column(row, index).map(Self)
            }
        }
    )+};
}

ids!(
    AppUuid, UserId, IncidentId, EventId, DeviceId, ContactId, SecretId, SampleId, RecordId, JobId,
    AttemptId, EndpointId, DeliveryId, MailId, SessionId,
);
