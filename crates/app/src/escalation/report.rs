//! What providers report of messages that they took.

use mayday_core::escalation::AttemptState;
use mayday_core::time::Timestamp;
use mayday_gateway::outcome::Delivery;
use mayday_store::Lane;
use mayday_store::escalation::{NoteReport, Reported, ReviewReports};

use super::Progress;
use crate::{App, AppError};

/// A provider's report, its signature checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryReport {
    /// The provider's name in the configuration.
    pub provider: String,
    /// The id that it gave the message or the call.
    pub provider_id: String,
    /// How far it is.
    pub delivery: Delivery,
    /// The provider's code of a failure.
    pub code: Option<String>,
    /// Who picked up a call: `human`, `machine` or `unknown`.
    pub answered_by: Option<String>,
    /// When it was received.
    pub at: Timestamp,
}

impl App {
    /// Records a report. Reports may come late, twice and in any order; one that
    /// overtakes the commit of its id is kept until the id is known.
    pub async fn report_delivery(&self, report: DeliveryReport) -> Result<Reported, AppError> {
        let code = report.code.as_deref();
        self.heed_report(&report.provider, &report.provider_id, code)
            .await?;
        let note = NoteReport {
            provider: report.provider,
            provider_id: report.provider_id,
            state: state_of(report.delivery),
            code: report.code,
            answered_by: report.answered_by,
            at: report.at,
        };
        Ok(self.store.write(Lane::Job, note).await?)
    }

    /// Looks again at reports of an id that was unknown when they came.
    pub async fn review_reports(
        &self,
        provider: String,
        provider_id: String,
    ) -> Result<Progress, AppError> {
        let review = ReviewReports {
            provider,
            provider_id,
        };
        let again = self.store.write(Lane::Job, review).await?;
        Ok(again.map_or(Progress::Done, Progress::Again))
    }
}

pub(super) const fn state_of(delivery: Delivery) -> AttemptState {
    match delivery {
        Delivery::Scheduled => AttemptState::Scheduled,
        Delivery::Sent => AttemptState::Sent,
        Delivery::Delivered => AttemptState::Delivered,
        Delivery::Failed => AttemptState::Failed,
    }
}
