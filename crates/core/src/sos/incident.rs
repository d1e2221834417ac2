//! The incident: how triggers change it and how it ends (contract: SOS).
//!
//! `active` -> `acknowledged` -> `resolved` | `cancelled`; open are the first
//! two. Each change that the client is told raises the snapshot version.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::flags::{Flag, Flags};
use super::payload::{Fix, Trigger};
use super::view::{Opening, PositionSnapshot, PositionSource, TrailPoint};
use crate::ids::{AppUuid, IncidentId, SampleId, UserId};
use crate::telemetry::Position;
use crate::time::Timestamp;
use crate::transport::Transport;

/// A phone's clock is off when it differs by more than this.
pub(super) const SKEW_TOLERATED: Duration = Duration::from_secs(10);

/// `state` and `status`. A client takes any other word for a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Open, nobody acknowledged it.
    Active,
    /// Open and acknowledged.
    Acknowledged,
    /// Closed as handled.
    Resolved,
    /// Closed as a false alarm.
    Cancelled,
}

impl State {
    /// The word on the wire and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Acknowledged => "acknowledged",
            Self::Resolved => "resolved",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of a stored word.
    pub fn parse(word: &str) -> Option<Self> {
        [
            Self::Active,
            Self::Acknowledged,
            Self::Resolved,
            Self::Cancelled,
        ]
        .into_iter()
        .find(|state| state.as_str() == word)
    }

    /// Whether the incident goes on.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Active | Self::Acknowledged)
    }
}

/// How an incident ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// As a false alarm.
    Cancelled,
    /// As handled.
    Resolved,
}

/// Where an incident came from. Set at opening and never overwritten: the
/// client drops its own SOS when these words turn external.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// `source`.
    pub source: Option<String>,
    /// `triggerSource`.
    pub trigger_source: Option<String>,
    /// `relaySource`.
    pub relay_source: Option<String>,
    /// `owner`.
    pub owner: Option<String>,
    /// `originatorNodeId`.
    pub originator_node_id: Option<u32>,
    /// `relayNodeId`.
    pub relay_node_id: Option<u32>,
}

/// Correlation texts of the client, echoed on the incident's events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Echo {
    /// `clientIncidentId`.
    pub client_incident_id: Option<String>,
    /// `correlationId`.
    pub correlation_id: Option<String>,
    /// `cycleKey`.
    pub cycle_key: Option<String>,
}

/// The actuator plan (contract: Escalation, Snapshot); empty as long as nobody
/// is told by message.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Actuators {
    /// The incident's snapshot version.
    pub snapshot_version: i64,
    /// One item per actuator type.
    pub items: Vec<serde_json::Value>,
}

/// An incident.
#[derive(Clone, Debug, PartialEq)]
pub struct Incident {
    /// `id`.
    pub id: IncidentId,
    /// The owner's app.
    pub app: AppUuid,
    /// Whose it is.
    pub user: UserId,
    /// `state` and `status`.
    pub state: State,
    /// `createdAt`: receipt of the first trigger.
    pub created_at: Timestamp,
    /// `updatedAt`.
    pub updated_at: Timestamp,
    /// `acknowledgedAt`.
    pub acknowledged_at: Option<Timestamp>,
    /// `cancelledAt`.
    pub cancelled_at: Option<Timestamp>,
    /// `resolvedAt`.
    pub resolved_at: Option<Timestamp>,
    /// Where it came from.
    pub origin: Origin,
    /// `deviceId`: the first one that a trigger named.
    pub device_id: Option<String>,
    /// `hardwareId`: the first one that a trigger named.
    pub hardware_id: Option<String>,
    /// `message`: the latest that was sent.
    pub message: Option<String>,
    /// `positionSnapshot`.
    pub position: Option<PositionSnapshot>,
    /// `actuators`.
    pub actuators: Actuators,
    /// What the first trigger measured; its id is `creationTelemetryId`.
    pub opening: Opening,
    /// `flags`, `duress` included: show [`Flags::shown`].
    pub flags: Flags,
    /// Echoed on events.
    pub echo: Echo,
    /// Strictly increasing over all events of the incident.
    pub snapshot_version: i64,
    /// A drill: it runs like the real thing, outside the rule of one open incident.
    pub drill: bool,
    /// Escalation round, from 1.
    pub round: u32,
    /// When this round began: the opening, or the second cry.
    pub round_began_at: Timestamp,
    /// Triggers so far, the first included.
    pub triggers: u32,
    /// When the last trigger was received.
    pub last_trigger_at: Timestamp,
    /// When the escalation of this round had nobody left to tell.
    pub exhausted_at: Option<Timestamp>,
    /// How far the owner's phone is ahead of us, in microseconds; 0 when it is
    /// within 10 s.
    pub phone_offset_micros: i64,
}

