//! Somebody says that they help, whoever it is and however they say it.

use mayday_core::drill::DrillEnd;
use mayday_core::escalation::{Acknowledgement, Decline};
use mayday_core::event::EventType;
use mayday_core::ids::{ContactId, IncidentId};
use mayday_core::sos::Incident;
use mayday_core::time::Timestamp;
use serde_json::{Map, json};

use super::{announce, timer};
use crate::args;
use crate::command::Command;
use crate::drills;
use crate::error::StoreError;
use crate::incidents::row;
use crate::row::Row;
use crate::sql::Sql;
use crate::tx::Tx;

static PROMISE: Sql = Sql::new(
    "INSERT INTO escalation_acknowledgements \
     (incident_id, round, helper, contact_id, name, means, at, last_sign_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $7) \
     ON CONFLICT (incident_id, round, helper) DO UPDATE SET \
        name = excluded.name, means = excluded.means, at = excluded.at, \
        last_sign_at = excluded.last_sign_at",
);
static SIGN: Sql = Sql::new(
    "UPDATE escalation_acknowledgements SET last_sign_at = $4 \
     WHERE incident_id = $1 AND round = $2 AND helper = $3",
);
static OF_INCIDENT: Sql = Sql::new(
    "SELECT round, helper, contact_id, name, means, at, last_sign_at \
     FROM escalation_acknowledgements WHERE incident_id = $1 ORDER BY at LIMIT 1000",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&PROMISE, &SIGN, &OF_INCIDENT];

/// How it was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Means {
    /// On the tracking page.
    Page,
    /// By a digit in a call.
    Call,
    /// By an SMS in answer.
    Sms,
    /// By an operator.
    Console,
    /// On the tracking page, having called the emergency services.
    Services,
}

impl Means {
    /// The word in the store and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Call => "call",
            Self::Sms => "sms",
            Self::Console => "console",
            Self::Services => "services",
        }
    }
}

/// Who helps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// A contact, and how they said it.
    Contact(ContactId, Means),
    /// An operator, by name.
    Operator(String),
}

impl By {
    fn helper(&self) -> String {
        match self {
            Self::Contact(contact, _) => format!("contact:{contact}"),
            Self::Operator(name) => format!("operator:{name}"),
        }
    }

    const fn contact(&self) -> Option<ContactId> {
        match self {
            Self::Contact(contact, _) => Some(*contact),
            Self::Operator(_) => None,
        }
    }

    const fn means(&self) -> Means {
        match self {
            Self::Contact(_, means) => *means,
            Self::Operator(_) => Means::Console,
        }
    }
}

/// An acknowledgement as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcknowledgementRow {
    /// The incident's round when it was said.
    pub round: u32,
    /// Who; `None`: an operator.
    pub contact: Option<ContactId>,
    /// The name that was given.
    pub name: String,
    /// [`Means::as_str`].
    pub means: String,
    /// When.
    pub at: Timestamp,
    /// The latest sign of life since.
    pub last_sign_at: Timestamp,
    helper: String,
}

impl AcknowledgementRow {
    /// What the plan needs to know of it.
    pub const fn promise(&self) -> Acknowledgement {
        Acknowledgement {
            contact: self.contact,
            round: self.round,
            at: self.at,
            last_sign_at: self.last_sign_at,
        }
    }

    /// Whether the same person said both.
    pub fn is_of(&self, other: &Self) -> bool {
        self.helper == other.helper
    }

    /// Whether who said it did not say since that they cannot help.
    pub fn stands(&self, declines: &[Decline]) -> bool {
        let own = |no: &&Decline| Some(no.contact) == self.contact;
        declines.iter().filter(own).all(|no| no.at < self.at)
    }
}

/// Who said that they help, in any round, the first first.
pub async fn of_incident(
    tx: &mut Tx<'_>,
    incident: IncidentId,
) -> Result<Vec<AcknowledgementRow>, StoreError> {
    let rows = tx.fetch_all(&OF_INCIDENT, args![incident]).await?;
    rows.iter().map(read).collect()
}

/// Those of them who did not take it back since.
pub async fn standing(
    tx: &mut Tx<'_>,
    incident: IncidentId,
) -> Result<Vec<AcknowledgementRow>, StoreError> {
    let declines = super::decline::of_incident(tx, incident).await?;
    let mut said = of_incident(tx, incident).await?;
    said.retain(|said| said.stands(&declines));
    Ok(said)
}

