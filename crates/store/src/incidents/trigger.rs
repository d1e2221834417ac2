//! Opens or updates an incident, recognises a redelivery, or keeps a relay of
//! an unknown device. Nothing in a trigger is an error.

use std::sync::Arc;

use bytes::Bytes;
use mayday_core::checkin::CHECK_IN_TRIGGER;
use mayday_core::device::{device_key, is_identifier};
use mayday_core::event::EventType;
use mayday_core::ids::{AppUuid, IncidentId, SampleId, UserId};
use mayday_core::sos::{
    Answered, Decision, Flag, Flags, Incident, OpenIncident, Opened, Report, Trigger, TriggerKey,
    decide, event_body, trigger_keys,
};
use mayday_core::telemetry::Position;
use mayday_core::time::Timestamp;
use mayday_core::transport::Transport;
use uuid::Uuid;

use super::keys::{self, Heard};
use super::reports::{self, NewReport};
use super::{
    RESOLVE_ATTEMPTS, SILENT_AFTER, devices as named, gateways, get, latest_of, open_of, row,
};
use crate::alerts::{self, AlertKind};
use crate::command::Command;
use crate::devices::{self, Whose, register, whose};
use crate::drills;
use crate::error::StoreError;
use crate::escalation;
use crate::events::{self, NewEvent};
use crate::hint::Hint;
use crate::tx::Tx;
use crate::unattributed::{self, NewUnattributed};
use crate::users;
use crate::webhooks::Doer;

/// A trigger of an authenticated user.
#[derive(Clone, Debug)]
pub struct TriggerSos {
    /// The sender's app.
    pub app: AppUuid,
    /// Who sent it.
    pub sender: UserId,
    /// The body as sent.
    pub body: Bytes,
    /// What it says.
    pub trigger: Trigger,
    /// All flags it raises by itself, those of [`Trigger::flags`] included.
    pub flags: Flags,
    /// How it came.
    pub transport: Transport,
    /// When it came.
    pub received_at: Timestamp,
    /// The id of this receipt, made for it. A trigger that nothing tells from
    /// another is recognised by it when this command runs again.
    pub receipt: Uuid,
    /// The last known position of the user whose incident it seems to be.
    pub last_known: Option<(UserId, Position)>,
}

/// What became of a trigger.
#[derive(Clone, Debug, PartialEq)]
pub enum TriggerOutcome {
    /// It opened this incident.
    Opened(Box<Incident>),
    /// It updated this incident.
    Updated(Box<Incident>),
    /// It was heard before, and this is its incident as it is now.
    Redelivered(Box<Incident>),
    /// A relay of an unknown device, kept for operators (now or before).
    Unattributed,
}

/// Whose a trigger is.
enum Found {
    /// It is known, and the row of its user is locked.
    Settled(Whose),
    /// The registry changes faster than it can be read, which must not hold up a
    /// cry for help: it is the sender's, and nothing is learnt from it.
    Unsettled,
}

impl Command for TriggerSos {
    type Output = TriggerOutcome;
    const NAME: &'static str = "sos.trigger";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<TriggerOutcome, StoreError> {
        let found = self.resolve_and_lock(tx).await?;
        let keys = self.keys();
        let heard = keys::find(tx, self.sender, &keys, self.received_at).await?;
        if let Some(Heard::Incident(id)) = heard {
            return redelivered(tx, id).await;
        }
        if matches!(found, Found::Settled(Whose::Nobody)) {
            return self.keep_unattributed(tx, heard, &keys).await;
        }
        let (incident, opened) = self.hear(tx, &found).await?;
        let fresh = Heard::Incident(incident.id);
        keys::remember(tx, self.sender, &keys, fresh, self.received_at).await?;
        if let Some(Heard::Record(record)) = heard {
            unattributed::settle(tx, record, Some(incident.id)).await?;
        }
        Ok(if opened {
            TriggerOutcome::Opened(Box::new(incident))
        } else {
            TriggerOutcome::Updated(Box::new(incident))
        })
    }
}

impl TriggerSos {
    fn keys(&self) -> Vec<TriggerKey> {
        let mut keys = trigger_keys(&self.body, &self.trigger);
        if keys.is_empty() {
            keys.push(TriggerKey::of_receipt(self.receipt));
        }
        keys
    }

