//! How partners are asked: one question per token at a time, so many at once per
//! app, and none while the partner fails.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mayday_core::clock::Clock;
use mayday_core::ids::AppUuid;
use mayday_core::sso::Judgement;
use mayday_core::sso::introspection::Unavailable;
use mayday_core::sso::token::{TokenDigest, partner_digest};
use mayday_core::time::Timestamp;
use mayday_gateway::breaker::Breaker;
use mayday_gateway::introspection::Introspector;
use mayday_gateway::outcome::Outcome;
use tokio::sync::{OnceCell, Semaphore};

use crate::identity::SsoApp;

/// Questions to one partner at once.
const AT_ONCE: usize = 256;

/// Log-ins of one app that may wait for their turn to ask; those beyond are told
/// to come again.
const WAITING: usize = 2_048;

/// How long a log-in waits for its turn.
const TURN: Duration = Duration::from_secs(10);

/// The gates of all apps.
pub(crate) struct Gates {
    introspector: Introspector,
    /// As many as apps that log users in, which are bounded.
    gates: Mutex<HashMap<AppUuid, Arc<Gate>>>,
}

struct Gate {
    turns: Semaphore,
    waiting: Semaphore,
    breaker: Mutex<Breaker>,
    /// The questions that are under way, each with those who wait for its answer.
    flights: Mutex<HashMap<TokenDigest, Arc<OnceCell<Judgement>>>>,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            turns: Semaphore::new(AT_ONCE),
            waiting: Semaphore::new(WAITING),
            breaker: Mutex::default(),
            flights: Mutex::default(),
        }
    }
}

impl Gates {
    pub(crate) fn new(introspector: Introspector) -> Self {
        Self {
            introspector,
            gates: Mutex::default(),
        }
    }

    /// Asks past the gate: for a doctor, whose questions are few.
    pub(crate) const fn introspector(&self) -> &Introspector {
        &self.introspector
    }

    /// From where questions leave, in words.
    pub(crate) fn leaves_from(&self) -> String {
        self.introspector.leaves_from()
    }

    /// Until when this node leaves an app's server alone; `None` while it asks.
    pub(crate) fn left_alone_until(&self, app: AppUuid, now: Timestamp) -> Option<Timestamp> {
        let gate = lock(&self.gates).get(&app).map(Arc::clone)?;
        let breaker = lock(&gate.breaker);
        breaker.open_until(now)
    }

    /// How many log-ins wait for an answer now.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn waiting(&self) -> usize {
        let gates = lock(&self.gates);
        let free = |gate: &Arc<Gate>| gate.waiting.available_permits();
        gates.values().map(|gate| WAITING - free(gate)).sum()
    }

    /// What the partner says of a token. Whoever asks about one that is being
    /// asked about gets the same answer; an answer is not kept beyond that.
    pub(super) async fn judge(
        &self,
        app: AppUuid,
        sso: &SsoApp,
        token: &str,
        clock: &dyn Clock,
    ) -> Judgement {
        let gate = Arc::clone(lock(&self.gates).entry(app).or_default());
        let Ok(_waiting) = gate.waiting.try_acquire() else {
            return Judgement::Unavailable(Unavailable::Busy);
        };
        let flight = Flight::board(&gate, partner_digest(token));
        let ask = || self.ask(&gate, sso, token, clock);
        flight.cell.get_or_init(ask).await.clone()
    }

    async fn ask(&self, gate: &Gate, sso: &SsoApp, token: &str, clock: &dyn Clock) -> Judgement {
        if !lock(&gate.breaker).allows(clock.now()) {
            return Judgement::Unavailable(Unavailable::Broken);
        }
        let turn = tokio::time::timeout(TURN, gate.turns.acquire()).await;
        let Ok(Ok(_turn)) = turn else {
            return Judgement::Unavailable(Unavailable::Busy);
        };
        let judgement = self
            .introspector
            .introspect(&sso.endpoint, &sso.terms, token, clock)
            .await;
        if let Some(outcome) = outcome(&judgement) {
            lock(&gate.breaker).record(&outcome, clock.now());
        }
        judgement
    }
}

/// What a judgement says about the partner's endpoint: that it answers, that it
/// does not, or nothing.
fn outcome(judgement: &Judgement) -> Option<Outcome> {
    match judgement {
        Judgement::Unavailable(why) if why.is_outage() => Some(Outcome::Ambiguous {
            reason: String::new(),
        }),
        Judgement::Unavailable(_) => None,
        Judgement::Valid(_) | Judgement::Invalid(_) => Some(Outcome::Accepted {
            provider_id: String::new(),
        }),
    }
}

/// A question that is under way; forgotten when the last who waits has gone.
struct Flight<'g> {
    gate: &'g Gate,
    token: TokenDigest,
    cell: Arc<OnceCell<Judgement>>,
}

impl<'g> Flight<'g> {
    fn board(gate: &'g Gate, token: TokenDigest) -> Self {
        let cell = Arc::clone(lock(&gate.flights).entry(token).or_default());
        Self { gate, token, cell }
    }
}

impl Drop for Flight<'_> {
    /// Whoever has the answer takes the question away, so that a later log-in
    /// asks anew.
    fn drop(&mut self) {
        let mut flights = lock(&self.gate.flights);
        let ours = flights
            .get(&self.token)
            .is_some_and(|cell| Arc::ptr_eq(cell, &self.cell));
        // This one and the table's.
        let last = Arc::strong_count(&self.cell) <= 2;
        if ours && (last || self.cell.initialized()) {
            flights.remove(&self.token);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