/// Records that somebody helps: the incident is acknowledged, and the event
/// `sos_ack` says by whom and when. A drill has shown what it can, and ends.
#[derive(Clone, Debug)]
pub struct Acknowledge {
    /// The incident.
    pub incident: IncidentId,
    /// Who, and how.
    pub by: By,
    /// The name that was given; without one, the contact's or the operator's.
    pub name: Option<String>,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq)]
pub enum AcknowledgeOutcome {
    /// It counts from now on.
    Now(Box<Incident>),
    /// The same person said it before in this round: the same success.
    Again(Box<Incident>),
    /// The incident is over.
    Ended,
    /// There is no such incident.
    Unknown,
}

impl Command for Acknowledge {
    type Output = AcknowledgeOutcome;
    const NAME: &'static str = "escalation.acknowledge";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<AcknowledgeOutcome, StoreError> {
        let Some(mut incident) = super::lock(tx, self.incident).await? else {
            return Ok(AcknowledgeOutcome::Unknown);
        };
        if !incident.state.is_open() {
            return Ok(AcknowledgeOutcome::Ended);
        }
        if self.stands(tx, &incident).await? {
            let (helper, now) = (self.by.helper(), tx.now());
            let sign = args![incident.id, incident.round, &helper, now];
            tx.execute_one(&SIGN, sign).await?;
            timer::wake(tx, incident.id).await?;
            return Ok(AcknowledgeOutcome::Again(Box::new(incident)));
        }
        self.promise(tx, &mut incident).await?;
        Ok(AcknowledgeOutcome::Now(Box::new(incident)))
    }
}

impl Acknowledge {
    /// Whether they said it in this round, did not take it back since and say
    /// nothing new.
    async fn stands(&self, tx: &mut Tx<'_>, incident: &Incident) -> Result<bool, StoreError> {
        let helper = self.by.helper();
        let known = of_incident(tx, incident.id).await?;
        let own = |row: &&AcknowledgementRow| row.round == incident.round && row.helper == helper;
        let Some(said) = known.iter().find(own) else {
            return Ok(false);
        };
        let declines = super::decline::of_incident(tx, incident.id).await?;
        // That the emergency services were called is news about the same help.
        let means = self.by.means();
        if means == Means::Services && said.means != means.as_str() {
            return Ok(false);
        }
        Ok(said.stands(&declines))
    }

    async fn promise(&self, tx: &mut Tx<'_>, incident: &mut Incident) -> Result<(), StoreError> {
        let now = tx.now();
        let name = self.shown_name(tx, incident).await?;
        let (helper, means) = (self.by.helper(), self.by.means().as_str());
        let values = args![
            incident.id,
            incident.round,
            &helper,
            self.by.contact(),
            &name,
            means,
            now,
        ];
        tx.execute_one(&PROMISE, values).await?;
        let before = incident.snapshot_version;
        incident.acknowledge(now);
        super::changed(tx, incident).await?;
        row::update(tx, incident, before).await?;
        let mut more = Map::new();
        more.insert("acknowledgedAt".to_owned(), now.to_string().into());
        let by = json!({
            "type": if self.by.contact().is_some() { "contact" } else { "operator" },
            "contactId": self.by.contact(),
            "name": name,
            "means": means,
        });
        more.insert("acknowledgedBy".to_owned(), by);
        announce::say(tx, incident, EventType::Acknowledged, more).await?;
        if incident.drill {
            drills::end(tx, incident, DrillEnd::Acknowledged).await?;
        }
        Ok(())
    }

    /// The name that was given, or the one that is known.
    async fn shown_name(&self, tx: &mut Tx<'_>, incident: &Incident) -> Result<String, StoreError> {
        if let Some(name) = &self.name {
            return Ok(name.clone());
        }
        match &self.by {
            By::Operator(name) => Ok(name.clone()),
            By::Contact(contact, _) => {
                let told = super::attempts::of_incident(tx, incident.id).await?;
                let own = told
                    .into_iter()
                    .find(|row| row.attempt.key.contact == *contact);
                Ok(own.map(|row| row.name).unwrap_or_default())
            }
        }
    }
}

fn read(row: &Row) -> Result<AcknowledgementRow, StoreError> {
    Ok(AcknowledgementRow {
        round: row.get(0)?,
        helper: row.get(1)?,
        contact: row.get(2)?,
        name: row.get(3)?,
        means: row.get(4)?,
        at: row.get(5)?,
        last_sign_at: row.get(6)?,
    })
}