    /// Resolves the owner, locks the owner's row and checks again: the registry
    /// may have changed in between.
    async fn resolve_and_lock(&self, tx: &mut Tx<'_>) -> Result<Found, StoreError> {
        let naming = self.trigger.naming();
        let mut found = whose(tx, self.app, self.sender, &naming).await?;
        for _ in 0..RESOLVE_ATTEMPTS {
            users::lock(tx, self.locked(&found)).await?;
            let again = whose(tx, self.app, self.sender, &naming).await?;
            if self.locked(&again) == self.locked(&found) {
                return Ok(Found::Settled(again));
            }
            found = again;
        }
        users::lock(tx, self.sender).await?;
        Ok(Found::Unsettled)
    }

    /// The user whose row is locked: a gateway's for nobody's SOS.
    fn locked(&self, whose: &Whose) -> UserId {
        whose.owner(self.sender).unwrap_or(self.sender)
    }

    /// Opens or updates the owner's incident; whether it was opened.
    async fn hear(&self, tx: &mut Tx<'_>, found: &Found) -> Result<(Incident, bool), StoreError> {
        let owner = match found {
            Found::Settled(whose) => self.locked(whose),
            Found::Unsettled => self.sender,
        };
        let relayed = owner != self.sender;
        let mut flags = self.flags;
        if self.learn_device(tx, found).await? {
            flags.insert(Flag::UnknownDevice);
        }
        let report = Report {
            trigger: &self.trigger,
            flags,
            received_at: self.received_at,
            transport: self.transport,
            relayed,
            device_id: self.device_to_record(found),
            last_known: self
                .last_known
                .filter(|(user, _)| *user == owner)
                .map(|(_, position)| position),
        };
        let open = open_of(tx, owner).await?;
        let decision = decide(open.as_ref().map(OpenIncident::of), self.received_at);
        let updates = (open, decision);
        let (incident, opened) =
            if let (Some(mut incident), Decision::Update { new_round }) = updates {
                let before = incident.snapshot_version;
                if self.received_at.since(incident.last_trigger_at) >= SILENT_AFTER {
                    let key = incident.id.to_string();
                    alerts::close(tx, AlertKind::SilentIncident, &key).await?;
                }
                incident.update(&report, new_round);
                if new_round {
                    escalation::changed(tx, &mut incident).await?;
                }
                row::update(tx, &incident, before).await?;
                (incident, false)
            } else {
                drills::give_way(tx, owner).await?;
                let last_known = self.last_known(tx, owner, report.last_known).await?;
                let report = Report {
                    last_known,
                    ..report.clone()
                };
                (self.open(tx, owner, &report).await?, true)
            };
        self.keep_report(tx, &incident).await?;
        named::note(tx, &incident, &report).await?;
        if relayed {
            gateways::note(tx, incident.id, self.sender, self.received_at).await?;
        }
        self.announce(tx, &incident).await?;
        Ok((incident, opened))
    }

    /// Where the owner was last, for a trigger that does not say: what telemetry
    /// told or what the owner's latest incident shows, whichever is newer.
    async fn last_known(
        &self,
        tx: &mut Tx<'_>,
        owner: UserId,
        told: Option<Position>,
    ) -> Result<Option<Position>, StoreError> {
        if self.trigger.fix.is_some() {
            return Ok(None);
        }
        let shown = latest_of(tx, owner).await?.and_then(|latest| {
            let position = latest.position?;
            Some(Position {
                time: position.time,
                received_at: latest.last_trigger_at,
                latitude: position.fix.latitude,
                longitude: position.fix.longitude,
                altitude: position.fix.altitude,
                accuracy_meters: None,
            })
        });
        Ok([told, shown].into_iter().flatten().reduce(|told, shown| {
            if shown.time > told.time { shown } else { told }
        }))
    }

    async fn open(
        &self,
        tx: &mut Tx<'_>,
        owner: UserId,
        report: &Report<'_>,
    ) -> Result<Incident, StoreError> {
        let ids = Opened {
            id: IncidentId::generate(tx.clock(), tx.entropy()),
            opening: SampleId::generate(tx.clock(), tx.entropy()),
            app: self.app,
            user: owner,
        };
        let mut incident = Incident::open(ids, report);
        escalation::begin(tx, &mut incident).await?;
        row::insert(tx, &incident).await?;
        tx.hint(Hint::IncidentOpened {
            user: owner,
            incident: incident.id,
        });
        Ok(incident)
    }

