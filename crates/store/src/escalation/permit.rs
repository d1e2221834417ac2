//! The permit of a send: asked for after a provider was chosen and before anything
//! leaves (design: each send has a permit).
//!
//! It locks the incident's user, finds out whether the message may still go out and
//! whether the claim still holds, and writes down that it is about to: through which
//! provider, and when. From its commit on the message may have gone out; a process
//! that dies in between leaves a try whose end is looked up.

use std::time::Duration;

use mayday_core::escalation::{
    AttemptState, Channel, Kind, Policy, Purpose, SkipReason, TrackingToken, withdrawn,
};
use mayday_core::ids::AttemptId;
use mayday_core::mail::MailTemplate;
use mayday_core::sos::Incident;

use super::attempts::{self, AttemptRow};
use super::known::{Known, Reaches};
use super::{announce, timer, tokens};
use crate::command::Command;
use crate::error::StoreError;
use crate::incidents::duress;
use crate::jobs::{self, Claim};
use crate::mail_settings::{self, MailDress};
use crate::pumping::{self, Admission, Caps, Outgoing};
use crate::tx::Tx;
use crate::users::{self, UserRow};

/// A message that arrived later than this was looked up, or its phone was off.
const LONGEST_PACE: Duration = Duration::from_mins(1);

/// Asks whether an attempt may be made now through a provider.
#[derive(Clone, Debug)]
pub struct PermitSend {
    /// Which attempt.
    pub attempt: AttemptId,
    /// The claim on its job.
    pub claim: Claim,
    /// Through which provider, by its name.
    pub provider: String,
    /// Where messages can go.
    pub reaches: Reaches,
    /// How much may be sent.
    pub caps: Caps,
}

/// What is to be sent, as it is at the moment of the permit.
#[derive(Clone, Debug)]
pub struct Permit {
    /// The attempt, with this try on record.
    pub attempt: AttemptRow,
    /// The incident.
    pub incident: Incident,
    /// Whose it is.
    pub user: UserRow,
    /// The app's policy.
    pub policy: Policy,
    /// How the app's mails look; read for a mail alone.
    pub dress: Option<MailDress>,
    /// The contact's token.
    pub token: TrackingToken,
    /// Whether nothing of this incident was ever handed to a provider before.
    pub first: bool,
}

/// What became of a request for a permit.
#[derive(Clone, Debug)]
pub enum PermitOutcome {
    /// Send it, once.
    Given(Box<Permit>),
    /// It is not to be sent any more; its job is done.
    Withdrawn,
    /// A cap refuses what is no emergency; its job is done.
    OverCap,
    /// It is settled, or gone with its incident; its job is done.
    Over,
    /// Nothing leaves, and it is on record as if it had; its job is done or goes on.
    Pretended,
    /// A try is open: look it up first.
    Open,
    /// The job is somebody else's by now.
    Lost,
}

impl Command for PermitSend {
    type Output = PermitOutcome;
    const NAME: &'static str = "escalation.permit";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<PermitOutcome, StoreError> {
        let Some((mut incident, mut row)) = super::lock_attempt(tx, self.attempt).await? else {
            jobs::complete(tx, self.claim).await?;
            return Ok(PermitOutcome::Over);
        };
        if !jobs::holds(tx, self.claim).await? {
            return Ok(PermitOutcome::Lost);
        }
        if row.attempt.state > AttemptState::Sending {
            jobs::complete(tx, self.claim).await?;
            return Ok(PermitOutcome::Over);
        }
        if row.try_at.is_some() {
            return Ok(PermitOutcome::Open);
        }
        let mut known = Known::read(tx, &incident, Some(&self.reaches)).await?;
        let refusal = self.refusal(tx, &incident, &known, &row).await?;
        if let Some((state, why, outcome)) = refusal {
            row.attempt.advance(state, tx.now());
            row.skip_reason = Some(why.to_owned()).filter(|_| state == AttemptState::Skipped);
            row.error = Some(why.to_owned()).filter(|_| state == AttemptState::Failed);
            super::put(tx, &mut known, &row).await?;
            announce::moved(tx, &mut incident, &known).await?;
            jobs::complete(tx, self.claim).await?;
            timer::wake(tx, incident.id).await?;
            return Ok(outcome);
        }
        if self.is_pretended(tx, &incident, &row).await? {
            self.pretend(tx, &known, row).await?;
            return Ok(PermitOutcome::Pretended);
        }
        let first = known
            .rows
            .iter()
            .all(|row| !row.attempt.may_have_gone_out());
        // Whoever has an address that was the contact's before gets no link that works.
        let link = if known.attempt(&row).address == 0 {
            tokens::generation(tx, incident.id, row.attempt.key.contact).await?
        } else {
            tokens::NOWHERE
        };
        row.link = Some(link);
        self.give(tx, incident, row, known.policy, first).await
    }
}

