//! `/v1/sdk/sos`: a cry for help and what became of it. camelCase.

pub(crate) mod cancel;
pub(crate) mod history;
mod receipts;
pub(crate) mod resolve;
pub(crate) mod show;
pub(crate) mod trigger;
mod view;

use mayday_core::escalation::Ladder;
use mayday_core::sos::Incident;
use serde::Serialize;
use utoipa::ToSchema;

use receipts::ReceiptView;
use view::{IncidentBrief, IncidentView};

/// The incident after a trigger.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TriggerAnswer {
    /// The caller's own incident whole; of somebody else's, relayed by the
    /// caller, only what a gateway may know.
    incident: Shown,
}

/// The incident, if there is one.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SosAnswer {
    /// The caller's own incident; null when there is none.
    incident: Option<IncidentView>,
}

/// The open incident, if there is one, and who was reached.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OpenSosAnswer {
    /// The caller's own incident; null when there is none.
    incident: Option<IncidentView>,
    /// How far each message got, in the order in which they became due; empty before
    /// the first.
    receipts: Vec<ReceiptView>,
}

impl OpenSosAnswer {
    fn new(incident: Option<Incident>, receipts: &Ladder) -> Self {
        Self {
            incident: incident.map(Into::into),
            receipts: receipts.receipts().iter().map(Into::into).collect(),
        }
    }
}

/// The incident after a cancel request, if one was open.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CancelAnswer {
    /// The caller's own incident whole, somebody else's in brief, null when
    /// nothing was open.
    incident: Option<Shown>,
}

/// An incident as far as the caller may see it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum Shown {
    /// The caller's own.
    Own(Box<IncidentView>),
    /// Somebody else's: nobody sees another's SOS by naming a device.
    Brief(IncidentBrief),
}

impl Shown {
    fn own(incident: Incident) -> Self {
        Self::Own(Box::new(incident.into()))
    }

    fn brief(incident: &Incident) -> Self {
        Self::Brief(incident.into())
    }
}

impl From<Option<Incident>> for SosAnswer {
    fn from(incident: Option<Incident>) -> Self {
        Self {
            incident: incident.map(Into::into),
        }
    }
}
