//! Everything about a user, page by page, so that memory holds one page.

use mayday_core::identity::Caller;
use mayday_core::ids::UserId;
use mayday_core::telemetry::Sample;
use mayday_core::time::Timestamp;
use mayday_store::exports::{self, After};
use mayday_store::incidents;
use mayday_store::telemetry::{Gaps, Span};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::identity::require_full;
use crate::{App, AppError};

/// The last section: where the user was, from the telemetry store.
const TELEMETRY: &str = "telemetry";

/// Samples of a page: one may have 256 KiB.
const SAMPLES: usize = 100;

/// Where the next page begins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportCursor {
    /// The section's place.
    section: usize,
    /// Behind which row.
    id: Option<Uuid>,
    number: Option<i64>,
    /// Behind which device and event of that moment (telemetry).
    sample: Option<(String, String)>,
}

/// A page of an export.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExportPage {
    /// The section that the items belong to.
    pub section: String,
    /// JSON objects; a page may have none.
    pub items: Vec<Value>,
    /// Where the next page begins; `None` on the last one.
    pub next: Option<ExportCursor>,
}

impl App {
    /// A page of everything about the caller.
    pub async fn export_me(
        &self,
        caller: &Caller,
        cursor: &ExportCursor,
    ) -> Result<ExportPage, AppError> {
        require_full(caller)?;
        self.export_user(caller.user, cursor).await
    }

    /// A page of everything about a user.
    pub(crate) async fn export_user(
        &self,
        user: UserId,
        cursor: &ExportCursor,
    ) -> Result<ExportPage, AppError> {
        let Some(section) = exports::names().nth(cursor.section) else {
            return self.export_telemetry(user, cursor).await;
        };
        let after = After {
            id: cursor.id.unwrap_or(After::START.id),
            number: cursor.number.unwrap_or(After::START.number),
        };
        let page = {
            let mut tx = self.store.read().await?;
            exports::page(&mut tx, section, user, after).await?
        };
        let next = page.next.map_or_else(
            || ExportCursor {
                section: cursor.section.saturating_add(1),
                ..ExportCursor::default()
            },
            |after| ExportCursor {
                section: cursor.section,
                id: Some(after.id),
                number: Some(after.number),
                sample: None,
            },
        );
        Ok(ExportPage {
            section: section.to_owned(),
            items: page.items,
            next: Some(next),
        })
    }

    async fn export_telemetry(
        &self,
        user: UserId,
        cursor: &ExportCursor,
    ) -> Result<ExportPage, AppError> {
        let span = Span {
            from: Timestamp::from_micros(cursor.number.unwrap_or(0)),
            to: self.clock.now().plus(std::time::Duration::from_hours(48)),
            after: cursor.sample.clone(),
            gaps: Gaps::Refused,
        };
        let mut samples = self.telemetry.page(user, &span, SAMPLES).await?;
        let hidden = {
            let mut tx = self.store.read().await?;
            incidents::hidden_of(&mut tx, user).await?
        };
        for sample in &mut samples {
            sample.incident = sample.incident.filter(|id| !hidden.contains(id));
        }
        let is_full = samples.len() >= SAMPLES;
        let next = samples.last().filter(|_| is_full).map(|last| ExportCursor {
            section: cursor.section,
            id: None,
            number: Some(last.time.as_micros()),
            sample: Some((last.device.to_string(), last.event_id.to_string())),
        });
        Ok(ExportPage {
            section: TELEMETRY.to_owned(),
            items: samples.iter().map(object).collect(),
            next,
        })
    }
}

fn object(sample: &Sample) -> Value {
    json!({
        "time": sample.time.to_string(),
        "received_at": sample.received_at.to_string(),
        "device": &*sample.device,
        "event_id": &*sample.event_id,
        "latitude": sample.latitude,
        "longitude": sample.longitude,
        "altitude": sample.altitude,
        "accuracy_meters": sample.accuracy_meters,
        "incident_id": sample.incident.map(|id| id.to_string()),
        "raw": String::from_utf8_lossy(&sample.raw),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_its_journey() {
        let cursor = ExportCursor {
            section: 3,
            id: Some(Uuid::from_u128(7)),
            number: Some(-1),
            sample: Some(("d".into(), String::new())),
        };
        let text = serde_json::to_string(&cursor).unwrap();
        assert_eq!(serde_json::from_str::<ExportCursor>(&text).unwrap(), cursor);
    }
}
