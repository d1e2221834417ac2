//! Asks the plan what is due, records it, and sets the timer to the next time.

use mayday_core::contact::Contact;
use mayday_core::drill::DrillEnd;
use mayday_core::escalation::{
    Attempt, AttemptState, Exhaustion, Kind, Plan, Purpose, Send, Skip, plan,
};
use mayday_core::event::EventType;
use mayday_core::ids::{AttemptId, IncidentId};
use mayday_core::notification::NotificationType;
use mayday_core::sos::Incident;
use serde_json::{Map, json};

use super::announce;
use super::attempts::{self, AttemptRow};
use super::known::{Known, Reaches, address};
use super::timer;
use crate::alerts::{self, AlertKind, NewAlert};
use crate::command::Command;
use crate::drills;
use crate::error::StoreError;
use crate::incidents::row;
use crate::jobs::{self, Claim};
use crate::tx::Tx;

/// One look at an escalation. Output: what it came to. Looking twice is looking once:
/// what is on record is not asked for again.
#[derive(Clone, Debug)]
pub struct RunEscalation {
    /// The incident.
    pub incident: IncidentId,
    /// The claim on its timer.
    pub claim: Claim,
    /// Where messages can go.
    pub reaches: Reaches,
}

/// What a look came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Looked {
    /// Messages that are to be sent now.
    pub sends: usize,
    /// Messages that are not to be sent.
    pub skips: usize,
    /// Nobody is left to tell, since now.
    pub exhausted: bool,
}

impl Command for RunEscalation {
    type Output = Looked;
    const NAME: &'static str = "escalation.run";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Looked, StoreError> {
        let Some(mut incident) = super::lock(tx, self.incident).await? else {
            jobs::complete(tx, self.claim).await?;
            return Ok(Looked::default());
        };
        // Woken meanwhile: whoever claims it next sees what this one would have.
        if !jobs::holds(tx, self.claim).await? {
            return Ok(Looked::default());
        }
        let mut known = Known::read(tx, &incident, Some(&self.reaches)).await?;
        let plan = plan(&known.policy, &known.situation(&incident, tx.now()));
        for skip in &plan.skips {
            put_skip(tx, &incident, &mut known, skip).await?;
        }
        for send in &plan.sends {
            put_send(tx, &incident, &mut known, send).await?;
        }
        known.renew();
        if !plan.sends.is_empty() || !plan.skips.is_empty() {
            announce::moved(tx, &mut incident, &known).await?;
        }
        let exhausted = match plan.exhausted {
            Some(what) => exhaust(tx, &mut incident, &known, what).await?,
            None => false,
        };
        self.set_timer(tx, &plan).await?;
        Ok(Looked {
            sends: plan.sends.len(),
            skips: plan.skips.len(),
            exhausted,
        })
    }
}

impl RunEscalation {
    async fn set_timer(&self, tx: &mut Tx<'_>, plan: &Plan) -> Result<(), StoreError> {
        match plan.look_at {
            Some(at) => jobs::rearm(tx, self.claim, at).await?,
            None => jobs::complete(tx, self.claim).await?,
        };
        Ok(())
    }
}

async fn put_send(
    tx: &mut Tx<'_>,
    incident: &Incident,
    known: &mut Known,
    send: &Send,
) -> Result<(), StoreError> {
    let mut attempt = Attempt::scheduled(send.key, tx.now());
    attempt.address = send.address;
    let mut row = new_row(tx, incident, known, attempt);
    row.kind = send.kind;
    attempts::insert(tx, &row).await?;
    timer::send(tx, row.id).await?;
    announce::notify(tx, incident, NotificationType::SosEscalated, &row).await?;
    known.rows.push(row);
    Ok(())
}

async fn put_skip(
    tx: &mut Tx<'_>,
    incident: &Incident,
    known: &mut Known,
    skip: &Skip,
) -> Result<(), StoreError> {
    let now = tx.now();
    let reason = Some(skip.reason.as_str().to_owned());
    let on_record = known
        .rows
        .iter_mut()
        .find(|row| row.attempt.key == skip.key && row.attempt.state == AttemptState::Scheduled);
    if let Some(row) = on_record {
        row.attempt.advance(AttemptState::Skipped, now);
        row.skip_reason = reason;
        attempts::update(tx, row).await?;
        return jobs::withdraw(tx, &timer::send_key(row.id)).await;
    }
    let mut row = new_row(tx, incident, known, Attempt::skipped(skip.key, now));
    row.skip_reason = reason;
    attempts::insert(tx, &row).await?;
    known.rows.push(row);
    Ok(())
}

/// An attempt of a contact who is listed, or who was told before.
fn new_row(tx: &Tx<'_>, incident: &Incident, known: &Known, attempt: Attempt) -> AttemptRow {
    let (contact, channel) = (attempt.key.contact, attempt.key.channel);
    let listed = known.contacts.iter().find(|listed| listed.id == contact);
    let told = known.rows.iter().find(|row| {
        let Attempt { key, address, .. } = row.attempt;
        (key.contact, key.channel, address) == (contact, channel, attempt.address)
    });
    // The all-clear goes where the cry for help went, also when the app has been set to
    // test mode or back since then.
    let told = told.filter(|_| attempt.key.purpose == Purpose::AllClear);
    let of_row = |row: &AttemptRow| (row.name.clone(), row.address.clone(), row.language.clone());
    let of_list = |listed: &Contact| {
        (
            listed.name.clone(),
            address(listed, channel).to_owned(),
            listed.language.clone(),
        )
    };
    let (name, address, language) = match (told, listed) {
        (Some(told), _) => of_row(told),
        (None, Some(listed)) => of_list(listed),
        (None, None) => <_>::default(),
    };
    AttemptRow {
        id: AttemptId::generate(tx.clock(), tx.entropy()),
        incident: incident.id,
        attempt,
        kind: Kind::Alert,
        drill: incident.drill,
        real: told.map_or_else(|| known.policy.is_real(incident.drill), |told| told.real),
        name,
        address,
        language,
        skip_reason: None,
        tries: 0,
        provider: None,
        try_at: None,
        provider_id: None,
        refused_by: Vec::new(),
        code: None,
        error: None,
        answered_by: None,
        doubts: 0,
        absences: 0,
        link: None,
    }
}

/// `sos.unanswered`, for the cry of a round and for each silence, once for all who were
/// asked until then: operators and partner are told that nobody answered. A drill has
/// shown what it can, and ends.
async fn exhaust(
    tx: &mut Tx<'_>,
    incident: &mut Incident,
    known: &Known,
    what: Exhaustion,
) -> Result<bool, StoreError> {
    let (before, now) = (incident.snapshot_version, tx.now());
    if !incident.exhaust(what.since, now) {
        return Ok(false);
    }
    announce::show(incident, known)?;
    row::update(tx, incident, before).await?;
    let mut more = Map::new();
    more.insert("round".to_owned(), incident.round.into());
    announce::say(tx, incident, EventType::Unanswered, more).await?;
    if incident.drill {
        drills::end(tx, incident, DrillEnd::Unanswered).await?;
        return Ok(true);
    }
    let alert = NewAlert {
        app: incident.app,
        kind: AlertKind::UnansweredSos,
        // An earlier alert of the same incident may still be open.
        key: &format!("{}:{}", incident.id, what.since.as_micros()),
        user: Some(incident.user),
        incident: Some(incident.id),
        detail: json!({"round": incident.round, "silence": what.silence}),
    };
    alerts::raise(tx, alert).await?;
    Ok(true)
}
