//! Whose a reading is (contract: Telemetry, "a sample with a remote deviceId
//! belongs to that device's owner"). The rule is that of SOS,
//! [`mayday_core::relay`]; here its answers are remembered.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mayday_core::identity::Caller;
use mayday_core::ids::{AppUuid, UserId};
use mayday_core::telemetry::Reading;
use mayday_core::time::Timestamp;
use mayday_store::{Hint, Store, devices};

use crate::{App, AppError};

/// Answers remembered at most, twice.
const GENERATION_ANSWERS: usize = 50_000;
/// How long an answer counts. This server's registry changes end it at once;
/// on PostgreSQL another server may change the registry, too.
const ANSWER_COUNTS_FOR: Duration = Duration::from_secs(10);

/// What is asked: who sent which names, and whether as a relay.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Question {
    app: AppUuid,
    sender: UserId,
    relay: bool,
    device_id: Option<Box<str>>,
    hardware_id: Option<Box<str>>,
    originator: Option<u32>,
}

#[derive(Clone, Copy)]
struct Remembered {
    owner: Option<UserId>,
    at: Timestamp,
    /// The app's count of registry changes when it was asked.
    changes: u64,
}

/// Remembers whose devices are, so that a stream of samples asks once.
#[derive(Default)]
pub(crate) struct DeviceOwners(Mutex<Answers>);

#[derive(Default)]
struct Answers {
    young: HashMap<Question, Remembered>,
    old: HashMap<Question, Remembered>,
    changes: HashMap<AppUuid, u64>,
}

impl DeviceOwners {
    /// Forgets an app's answers as soon as its registry changes, before the
    /// change is acknowledged.
    pub(crate) fn watch(self: &std::sync::Arc<Self>, store: &Store) {
        let owners = std::sync::Arc::clone(self);
        store.observe(move |hints| {
            for hint in hints {
                if let Hint::DeviceChanged(app) = hint {
                    *owners.lock().changes.entry(*app).or_default() += 1;
                }
            }
        });
    }

    fn lock(&self) -> MutexGuard<'_, Answers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changes(&self, app: AppUuid) -> u64 {
        self.lock().changes.get(&app).copied().unwrap_or(0)
    }

    fn recall(&self, question: &Question, now: Timestamp) -> Option<Remembered> {
        let mut answers = self.lock();
        let changes = answers.changes.get(&question.app).copied().unwrap_or(0);
        let found = answers.young.get(question).or(answers.old.get(question));
        let found = *found?;
        let counts = found.changes == changes && now.since(found.at) < ANSWER_COUNTS_FOR;
        if !counts {
            return None;
        }
        answers.put(question, found);
        Some(found)
    }

    fn remember(&self, question: &Question, answer: Remembered) {
        self.lock().put(question, answer);
    }
}

impl Answers {
    fn put(&mut self, question: &Question, answer: Remembered) {
        if self.young.len() >= GENERATION_ANSWERS && !self.young.contains_key(question) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(question.clone(), answer);
    }
}

impl App {
    /// Whose a reading is, by the device registry as it was at most
    /// [`ANSWER_COUNTS_FOR`] ago; `None` if it was relayed for a device that the
    /// app does not know.
    pub(super) async fn owner_of_reading(
        &self,
        caller: &Caller,
        reading: &Reading,
    ) -> Result<Option<UserId>, AppError> {
        if !reading.relay && reading.device().is_none() {
            return Ok(Some(caller.user));
        }
        let question = Question {
            app: caller.app,
            sender: caller.user,
            relay: reading.relay,
            device_id: reading.device_id.clone(),
            hardware_id: reading.hardware_id.clone(),
            originator: reading.originator_node_id,
        };
        let owners = &self.device_owners;
        let at = self.clock.now();
        if let Some(found) = owners.recall(&question, at) {
            return Ok(found.owner);
        }
        // Counted before the registry is read: a change in between ends the answer.
        let changes = owners.changes(caller.app);
        let mut tx = self.store.read().await?;
        let naming = reading.naming();
        let found = devices::whose(&mut tx, caller.app, caller.user, &naming).await?;
        drop(tx);
        let owner = found.owner(caller.user);
        let answer = Remembered { owner, at, changes };
        owners.remember(&question, answer);
        Ok(owner)
    }
}
