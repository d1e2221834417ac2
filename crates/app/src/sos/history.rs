//! Lists the caller's incidents with their trails, newest first.

use mayday_core::identity::Caller;
use mayday_core::sos::{Incident, TrailPoint, trail_in_order, trail_of_samples};
use mayday_store::incidents::{self, HistoryCursor, InvalidCursor};
use mayday_store::telemetry::TRAIL_END_SAMPLES;

use crate::identity::require_full;
use crate::{App, AppError};

/// Most incidents on a page.
const MAX_HISTORY_LIMIT: u32 = 100;
/// A page ends after the incident with which its trails reach this many points.
const MAX_PAGE_POINTS: usize = 40_000;

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
        require_full(caller)?;
        if !(1..=MAX_HISTORY_LIMIT).contains(&limit) {
            return Err(AppError::field("/limit", "limit must be 1 to 100"));
        }
        let cursor: Option<HistoryCursor> = cursor
            .map(str::parse)
            .transpose()
            .map_err(|error: InvalidCursor| AppError::field("/cursor", error.to_string()))?;
        let mut tx = self.store.read().await?;
        // One more than asked for tells whether there is a next page.
        let found = incidents::history(&mut tx, caller.user, cursor, limit + 1).await?;
        drop(tx);
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = found.len() > wanted;
        let found: Vec<Incident> = found.into_iter().take(wanted).collect();
        self.with_trails(found, more).await
    }

    /// Adds the trails, until they become too long for one page.
    async fn with_trails(
        &self,
        found: Vec<Incident>,
        mut more: bool,
    ) -> Result<HistoryPage, AppError> {
        let (mut items, mut points) = (Vec::with_capacity(found.len()), 0_usize);
        let mut waiting = found.into_iter();
        while let Some(mut incident) = waiting.next() {
            let trail = self.trail_of(&incident).await?;
            points = points.saturating_add(trail.len());
            if incident.state.is_open() {
                incident = *self.with_newest_position(Box::new(incident)).await;
            } else if let Some(last) = trail.last() {
                incident.show_end_of_trail(last);
            }
            items.push(HistoryItem { incident, trail });
            if points >= MAX_PAGE_POINTS {
                more |= waiting.len() > 0;
                break;
            }
        }
        let last = items.last().filter(|_| more);
        let next_cursor = last.map(|item| HistoryCursor::after(&item.incident).to_string());
        Ok(HistoryPage { items, next_cursor })
    }

    /// Where the owner was: what triggers brought, and telemetry, from the copy
    /// once the incident has one, with what came late.
    pub(crate) async fn trail_of(&self, incident: &Incident) -> Result<Vec<TrailPoint>, AppError> {
        let mut tx = self.store.read().await?;
        let mut trail = incidents::reported_trail(&mut tx, incident.id).await?;
        let copied = incidents::stored_trail(&mut tx, incident.id, incident.user).await?;
        drop(tx);
        let mut told = match copied {
            Some(mut samples) => {
                samples.extend(self.sent_again(incident.id, &samples).await?);
                samples
            }
            None => self.trail(incident.id).await?,
        };
        told.extend(self.late_trail(incident).await?);
        let told = trail_of_samples(told, TRAIL_END_SAMPLES);
        trail.extend(
            told.into_iter()
                .map(|(_, position)| TrailPoint::from(position)),
        );
        Ok(trail_in_order(trail))
    }
}
