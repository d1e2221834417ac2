//! A contact says that they cannot help: it is the next one's turn at once.

use mayday_core::escalation::{Decline as Declined, plan};
use mayday_core::ids::{ContactId, IncidentId};
use mayday_core::sos::Incident;

use super::acknowledge::AcknowledgementRow;
use super::known::{Known, Reaches};
use super::{acknowledge, announce, timer, withdraw};
use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::sql::Sql;
use crate::tx::Tx;

static NOTE: Sql = Sql::new(
    "INSERT INTO escalation_declines (incident_id, contact_id, round, at) \
     VALUES ($1, $2, $3, $4) \
     ON CONFLICT (incident_id, contact_id, round) DO UPDATE SET at = excluded.at",
);
static OF_INCIDENT: Sql = Sql::new(
    "SELECT contact_id, round, at FROM escalation_declines WHERE incident_id = $1 LIMIT 5000",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&NOTE, &OF_INCIDENT];

/// Who said that they cannot help, in any round.
pub async fn of_incident(
    tx: &mut Tx<'_>,
    incident: IncidentId,
) -> Result<Vec<Declined>, StoreError> {
    let rows = tx.fetch_all(&OF_INCIDENT, args![incident]).await?;
    rows.iter()
        .map(|row| {
            Ok(Declined {
                contact: row.get(0)?,
                round: row.get(1)?,
                at: row.get(2)?,
            })
        })
        .collect()
}

/// Whether somebody else were asked at once, should this contact say now that they cannot
/// help: nobody is where there is no other, where all were asked, or where somebody helps.
pub async fn asks_next(
    tx: &mut Tx<'_>,
    incident: &Incident,
    contact: ContactId,
    reaches: &Reaches,
) -> Result<bool, StoreError> {
    let (known, now) = (Known::read(tx, incident, Some(reaches)).await?, tx.now());
    let mut situation = known.situation(incident, now);
    let mut declines = situation.declines.to_vec();
    declines.push(Declined {
        contact,
        round: incident.round,
        at: now,
    });
    situation.declines = &declines;
    let sends = plan(&known.policy, &situation).sends;
    Ok(sends.iter().any(|send| send.key.contact != contact))
}

/// Notes that a contact cannot help in this round, or not any more: `acknowledgedAt` of
/// their entry is taken back, and an event says that something moved. The incident stays
/// as it is. Saying it again is the same.
#[derive(Clone, Copy, Debug)]
pub struct Decline {
    /// The incident.
    pub incident: IncidentId,
    /// Who.
    pub contact: ContactId,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeclineOutcome {
    /// Noted: others are asked.
    Noted,
    /// The incident is over; nobody is asked any more.
    Ended,
    /// There is no such incident.
    Unknown,
}

impl Command for Decline {
    type Output = DeclineOutcome;
    const NAME: &'static str = "escalation.decline";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<DeclineOutcome, StoreError> {
        let Some(mut incident) = super::lock(tx, self.incident).await? else {
            return Ok(DeclineOutcome::Unknown);
        };
        if !incident.state.is_open() {
            return Ok(DeclineOutcome::Ended);
        }
        let news = self.is_news(tx, &incident).await?;
        let now = tx.now();
        let values = args![incident.id, self.contact, incident.round, now];
        tx.execute_one(&NOTE, values).await?;
        let mut known = Known::read(tx, &incident, None).await?;
        if withdraw::waiting(tx, &incident, &mut known).await? || news {
            announce::moved(tx, &mut incident, &known).await?;
        }
        timer::wake(tx, incident.id).await?;
        Ok(DeclineOutcome::Noted)
    }
}

impl Decline {
    /// Whether they did not say so in this round before, or said since that they help.
    async fn is_news(&self, tx: &mut Tx<'_>, incident: &Incident) -> Result<bool, StoreError> {
        let before = of_incident(tx, incident.id).await?;
        let said = |no: &Declined| (no.contact, no.round) == (self.contact, incident.round);
        if !before.iter().any(said) {
            return Ok(true);
        }
        let helped = acknowledge::of_incident(tx, incident.id).await?;
        let own = |said: &AcknowledgementRow| said.contact == Some(self.contact);
        Ok(helped.iter().any(|said| own(said) && said.stands(&before)))
    }
}