/// A trigger with what is known about its arrival.
#[derive(Clone, Debug)]
pub struct Report<'a> {
    /// What it says.
    pub trigger: &'a Trigger,
    /// All flags it raises, those of [`Trigger::flags`] included.
    pub flags: Flags,
    /// When it was received.
    pub received_at: Timestamp,
    /// How it came.
    pub transport: Transport,
    /// Somebody else sent it for the owner's device.
    pub relayed: bool,
    /// `deviceId` to record: as sent, or the registered device that was meant.
    pub device_id: Option<&'a str>,
    /// The owner's last known position from before the trigger.
    pub last_known: Option<Position>,
}

/// The ids of a new incident.
#[derive(Clone, Copy, Debug)]
pub struct Opened {
    /// The incident.
    pub id: IncidentId,
    /// Its opening sample.
    pub opening: SampleId,
    /// The owner's app.
    pub app: AppUuid,
    /// The owner.
    pub user: UserId,
}

impl Incident {
    /// Opens an incident.
    pub fn open(ids: Opened, report: &Report<'_>) -> Self {
        let (trigger, now) = (report.trigger, report.received_at);
        let mut incident = Self {
            id: ids.id,
            app: ids.app,
            user: ids.user,
            state: State::Active,
            created_at: now,
            updated_at: now,
            acknowledged_at: None,
            cancelled_at: None,
            resolved_at: None,
            origin: Origin {
                source: trigger.source.clone(),
                trigger_source: trigger.trigger_source.clone(),
                relay_source: trigger.relay_source.clone(),
                owner: trigger.owner.clone(),
                originator_node_id: trigger.originator_node_id,
                relay_node_id: trigger.relay_node_id,
            },
            device_id: None,
            hardware_id: None,
            message: None,
            position: None,
            actuators: Actuators::default(),
            opening: Opening::of_trigger(ids.opening, trigger, now),
            flags: Flags::NONE,
            echo: Echo::default(),
            snapshot_version: 0,
            drill: false,
            round: 1,
            round_began_at: now,
            triggers: 0,
            last_trigger_at: now,
            exhausted_at: None,
            phone_offset_micros: 0,
        };
        incident.hear(report);
        incident
    }

    /// A repeat while it is open.
    pub fn update(&mut self, report: &Report<'_>, new_round: bool) {
        if new_round {
            self.round = self.round.saturating_add(1);
            self.exhausted_at = None;
            self.round_began_at = report.received_at;
        }
        self.hear(report);
    }

    /// What opening and update have in common.
    fn hear(&mut self, report: &Report<'_>) {
        let (trigger, now) = (report.trigger, report.received_at);
        self.flags = self.flags.union(report.flags);
        self.note_clock(report);
        self.move_to(report);
        keep_first(&mut self.device_id, report.device_id);
        keep_first(&mut self.hardware_id, trigger.hardware_id.as_deref());
        keep_latest(&mut self.message, trigger.message.as_ref());
        let echo = &mut self.echo;
        keep_latest(
            &mut echo.client_incident_id,
            trigger.client_incident_id.as_ref(),
        );
        keep_latest(&mut echo.correlation_id, trigger.correlation_id.as_ref());
        keep_latest(&mut echo.cycle_key, trigger.cycle_key.as_ref());
        self.triggers = self.triggers.saturating_add(1);
        self.last_trigger_at = self.last_trigger_at.max(now);
        self.touch(now);
    }

    /// Learns how far the phone's clock is off. A relay's time says nothing
    /// about the owner's phone.
    fn note_clock(&mut self, report: &Report<'_>) {
        let Some(sent) = &report.trigger.time else {
            return;
        };
        let offset = sent.at.micros_after(report.received_at);
        let off = u128::from(offset.unsigned_abs()) > SKEW_TOLERATED.as_micros();
        self.flags.insert_if(off, Flag::ClockSkew);
        if !report.relayed {
            self.phone_offset_micros = if off { offset } else { 0 };
        }
    }

    /// Takes the trigger's position, or fills in the last known one. A late
    /// trigger never moves a newer position.
    fn move_to(&mut self, report: &Report<'_>) {
        let time = report.trigger.time_or(report.received_at);
        if let Some(fix) = report.trigger.fix {
            let moment = time.min(report.received_at);
            if self.moment().is_none_or(|known| moment >= known) {
                self.position = Some(PositionSnapshot {
                    fix,
                    source: PositionSource::Sos,
                    time,
                });
            }
            self.flags.remove(Flag::NoPosition);
            self.flags.remove(Flag::StalePosition);
        } else if self.position.is_none() {
            self.flags.insert(Flag::NoPosition);
            self.position = report
                .last_known
                .map(|known| PositionSnapshot::of_telemetry(&known, PositionSource::LastKnown));
            self.flags
                .insert_if(self.position.is_some(), Flag::StalePosition);
        }
    }

