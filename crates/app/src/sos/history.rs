//! Lists the caller's incidents with their trails, newest first.

use mayday_core::identity::Caller;
use mayday_core::sos::{Incident, TrailPoint};

use crate::{App, AppError};

/// One incident of the history. `creationTelemetry` is [`Incident::opening`].
#[derive(Clone, Debug)]
pub struct HistoryItem {
    /// The incident.
    pub incident: Incident,
    /// Where its owner was meanwhile, oldest first.
    pub trail: Vec<TrailPoint>,
}

/// A page of the history.
#[derive(Clone, Debug)]
pub struct HistoryPage {
    /// Newest first. A page may hold fewer than asked for when trails are long.
    pub items: Vec<HistoryItem>,
    /// Where the next page begins; `None` on the last one (`has_more` false).
    pub next_cursor: Option<String>,
}

impl App {
    /// A page of the caller's incidents: `limit` 1 to 100, `cursor` as the page
    /// before gave it.
    pub async fn sos_history(
        &self,
        caller: &Caller,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<HistoryPage, AppError> {
        let _ = (caller, limit, cursor);
        Err(AppError::Internal {
            source: "the store is not connected".into(),
        })
    }
}
