//! Listens to the phones of open incidents: who is silent, whose battery is low.
//!
//! What arrives is noted in memory, which costs telemetry nothing. A round that
//! comes every few seconds writes what is new to the store, where it becomes
//! events and alerts. What a node forgets when it dies, the phone says again.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::error::Error as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use mayday_core::escalation::Policy;
use mayday_core::ids::{AppUuid, IncidentId};
use mayday_core::sos::{Battery, VitalSign};
use mayday_core::time::Timestamp;
use mayday_store::incidents::{NoteVitals, WatchedIncident, watched};
use mayday_store::{Lane, Tx, policies};

use crate::{App, AppError};

/// Open incidents whose phones are noted between two rounds, at most. The silence
/// of others is found out by their positions alone.
const MAX_NOTED: usize = 100_000;
/// A phone that speaks as it did before is written down this seldom.
const NOTED_EVERY: Duration = Duration::from_mins(1);
/// Incidents looked at in one read.
const BATCH: u32 = 200;

/// What was heard of one phone since the last round.
#[derive(Clone, Copy, Debug)]
struct Heard {
    at: Timestamp,
    battery: Option<Battery>,
}

/// What was heard since the last round.
#[derive(Debug, Default)]
pub(crate) struct Listening(Mutex<HashMap<IncidentId, Heard>>);

impl Listening {
    /// The phone of an open incident spoke.
    pub(crate) fn note(&self, incident: IncidentId, at: Timestamp, percent: Option<u8>) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.len() >= MAX_NOTED && !noted.contains_key(&incident) {
            return;
        }
        let heard = noted.entry(incident).or_insert(Heard { at, battery: None });
        heard.at = heard.at.max(at);
        if let Some(percent) = percent {
            heard.battery = Some(Battery { percent, at });
        }
    }

    fn take(&self) -> HashMap<IncidentId, Heard> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What was not written down is for the next round; what was said since counts.
    fn put_back(&self, heard: impl IntoIterator<Item = (IncidentId, Heard)>) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (incident, old) in heard {
            let newer = noted.entry(incident).or_insert(old);
            newer.at = newer.at.max(old.at);
            newer.battery = newer.battery.or(old.battery);
        }
    }
}

impl App {
    /// Tells contacts and operators of phones in distress that are silent, that
    /// speak again, or whose battery is low (contract: what the client sees).
    /// Returns how much was told.
    ///
    /// Incidents that something goes wrong with are left for the next round, and the
    /// first such error is the answer.
    pub async fn listen_to_phones(&self) -> Result<u64, AppError> {
        let mut heard = self.listening.take();
        let told = self.listen_to_all(&mut heard).await;
        if told.is_err() {
            self.listening.put_back(heard);
        }
        told?
    }

    /// Listens to every open incident and takes it out of `heard`. The inner answer is
    /// that of a round which came to its end: what is left then was heard of no open
    /// incident.
    async fn listen_to_all(
        &self,
        heard: &mut HashMap<IncidentId, Heard>,
    ) -> Result<Result<u64, AppError>, AppError> {
        let mut decided = HashMap::new();
        let (mut after, mut told, mut failed) = (None, 0, None);
        loop {
            let mut tx = self.store.read().await?;
            let batch = watched(&mut tx, after, BATCH).await?;
            for incident in &batch {
                if let Entry::Vacant(place) = decided.entry(incident.app) {
                    place.insert(policy_or_default(&mut tx, incident.app).await);
                }
            }
            drop(tx);
            let Some(last) = batch.last() else {
                return Ok(failed.map_or(Ok(told), Err));
            };
            after = Some(last.id);
            for incident in batch {
                let spoke = heard.remove(&incident.id);
                match self.listen_to(incident, spoke, &decided).await {
                    Ok(signs) => told += signs,
                    Err(error) => {
                        tracing::warn!(
                            incident.id = %incident.id,
                            %error,
                            cause = error.source(),
                            "the phone of an open incident was not listened to"
                        );
                        self.listening
                            .put_back(spoke.map(|spoke| (incident.id, spoke)));
                        failed.get_or_insert(error);
                    }
                }
            }
        }
    }

    /// Writes down what is new about one phone. What is not is kept for the next
    /// round.
    async fn listen_to(
        &self,
        incident: WatchedIncident,
        spoke: Option<Heard>,
        policies: &HashMap<AppUuid, Policy>,
    ) -> Result<u64, AppError> {
        let mut heard_at = incident.heard_at;
        if let Some(spoke) = spoke {
            heard_at = heard_at.max(spoke.at);
        } else if let Some(newest) = self.latest_position(incident.user).await? {
            // It may have spoken to another node.
            heard_at = heard_at.max(newest.received_at);
        }
        let silent_after = policies
            .get(&incident.app)
            .map(|policy| policy.phone_silent);
        let silent = incident.silent_at.is_none()
            && silent_after.is_some_and(|after| self.clock.now().since(heard_at) >= after);
        let back = incident.silent_at.is_some() && heard_at > incident.heard_at;
        let percent = spoke.and_then(|spoke| Some(spoke.battery?.percent));
        let new = percent.is_some_and(|percent| incident.battery_percent != Some(percent))
            || spoke.is_some() && heard_at.since(incident.heard_at) >= NOTED_EVERY;
        if !silent && !back && !new {
            if let Some(spoke) = spoke {
                self.listening.note(incident.id, spoke.at, percent);
            }
            return Ok(0);
        }
        let note = NoteVitals {
            incident: incident.id,
            heard_at,
            battery: spoke.and_then(|spoke| spoke.battery),
        };
        let signs = self.store.write(Lane::Job, note).await?;
        for sign in &signs {
            tracing::info!(incident.id = %incident.id, ?sign, "the phone of an open incident");
        }
        let told = signs.iter().filter(|sign| **sign != VitalSign::Charged);
        Ok(told.count() as u64)
    }
}

/// An app's policy. The default looks instead of one that cannot be read; what is told
/// is decided by the app's own.
async fn policy_or_default(tx: &mut Tx<'_>, app: AppUuid) -> Policy {
    match policies::current(tx, app).await {
        Ok(policy) => policy,
        Err(error) => {
            tracing::warn!(app = %app, %error, "the escalation policy cannot be read now");
            Policy::default()
        }
    }
}

#[cfg(test)]
mod tests;
