//! One look at an escalation.

use std::time::Duration;

use mayday_core::ids::IncidentId;
use mayday_store::Lane;
use mayday_store::escalation::{Reaches, RunEscalation};
use mayday_store::jobs::Job;

use super::SendPoint;
use crate::{App, AppError};

/// How a job of an escalation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is nothing more to do, and the job is to be ended.
    Done,
    /// There is nothing more to do, and the job was ended in the transaction that
    /// recorded its effect.
    Recorded,
    /// It is to be taken up again after this long. That is no failure: a provider is
    /// to be asked again, or is given time.
    Again(Duration),
}

impl App {
    /// Records what is due in an escalation and sets its timer to the next time.
    pub async fn run_escalation(
        &self,
        job: &Job,
        incident: IncidentId,
    ) -> Result<Progress, AppError> {
        self.send_faults.at(SendPoint::BeforePlan).await;
        let look = RunEscalation {
            incident,
            claim: job.claim(),
            reaches: self.reaches(),
        };
        let looked = self.store.write(Lane::Job, look).await?;
        self.send_faults.at(SendPoint::AfterPlan).await;
        if looked.exhausted {
            tracing::warn!(incident.id = %incident, "everybody was asked and nobody answered");
        }
        Ok(Progress::Recorded)
    }

    /// Where messages can go, as this node is configured.
    pub(crate) fn reaches(&self) -> Reaches {
        let senders = self.senders.clone();
        Reaches::new(move |channel, address| senders.reach(channel, address).is_ok())
    }
}
