//! Takes in one telemetry body.
//!
//! A sample of the phone itself, which nearly all are, goes straight to the
//! telemetry writer without asking the state store anything. One that names a
//! device needs the device's owner; one of a session that was silent for its whole idle
//! time-out needs its session; one that is malformed becomes a dead
//! letter; all three go on in a task of their own, so that a dropped caller cannot
//! abort them.

use std::sync::Arc;

use bytes::Bytes;
use mayday_core::device::device_key;
use mayday_core::field::FieldError;
use mayday_core::identity::Caller;
use mayday_core::ids::UserId;
use mayday_core::telemetry::{Reading, Sample};
use mayday_core::time::Timestamp;
use mayday_core::transport::Transport;
use mayday_store::dead_letters::DeadReason;
use mayday_store::telemetry as store;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::TelemetryTicket;
use super::ticket::{Count, Outcome, SpillWish};
use crate::{App, AppError};

impl App {
    /// Starts the work of storing a telemetry body and returns at once.
    pub fn submit_telemetry(
        self: &Arc<Self>,
        caller: &Caller,
        body: Bytes,
        transport: Transport,
    ) -> TelemetryTicket {
        let now = self.clock.now();
        let count = Count {
            metrics: self.metrics.clone(),
            transport,
            since: Instant::now(),
        };
        let parsed = Reading::parse(&body, now);
        if let Ok(reading) = &parsed
            && is_plain(reading)
            && caller.is_full()
            && !caller.may_have_idled_out(now)
        {
            self.note_phone(reading, caller.user, now);
            let sample = sample_of(reading, caller.user, now, &body);
            return TelemetryTicket::stored_by(self.telemetry.submit(sample), count);
        }
        let (answer, receiver) = oneshot::channel();
        let wish = SpillWish::default();
        let (app, caller, spill) = (Arc::clone(self), caller.clone(), wish.clone());
        tokio::spawn(async move {
            let result = match parsed {
                Ok(reading) => {
                    let came = Came {
                        body,
                        at: now,
                        transport,
                    };
                    app.take_in(&caller, &reading, came, &spill).await
                }
                Err(malformed) => {
                    let fields = malformed.fields;
                    let reason = DeadReason::Malformed;
                    app.keep_dead_letter(&caller, &body, transport, reason, &fields)
                        .await
                        .map(|()| Outcome::malformed(fields))
                }
            };
            // A caller that went away needs no answer.
            let _ = answer.send(result);
        });
        TelemetryTicket::waiting(receiver, wish, count)
    }

    /// Stores a reading that names a device or that a stale proof sent.
    async fn take_in(
        &self,
        caller: &Caller,
        reading: &Reading,
        came: Came,
        spill: &SpillWish,
    ) -> Result<Outcome, AppError> {
        let Some(owner) = self.owner_of_reading(caller, reading).await? else {
            let fields = [FieldError::new(
                "/deviceId",
                "deviceId is not a registered device of this app",
            )];
            let (reason, transport) = (DeadReason::UnknownDevice, came.transport);
            self.keep_dead_letter(caller, &came.body, transport, reason, &fields)
                .await?;
            return Ok(Outcome::UNKNOWN_DEVICE);
        };
        let mut sample = sample_of(reading, owner, came.at, &came.body);
        if !caller.is_full() || self.has_idled_out(caller, came.at).await? {
            // Contract: Identity, a stale proof's telemetry is acknowledged and
            // kept only while the own incident is open.
            let mut tx = self.store.read().await?;
            let open = store::open_incident(&mut tx, caller.user).await?;
            drop(tx);
            if owner != caller.user || open.is_none() {
                return Ok(Outcome::LET_GO);
            }
            sample.incident = open;
        }
        self.note_phone(reading, owner, came.at);
        let mut pending = self.telemetry.submit(sample);
        let stored_in = tokio::select! {
            stored = pending.stored() => stored?,
            () = spill.wished() => {
                pending.spill();
                pending.stored().await?
            }
        };
        Ok(Outcome::stored_in(stored_in))
    }
}

impl App {
    /// A sample is a sign of life of a phone in distress.
    fn note_phone(&self, reading: &Reading, owner: UserId, now: Timestamp) {
        if let Some(incident) = self.telemetry.open_incident(owner) {
            self.listening.note(incident, now, reading.battery_percent);
        }
    }
}

/// A body with when and how it came.
struct Came {
    body: Bytes,
    at: Timestamp,
    transport: Transport,
}

/// Whether nobody but its sender can be whose the reading is.
fn is_plain(reading: &Reading) -> bool {
    !reading.relay && reading.device().is_none()
}

fn sample_of(reading: &Reading, user: UserId, now: Timestamp, body: &Bytes) -> Sample {
    Sample {
        user,
        time: reading.time,
        received_at: now,
        latitude: reading.latitude,
        longitude: reading.longitude,
        altitude: reading.altitude,
        accuracy_meters: reading.accuracy_meters,
        device: reading.device().map(device_key).unwrap_or_default().into(),
        event_id: reading.event_id.clone().unwrap_or_default(),
        incident: None,
        raw: body.as_ref().into(),
    }
}
