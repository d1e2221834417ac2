//! Values bound to the placeholders of a statement.

use mayday_core::identity::{AppId, ExternalUserId};
use mayday_core::ids::{
    AppUuid, AttemptId, ContactId, DeviceId, EventId, IncidentId, JobId, RecordId, SampleId,
    SecretId, SessionId, UserId,
};
use mayday_core::ids::{DeliveryId, EndpointId, MailId};
use mayday_core::time::Timestamp;
use uuid::Uuid;

/// A value bound to a placeholder. An absent value keeps its type, because
/// PostgreSQL wants to know the type of a NULL.
///
/// Made with [`From`], mostly through [`crate::args!`].
#[derive(Clone, Debug, PartialEq)]
pub enum Arg<'a> {
    /// An id: `BLOB` of 16 bytes, or `UUID`.
    Uuid(Option<Uuid>),
    /// Text, or JSON as text.
    Text(Option<&'a str>),
    /// A whole number, or a time in microseconds.
    Int(Option<i64>),
    /// A floating-point number.
    Float(Option<f64>),
    /// A truth value: `INTEGER`, or `BOOLEAN`.
    Bool(Option<bool>),
    /// Raw bytes.
    Bytes(Option<&'a [u8]>),
    /// Many ids: `uuid[]`, or a JSON array of hexadecimal texts, to be read by
    /// `SELECT unhex(value) FROM json_each($1)`.
    Uuids(&'a [Uuid]),
    /// Many numbers: `bigint[]`, or a JSON array for `json_each`.
    Ints(&'a [i64]),
    /// Many texts: `text[]`, or a JSON array for `json_each`.
    Texts(&'a [String]),
}

impl Arg<'_> {
    /// A list as a JSON array, as `json_each` reads it; anything else has none.
    pub(crate) fn json_list(&self) -> String {
        match self {
            Self::Uuids(ids) => json_of(ids.iter().map(|id| id.simple().to_string())),
            Self::Ints(numbers) => json_of(numbers.iter()),
            Self::Texts(texts) => json_of(texts.iter()),
            _ => json_of(std::iter::empty::<i64>()),
        }
    }
}

fn json_of<T: serde::Serialize>(values: impl Iterator<Item = T>) -> String {
    let values: Vec<T> = values.collect();
    serde_json::to_string(&values).unwrap_or_default()
}

/// The arguments of a statement: `args![user, name, now]`.
#[macro_export]
macro_rules! args {
    ($($value:expr),* $(,)?) => {
        &[$($crate::Arg::from($value)),*]
    };
}

macro_rules! from_value {
    ($variant:ident: $($type:ty => $convert:expr),+ $(,)?) => {$(
        impl<'a> From<$type> for Arg<'a> {
            fn from(value: $type) -> Self {
                Self::$variant(Some(($convert)(value)))
            }
        }

        impl<'a> From<Option<$type>> for Arg<'a> {
            fn from(value: Option<$type>) -> Self {
                Self::$variant(value.map($convert))
            }
        }
    )+};
}

from_value!(Uuid:
    Uuid => |id| id,
    AppUuid => AppUuid::uuid,
    UserId => UserId::uuid,
    IncidentId => IncidentId::uuid,
    EventId => EventId::uuid,
    DeviceId => DeviceId::uuid,
    ContactId => ContactId::uuid,
    SecretId => SecretId::uuid,
    SessionId => SessionId::uuid,
    SampleId => SampleId::uuid,
    RecordId => RecordId::uuid,
    JobId => JobId::uuid,
    AttemptId => AttemptId::uuid,
    EndpointId => EndpointId::uuid,
    DeliveryId => DeliveryId::uuid,
    MailId => MailId::uuid,
);
from_value!(Int:
    i64 => |number| number,
    i32 => i64::from,
    u32 => i64::from,
    Timestamp => Timestamp::as_micros,
);
from_value!(Float: f64 => |number| number);
from_value!(Bool: bool => |truth| truth);
from_value!(Text:
    &'a str => |text| text,
    &'a String => String::as_str,
    &'a AppId => AppId::as_str,
    &'a ExternalUserId => ExternalUserId::as_str,
);
from_value!(Bytes:
    &'a [u8] => |bytes| bytes,
    &'a Vec<u8> => Vec::as_slice,
    &'a bytes::Bytes => |bytes: &'a bytes::Bytes| bytes.as_ref(),
);

impl<'a> From<&'a [Uuid]> for Arg<'a> {
    fn from(ids: &'a [Uuid]) -> Self {
        Self::Uuids(ids)
    }
}

impl<'a> From<&'a [i64]> for Arg<'a> {
    fn from(numbers: &'a [i64]) -> Self {
        Self::Ints(numbers)
    }
}

impl<'a> From<&'a [String]> for Arg<'a> {
    fn from(texts: &'a [String]) -> Self {
        Self::Texts(texts)
    }
}
