//! What the end of an incident brings with it, however it ends.

use mayday_core::drill::DrillEnd;
use mayday_core::event::EventType;
use mayday_core::sos::{End, Incident, event_body};
use std::time::Duration;

use super::row;
use super::trail::{TRAIL_COPY_JOB, trail_copy};
use crate::alerts;
use crate::drills;
use crate::error::StoreError;
use crate::escalation;
use crate::events::{self, NewEvent};
use crate::hint::Hint;
use crate::jobs;
use crate::tx::Tx;
use crate::webhooks::Doer;

/// Samples that were on their way when the incident ended have arrived by then.
const TRAIL_COPY_DELAY: Duration = Duration::from_secs(30);

/// Tells that an incident, which the caller has written, has ended so.
pub(crate) async fn tell(
    tx: &mut Tx<'_>,
    incident: &Incident,
    how: End,
    by: Option<Doer>,
) -> Result<(), StoreError> {
    let new = NewEvent {
        incident: incident.id,
        kind: match how {
            End::Cancelled => EventType::Cancelled,
            End::Resolved => EventType::Resolved,
        },
        snapshot_version: incident.snapshot_version,
        body: event_body(incident, tx.now(), None),
        by,
    };
    events::tell(tx, incident, new).await
}

/// Ends an open incident: its row, its numbered terminal event, the copy of its
/// trail. `by` is for partners to know. The caller holds the owner's lock.
pub(super) async fn end(
    tx: &mut Tx<'_>,
    incident: &mut Incident,
    how: End,
    by: Doer,
) -> Result<(), StoreError> {
    let (before, now) = (incident.snapshot_version, tx.now());
    if !incident.end(how, now) {
        return Ok(());
    }
    // Nothing more is to leave but the all-clear, from this commit on.
    escalation::changed(tx, incident).await?;
    row::update(tx, incident, before).await?;
    if incident.drill {
        drills::close(tx, incident.id, DrillEnd::Stopped).await?;
    }
    tell(tx, incident, how, Some(by)).await?;
    alerts::close_of_incident(tx, incident.id).await?;
    let key = format!("{TRAIL_COPY_JOB}:{}", incident.id);
    let due_at = now.plus(TRAIL_COPY_DELAY);
    let job = trail_copy(incident.id, incident.user, &key, due_at);
    jobs::enqueue(tx, job).await?;
    tx.hint(Hint::IncidentEnded {
        user: incident.user,
        incident: incident.id,
    });
    Ok(())
}