    /// The moment of a trigger's position, which only a later one moves; none for
    /// a position from before the incident. A phone's clock may be ahead, and no
    /// trigger was measured after the last one was received.
    fn moment(&self) -> Option<Timestamp> {
        let known = self.position.as_ref()?;
        let of_incident = known.source != PositionSource::LastKnown;
        of_incident.then(|| known.time.min(self.last_trigger_at))
    }

    /// Whether whoever holds the phone must not learn of it (contract: Signature).
    pub const fn is_hidden(&self) -> bool {
        self.flags.contains(Flag::Duress)
    }

    /// Ends it; `false` when it had ended already, which changes nothing.
    pub fn end(&mut self, end: End, now: Timestamp) -> bool {
        if !self.state.is_open() {
            return false;
        }
        match end {
            End::Cancelled => {
                self.state = State::Cancelled;
                self.cancelled_at = Some(now);
            }
            End::Resolved => {
                self.state = State::Resolved;
                self.resolved_at = Some(now);
            }
        }
        self.touch(now);
        true
    }

    /// Somebody helps; `false` when it has ended, which changes nothing.
    pub fn acknowledge(&mut self, now: Timestamp) -> bool {
        if !self.state.is_open() {
            return false;
        }
        self.state = State::Acknowledged;
        self.acknowledged_at = Some(now);
        self.touch(now);
        true
    }

    /// Nobody is left to tell of what was last asked `since` then: the cry of this
    /// round, or the silence of those who promised help. `false` when that was said
    /// already.
    pub fn exhaust(&mut self, since: Timestamp, now: Timestamp) -> bool {
        if !self.state.is_open() || self.exhausted_at.is_some_and(|said| said >= since) {
            return false;
        }
        self.exhausted_at = Some(now);
        self.touch(now);
        true
    }

    /// An actuator moved.
    pub fn actuators_moved(&mut self, now: Timestamp) {
        self.touch(now);
    }

    /// Its phone fell silent, spoke again, or runs out of battery.
    pub fn vitals_moved(&mut self, now: Timestamp) {
        self.touch(now);
    }

    /// Shows the newest position that telemetry has brought, if it is newer than
    /// what is known.
    pub fn show_latest(&mut self, latest: &Position) {
        if latest.received_at < self.created_at {
            self.show_last_known(latest);
        } else if self.moment().is_none_or(|known| latest.moment() >= known) {
            let source = PositionSource::Telemetry;
            self.position = Some(PositionSnapshot::of_telemetry(latest, source));
            self.flags.remove(Flag::NoPosition);
            self.flags.remove(Flag::StalePosition);
        }
    }

    /// Shows a position from before the opening that was not stored yet, or not
    /// found in time, when the SOS asked where its owner was last.
    fn show_last_known(&mut self, latest: &Position) {
        let newer = self.position.is_none_or(|known| {
            known.source == PositionSource::LastKnown
                && latest.moment() > known.time.min(self.created_at)
        });
        if newer {
            let source = PositionSource::LastKnown;
            self.position = Some(PositionSnapshot::of_telemetry(latest, source));
            self.flags.insert(Flag::StalePosition);
        }
    }

    /// Shows the end of its trail, once it has ended: the position that the
    /// incident had moved to by then.
    pub fn show_end_of_trail(&mut self, last: &TrailPoint) {
        let ended = self.cancelled_at.or(self.resolved_at);
        let moment = ended.map_or(last.occurred_at, |ended| last.occurred_at.min(ended));
        if self.moment().is_none_or(|known| moment > known) {
            self.position = Some(PositionSnapshot {
                fix: Fix {
                    latitude: last.latitude,
                    longitude: last.longitude,
                    altitude: last.altitude,
                },
                source: PositionSource::Telemetry,
                time: last.occurred_at,
            });
            self.flags.remove(Flag::NoPosition);
            self.flags.remove(Flag::StalePosition);
        }
    }

    /// A time of ours as the owner's phone would tell it: clients reject events
    /// whose time is more than 30 s off their clock.
    pub fn on_phone_clock(&self, time: Timestamp) -> Timestamp {
        time.shift_micros(self.phone_offset_micros)
    }

    /// A change that the client is told.
    fn touch(&mut self, now: Timestamp) {
        self.updated_at = self.updated_at.max(now);
        self.snapshot_version = self.snapshot_version.saturating_add(1);
        self.actuators.snapshot_version = self.snapshot_version;
    }
}

fn keep_first(slot: &mut Option<String>, sent: Option<&str>) {
    if slot.is_none() {
        *slot = sent.map(str::to_owned);
    }
}

fn keep_latest(slot: &mut Option<String>, sent: Option<&String>) {
    if let Some(sent) = sent {
        *slot = Some(sent.clone());
    }
}

#[cfg(test)]
mod tests;
