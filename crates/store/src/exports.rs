//! Everything that the state store holds about a user, section by section, in
//! pages: what a person is given who asks for their data.
//!
//! A section is a statement and the names of its columns. A test holds the list
//! against the schema: a table that names a user must stand here.

mod section;
mod sections;
pub(crate) mod statements;

use mayday_core::hex;
use mayday_core::ids::UserId;
use mayday_core::time::Timestamp;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::args;
use crate::error::StoreError;
use crate::row::Row;
use crate::tx::Tx;

use section::{Column, Section};
use sections::SECTIONS;

/// Where the next page of a section begins: behind this row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct After {
    /// The row's id.
    pub id: Uuid,
    /// Its number, where rows of one id are numbered.
    pub number: i64,
}

impl After {
    /// Before the first row.
    pub const START: Self = Self {
        id: Uuid::nil(),
        number: -1,
    };
}

/// A page of a section.
#[derive(Clone, Debug, PartialEq)]
pub struct SectionPage {
    /// The rows as JSON objects.
    pub items: Vec<Value>,
    /// Where the next page begins; `None` on the last one.
    pub next: Option<After>,
}

/// The names of the sections, in their order.
pub fn names() -> impl Iterator<Item = &'static str> {
    SECTIONS.iter().map(|section| section.name)
}

/// A page of the section of this name. An unknown name has no rows.
pub async fn page(
    tx: &mut Tx<'_>,
    name: &str,
    user: UserId,
    after: After,
) -> Result<SectionPage, StoreError> {
    let Some(section) = SECTIONS.iter().find(|section| section.name == name) else {
        return Ok(SectionPage {
            items: Vec::new(),
            next: None,
        });
    };
    let values = args![user, after.id, after.number, section.page];
    let rows = tx.fetch_all(section.statement, values).await?;
    let full = rows.len() >= usize::try_from(section.page).unwrap_or(usize::MAX);
    let last = rows.last().filter(|_| full);
    let next = last
        .map(|row| {
            Ok::<_, StoreError>(After {
                id: row.get(0)?,
                number: row.get(1)?,
            })
        })
        .transpose()?;
    let items: Result<Vec<Value>, StoreError> =
        rows.iter().map(|row| object(section, row)).collect();
    Ok(SectionPage {
        items: items?,
        next,
    })
}

/// A row as an object; the first two columns are its key.
fn object(section: &Section, row: &Row) -> Result<Value, StoreError> {
    let mut members = Map::new();
    for (place, (name, column)) in section.columns.iter().enumerate() {
        let value = value(row, place + 2, *column)?;
        members.insert((*name).to_owned(), value);
    }
    Ok(Value::Object(members))
}

fn value(row: &Row, index: usize, column: Column) -> Result<Value, StoreError> {
    Ok(match column {
        Column::Uuid => text(row.get::<Option<Uuid>>(index)?),
        Column::Text => row.get::<Option<String>>(index)?.into(),
        Column::Json => row.get::<Option<String>>(index)?.map_or(Value::Null, json),
        Column::Number => row.get::<Option<i64>>(index)?.into(),
        Column::Float => row.get::<Option<f64>>(index)?.into(),
        Column::Truth => row.get::<Option<bool>>(index)?.into(),
        Column::Time => text(row.get::<Option<Timestamp>>(index)?),
        Column::Bytes => row.get::<Option<Vec<u8>>>(index)?.map(sent).into(),
    })
}

fn text(value: Option<impl std::fmt::Display>) -> Value {
    value.map(|value| value.to_string()).into()
}

/// JSON as such; what cannot be read as that is given as it stands: nobody's data are
/// kept from them for it.
fn json(text: String) -> Value {
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}

/// What a phone sent: as text where it is text.
fn sent(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| format!("hex:{}", hex::encode(error.as_bytes())))
}
