//! A user's incidents, newest first, page by page.

use std::str::FromStr;

use mayday_core::ids::{IncidentId, UserId};
use mayday_core::sos::Incident;
use mayday_core::time::Timestamp;

use super::row;
use crate::args;
use crate::error::StoreError;
use crate::sql::Sql;
use crate::tx::Tx;

static PAGE: Sql = Sql::new(concat!(
    "SELECT ",
    super::columns!(),
    " FROM incidents WHERE user_id = $1 AND NOT drill AND NOT hidden
     AND (created_at, id) < ($2, $3) ORDER BY created_at DESC, id DESC LIMIT $4"
));

pub(crate) const STATEMENTS: &[&Sql] = &[&PAGE];

/// Where a page ended: the next one holds what is older than this incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryCursor {
    created_at: Timestamp,
    id: IncidentId,
}

impl HistoryCursor {
    /// Before everything.
    const START: Self = Self {
        created_at: Timestamp::from_micros(i64::MAX),
        id: IncidentId(uuid::Uuid::max()),
    };

    /// After this incident.
    pub fn after(incident: &Incident) -> Self {
        Self {
            created_at: incident.created_at,
            id: incident.id,
        }
    }
}

impl std::fmt::Display for HistoryCursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:x}-{}",
            self.created_at.as_micros(),
            self.id.0.simple()
        )
    }
}

/// A text that is no cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cursor is not one that this route gave out")]
pub struct InvalidCursor;

impl FromStr for HistoryCursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let (micros, id) = text.split_once('-').ok_or(InvalidCursor)?;
        let micros = i64::from_str_radix(micros, 16).map_err(|_| InvalidCursor)?;
        Ok(Self {
            created_at: Timestamp::from_micros(micros),
            id: id.parse().map_err(|_| InvalidCursor)?,
        })
    }
}

/// A user's incidents older than `cursor`, newest first, at most `limit`.
pub async fn history(
    tx: &mut Tx<'_>,
    user: UserId,
    cursor: Option<HistoryCursor>,
    limit: u32,
) -> Result<Vec<Incident>, StoreError> {
    let from = cursor.unwrap_or(HistoryCursor::START);
    let rows = tx
        .fetch_all(&PAGE, args![user, from.created_at, from.id, limit])
        .await?;
    rows.iter().map(row::read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_its_text_and_nothing_else_is_one() {
        let cursor = HistoryCursor {
            created_at: Timestamp::from_secs(1_788_948_000),
            id: IncidentId(uuid::Uuid::from_u128(7)),
        };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for text in ["", "-", "12", "x-y", "12-zz", "12-\u{0}"] {
            assert_eq!(text.parse::<HistoryCursor>(), Err(InvalidCursor), "{text}");
        }
    }
}