    /// Registers an unknown own device, or learns a second text of a listed
    /// one; a text that identifies nothing is never learnt. Whether the device was
    /// unknown.
    async fn learn_device(&self, tx: &mut Tx<'_>, found: &Found) -> Result<bool, StoreError> {
        let mut texts = self.named_texts().filter(|text| is_identifier(text));
        match found {
            Found::Settled(Whose::Own(None)) => {
                if let Some(text) = texts.next() {
                    let alias = texts.find(|other| device_key(other) != device_key(text));
                    let fresh = register::NewDevice::of_sos(self.app, self.sender, text, alias);
                    register::insert(tx, &fresh, self.received_at).await?;
                }
                Ok(self.named_texts().next().is_some())
            }
            Found::Settled(Whose::Own(Some(claim))) if !self.trigger.has_relay_fields() => {
                let mut others = texts.filter(|text| !claim.is_named(text));
                if claim.lacks_alias()
                    && let Some(other) = others.next()
                    && devices::owner_of(tx, self.app, other).await?.is_none()
                {
                    devices::set_alias(tx, claim, other, self.received_at).await?;
                    tx.hint(Hint::DeviceChanged(self.app));
                }
                Ok(false)
            }
            _ => Ok(false),
        }
    }

    /// The texts that name the sender's device.
    fn named_texts(&self) -> impl Iterator<Item = &str> {
        let Trigger {
            device_id,
            hardware_id,
            ..
        } = &self.trigger;
        [device_id, hardware_id]
            .into_iter()
            .filter_map(|text| text.as_deref())
    }

    /// The `deviceId` that the incident records. A relay that only names a node
    /// is recorded under the device that was meant, so that it can be cancelled.
    fn device_to_record<'a>(&'a self, found: &'a Found) -> Option<&'a str> {
        let meant = match found {
            Found::Settled(Whose::Relayed(claim)) => Some(claim.hardware_id.as_str()),
            _ => None,
        };
        self.trigger.device_id.as_deref().or(meant)
    }

    async fn keep_report(&self, tx: &mut Tx<'_>, incident: &Incident) -> Result<(), StoreError> {
        let report = NewReport {
            incident: incident.id,
            ordinal: incident.triggers,
            sender: self.sender,
            transport: self.transport,
            received_at: self.received_at,
            occurred_at: self.trigger.time_or(self.received_at),
            fix: self.trigger.fix,
            body: &self.body,
        };
        reports::keep(tx, &report).await
    }

    /// Who cried; a timer that lapsed is nobody.
    fn by(&self, owner: UserId) -> Option<Doer> {
        let by_timer = self.trigger.trigger_source.as_deref() == Some(CHECK_IN_TRIGGER);
        (!by_timer).then(|| Doer::user(self.sender, owner))
    }

    /// Writes the numbered `processed` event.
    async fn announce(&self, tx: &mut Tx<'_>, incident: &Incident) -> Result<(), StoreError> {
        let answered = Answered {
            trigger: &self.trigger,
            transport: self.transport,
            relayed: incident.user != self.sender,
        };
        let new = NewEvent {
            incident: incident.id,
            kind: EventType::Processed,
            snapshot_version: incident.snapshot_version,
            body: event_body(incident, self.received_at, Some(answered)),
            by: self.by(incident.user),
        };
        events::append(tx, incident.user, new).await?;
        Ok(())
    }

    async fn keep_unattributed(
        &self,
        tx: &mut Tx<'_>,
        heard: Option<Heard>,
        keys: &[TriggerKey],
    ) -> Result<TriggerOutcome, StoreError> {
        if heard.is_none() {
            let new = NewUnattributed {
                app: self.app,
                gateway: self.sender,
                transport: self.transport,
                trigger: &self.trigger,
                flags: self.flags,
                body: &self.body,
                received_at: self.received_at,
            };
            let record = Heard::Record(unattributed::keep(tx, &new).await?);
            keys::remember(tx, self.sender, keys, record, self.received_at).await?;
        }
        Ok(TriggerOutcome::Unattributed)
    }
}

/// Sends the incident's latest event once more, under its first id; for an
/// ended incident that is the terminal one.
async fn redelivered(tx: &mut Tx<'_>, id: IncidentId) -> Result<TriggerOutcome, StoreError> {
    let incident = get(tx, id)
        .await?
        .ok_or_else(|| StoreError::column(0, "a remembered incident does not exist"))?;
    if let Some(event) = events::latest_of_incident(tx, incident.user, id).await? {
        tx.hint(Hint::Replay(Arc::new(event)));
    }
    Ok(TriggerOutcome::Redelivered(Box::new(incident)))
}