impl PermitSend {
    /// Why it must not go out, if so.
    async fn refusal(
        &self,
        tx: &mut Tx<'_>,
        incident: &Incident,
        known: &Known,
        row: &AttemptRow,
    ) -> Result<Option<(AttemptState, &'static str, PermitOutcome)>, StoreError> {
        // What was begun may have gone out, and is carried to its end unless the
        // incident is over: `withdrawn` asks about what nobody has begun.
        let mut begun = known.attempt(row);
        begun.state = AttemptState::Scheduled;
        let situation = known.situation(incident, tx.now());
        let mut reason = withdrawn(&known.policy, &situation, &begun);
        if reason.is_none() && known.is_silent(row) {
            reason = Some(SkipReason::Unreachable);
        }
        if let Some(reason) = reason {
            let state = if row.attempt.state == AttemptState::Scheduled {
                AttemptState::Skipped
            } else {
                AttemptState::Failed
            };
            return Ok(Some((state, reason.as_str(), PermitOutcome::Withdrawn)));
        }
        // Once per attempt: a second provider costs nothing more than the first.
        if row.tries > 0 || !row.real || !row.address.starts_with('+') {
            return Ok(None);
        }
        let outgoing = Outgoing {
            app: incident.app,
            user: Some(incident.user),
            incident: Some(incident.id),
            to: &row.address,
            emergency: !incident.drill,
        };
        Ok(match pumping::admit(tx, &self.caps, outgoing).await? {
            Admission::Refused(cap) => {
                let state = AttemptState::Failed;
                Some((state, cap.as_str(), PermitOutcome::OverCap))
            }
            Admission::Admitted | Admission::OverCap(_) => None,
        })
    }

    /// Whether this is the all-clear of an incident that was cancelled under duress,
    /// to somebody for whom it goes on. The victim's app shows it as sent.
    async fn is_pretended(
        &self,
        tx: &mut Tx<'_>,
        incident: &Incident,
        row: &AttemptRow,
    ) -> Result<bool, StoreError> {
        let key = row.attempt.key;
        if key.purpose != Purpose::AllClear {
            return Ok(false);
        }
        Ok(duress::continued_for(tx, incident, key.contact)
            .await?
            .is_some())
    }

    /// Records it as the message before it on the same way went: as far, and no faster,
    /// because the victim's app shows when each was sent.
    async fn pretend(
        &self,
        tx: &mut Tx<'_>,
        known: &Known,
        mut row: AttemptRow,
    ) -> Result<(), StoreError> {
        let now = tx.now();
        let pace = Pace::of(known, &row);
        let Some(began) = row.attempt.sending_at else {
            row.attempt.advance(AttemptState::Sending, now);
            row.tries = row.tries.saturating_add(1);
            row.provider = Some(self.provider.clone());
            attempts::update(tx, &row).await?;
            let due_at = now.plus(pace.sent).plus(pace.arrived.unwrap_or_default());
            jobs::rearm(tx, self.claim, due_at).await?;
            return Ok(());
        };
        let sent_at = began.plus(pace.sent).min(now);
        row.attempt.advance(AttemptState::Sent, sent_at);
        if let Some(arrived) = pace.arrived {
            let at = sent_at.plus(arrived).min(now);
            row.attempt.advance(AttemptState::Delivered, at);
        }
        attempts::update(tx, &row).await?;
        jobs::complete(tx, self.claim).await?;
        Ok(())
    }

