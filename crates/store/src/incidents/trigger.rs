//! Opens or updates an incident, recognises a redelivery, or keeps a relay of
//! an unknown device. Nothing in a trigger is an error.

use std::sync::Arc;

use bytes::Bytes;
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
use super::whose::{OwnDevice, RESOLVE_ATTEMPTS, Whose, registrable_text, whose};
use super::{SILENT_AFTER, devices as named, gateways, get, latest_of, open_of, row};
use crate::alerts::{self, AlertKind};
use crate::command::Command;
use crate::devices::{self, register};
use crate::error::StoreError;
use crate::events::{self, NewEvent};
use crate::hint::Hint;
use crate::tx::Tx;
use crate::unattributed::{self, NewUnattributed};
use crate::users;

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

impl Command for TriggerSos {
    type Output = TriggerOutcome;
    const NAME: &'static str = "sos.trigger";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<TriggerOutcome, StoreError> {
        let whose = self.resolve_and_lock(tx).await?;
        let keys = self.keys();
        let heard = keys::find(tx, self.sender, &keys, self.received_at).await?;
        if let Some(Heard::Incident(id)) = heard {
            return redelivered(tx, id).await;
        }
        if whose == Whose::Nobody {
            return self.keep_unattributed(tx, heard, &keys).await;
        }
        let (incident, opened) = self.hear(tx, &whose).await?;
        let fresh = Heard::Incident(incident.id);
        keys::remember(tx, self.sender, &keys, fresh, self.received_at).await?;
        if let Some(Heard::Record(record)) = heard {
            unattributed::attribute(tx, record, incident.id).await?;
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
    async fn resolve_and_lock(&self, tx: &mut Tx<'_>) -> Result<Whose, StoreError> {
        let mut found = whose(tx, self.app, self.sender, &self.trigger).await?;
        for _ in 0..RESOLVE_ATTEMPTS {
            users::lock(tx, found.user(self.sender)).await?;
            let again = whose(tx, self.app, self.sender, &self.trigger).await?;
            if again.user(self.sender) == found.user(self.sender) {
                return Ok(again);
            }
            found = again;
        }
        // A registry that changes faster than it can be read must not hold up a
        // cry for help: it is the sender's then.
        users::lock(tx, self.sender).await?;
        Ok(Whose::Own(OwnDevice::None))
    }

    /// Opens or updates the owner's incident; whether it was opened.
    async fn hear(&self, tx: &mut Tx<'_>, whose: &Whose) -> Result<(Incident, bool), StoreError> {
        let owner = whose.user(self.sender);
        let relayed = owner != self.sender;
        let mut flags = self.flags;
        if self.learn_device(tx, whose).await? {
            flags.insert(Flag::UnknownDevice);
        }
        let report = Report {
            trigger: &self.trigger,
            flags,
            received_at: self.received_at,
            transport: self.transport,
            relayed,
            device_id: self.device_to_record(whose),
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
                row::update(tx, &incident, before).await?;
                (incident, false)
            } else {
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
        let incident = Incident::open(ids, report);
        row::insert(tx, &incident).await?;
        tx.hint(Hint::IncidentOpened {
            user: owner,
            incident: incident.id,
        });
        Ok(incident)
    }

    /// Registers an unknown own device, or learns a second text of a listed
    /// one. Whether the device was unknown.
    async fn learn_device(&self, tx: &mut Tx<'_>, whose: &Whose) -> Result<bool, StoreError> {
        let (device, hardware) = (
            self.trigger.device_id.as_deref(),
            self.trigger.hardware_id.as_deref(),
        );
        match whose {
            Whose::Own(OwnDevice::Unknown { registrable }) => {
                if *registrable && let Some(text) = registrable_text(&self.trigger) {
                    let mut alias = [device, hardware].into_iter().flatten();
                    let alias = alias.rfind(|other| *other != text);
                    let fresh = register::NewDevice::of_sos(self.app, self.sender, text, alias);
                    register::insert(tx, &fresh, self.received_at).await?;
                }
                Ok(true)
            }
            Whose::Own(OwnDevice::Listed(claim)) if !self.trigger.has_relay_fields() => {
                let others = [device, hardware].into_iter().flatten();
                let mut others = others.filter(|text| !claim.is_named(text));
                if claim.alias.is_none()
                    && let Some(other) = others.next()
                    && devices::owner_of(tx, self.app, other).await?.is_none()
                {
                    devices::set_alias(tx, claim.id, other, self.received_at).await?;
                    tx.hint(Hint::DeviceChanged(self.app));
                }
                Ok(false)
            }
            _ => Ok(false),
        }
    }

    /// The `deviceId` that the incident records. A relay that only names a node
    /// is recorded under the device that was meant, so that it can be cancelled.
    fn device_to_record<'a>(&'a self, whose: &'a Whose) -> Option<&'a str> {
        let meant = match whose {
            Whose::Relayed(claim) => Some(claim.hardware_id.as_str()),
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

    /// Writes the numbered `processed` event.
    async fn announce(&self, tx: &mut Tx<'_>, incident: &Incident) -> Result<(), StoreError> {
        let answered = Answered {
            trigger: &self.trigger,
            transport: self.transport,
        };
        let new = NewEvent {
            incident: incident.id,
            kind: EventType::Processed,
            snapshot_version: incident.snapshot_version,
            body: event_body(incident, self.received_at, Some(answered)),
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