    async fn give(
        &self,
        tx: &mut Tx<'_>,
        incident: Incident,
        mut row: AttemptRow,
        policy: Policy,
        first: bool,
    ) -> Result<PermitOutcome, StoreError> {
        let now = tx.now();
        row.attempt.advance(AttemptState::Sending, now);
        row.tries = row.tries.saturating_add(1);
        row.provider = Some(self.provider.clone());
        row.try_at = Some(now);
        attempts::update(tx, &row).await?;
        let token = token(tx, &row).await?;
        let user = users::lock(tx, incident.user).await?;
        let dress = dress(tx, &incident, &row).await?;
        Ok(PermitOutcome::Given(Box::new(Permit {
            attempt: row,
            incident,
            user,
            policy,
            dress,
            token,
            first,
        })))
    }
}

/// How a message went.
#[derive(Clone, Copy, Debug, Default)]
struct Pace {
    /// From its permit until a provider had it.
    sent: Duration,
    /// From then until it arrived, if it did.
    arrived: Option<Duration>,
}

impl Pace {
    /// That of the last message before `row` to the same contact by the same channel.
    fn of(known: &Known, row: &AttemptRow) -> Self {
        let way = |row: &AttemptRow| (row.attempt.key.contact, row.attempt.key.channel);
        let before = known.rows.iter().rev().find(|other| {
            other.id != row.id && way(other) == way(row) && other.attempt.sent_at.is_some()
        });
        let attempt = before.map(|before| before.attempt);
        let Some((sending_at, sent_at)) = attempt.and_then(|a| a.sending_at.zip(a.sent_at)) else {
            return Self::default();
        };
        let settled_at = attempt
            .filter(|attempt| attempt.state == AttemptState::Delivered)
            .and_then(|attempt| attempt.settled_at);
        let within = |duration: Duration| duration.min(LONGEST_PACE);
        Self {
            sent: within(sent_at.since(sending_at)),
            arrived: settled_at.map(|settled_at| within(settled_at.since(sent_at))),
        }
    }
}

/// The token that the latest try carries.
async fn token(tx: &mut Tx<'_>, row: &AttemptRow) -> Result<TrackingToken, StoreError> {
    let (incident, contact) = (row.incident, row.attempt.key.contact);
    match row.link {
        Some(generation) => tokens::of_generation(tx, incident, contact, generation).await,
        // It was sent before this was recorded.
        None => tokens::issue(tx, incident, contact).await,
    }
}

/// A mail says in which app its receiver is listed, and looks like that app's.
async fn dress(
    tx: &mut Tx<'_>,
    incident: &Incident,
    row: &AttemptRow,
) -> Result<Option<MailDress>, StoreError> {
    if row.attempt.key.channel != Channel::Email {
        return Ok(None);
    }
    let template = match row.kind {
        Kind::Alert | Kind::AskedAgain => MailTemplate::Sos,
        Kind::Cancelled | Kind::Resolved => MailTemplate::SosAllClear,
    };
    mail_settings::dress(tx, incident.app, template)
        .await
        .map(Some)
}

/// What is needed to look an open try up.
#[derive(Clone, Debug)]
pub struct Review {
    /// The message as it was sent.
    pub permit: Permit,
    /// The provider's ids of other messages to that address: not this one.
    pub others: Vec<String>,
}

/// Asks for what is needed to look an open try up.
#[derive(Clone, Debug)]
pub struct ReviewTry {
    /// Which attempt.
    pub attempt: AttemptId,
}

impl Command for ReviewTry {
    /// `None`: there is no such attempt, or no open try.
    type Output = Option<Box<Review>>;
    const NAME: &'static str = "escalation.review";

    /// A command and no query, because the token of a contact whose row is gone has
    /// to be made again. One that was revoked meanwhile stays what was sent.
    async fn run(&self, tx: &mut Tx<'_>) -> Result<Option<Box<Review>>, StoreError> {
        let Some((incident, row)) = super::lock_attempt(tx, self.attempt).await? else {
            return Ok(None);
        };
        if row.try_at.is_none() {
            return Ok(None);
        }
        let token = token(tx, &row).await?;
        let policy = crate::policies::current(tx, incident.app).await?;
        let user = users::lock(tx, incident.user).await?;
        let dress = dress(tx, &incident, &row).await?;
        let others = match &row.provider {
            Some(provider) => attempts::taken(tx, &row, provider).await?,
            None => Vec::new(),
        };
        let permit = Permit {
            attempt: row,
            incident,
            user,
            policy,
            dress,
            token,
            first: false,
        };
        Ok(Some(Box::new(Review { permit, others })))
    }
}
