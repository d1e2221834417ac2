//! How partners are asked: one question per token at a time, so many at once per
//! app, and none while the partner fails ([`super::breaker`]), which operators are told.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mayday_core::clock::Clock;
use mayday_core::ids::AppUuid;
use mayday_core::sso::Judgement;
use mayday_core::sso::introspection::Unavailable;
use mayday_core::sso::token::{TokenDigest, partner_digest};
use mayday_core::time::Timestamp;
use mayday_gateway::introspection::{Asked, Introspector};
use mayday_store::sso::TellTokenInfo;
use mayday_store::{Lane, Store};
use tokio::sync::{OnceCell, Semaphore};

use super::breaker::{Breaker, Met, Passage};
use super::share::{Share, Shares};
use crate::AppError;
use crate::identity::SsoApp;

/// Questions to one partner at once.
pub(super) const AT_ONCE: usize = 256;

/// Log-ins of one app that may wait for their turn to ask; those beyond are told
/// to come again. No address has all of them: see [`Shares`].
pub(super) const WAITING: usize = 2_048;

/// How long a log-in waits for its turn.
const TURN: Duration = Duration::from_secs(10);

/// When a client should try again whose log-in could not be checked, unless somebody
/// knows better.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(5);

/// The longest that a partner has our clients wait.
const MAX_RETRY_AFTER: Duration = Duration::from_mins(5);

/// The gates of all apps.
pub(crate) struct Gates {
    introspector: Introspector,
    store: Store,
    /// As many as apps that log users in, which are bounded.
    of_apps: Mutex<HashMap<AppUuid, Arc<Gate>>>,
}

struct Gate {
    app: AppUuid,
    turns: Semaphore,
    waiting: Semaphore,
    shares: Shares,
    breaker: Mutex<Breaker>,
    /// The questions that are under way, each with those who wait for its answer.
    flights: Mutex<HashMap<TokenDigest, Arc<OnceCell<Judged>>>>,
    /// What operators were told last, by this process: whether it fails.
    told: tokio::sync::Mutex<Option<bool>>,
}

/// What a question came to.
#[derive(Clone, Debug)]
pub(super) struct Judged {
    pub(super) judgement: Judgement,
    /// When to try again if it is unavailable.
    pub(super) retry_after: Duration,
}

/// Whose question about which token.
#[derive(Clone, Copy)]
pub(super) struct Question<'q> {
    pub(super) sso: &'q SsoApp,
    pub(super) token: &'q str,
    pub(super) peer: IpAddr,
}

impl Gate {
    fn new(app: AppUuid) -> Self {
        Self {
            app,
            turns: Semaphore::new(AT_ONCE),
            waiting: Semaphore::new(WAITING),
            shares: Shares::default(),
            breaker: Mutex::default(),
            flights: Mutex::default(),
            told: tokio::sync::Mutex::default(),
        }
    }
}

impl Judged {
    const fn unavailable(why: Unavailable, retry_after: Duration) -> Self {
        Self {
            judgement: Judgement::Unavailable(why),
            retry_after,
        }
    }
}

impl Gates {
    pub(crate) fn new(introspector: Introspector, store: Store) -> Self {
        Self {
            introspector,
            store,
            of_apps: Mutex::default(),
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
        let gate = lock(&self.of_apps).get(&app).map(Arc::clone)?;
        let breaker = lock(&gate.breaker);
        breaker.open_until(now)
    }

    /// How many log-ins wait for an answer now.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn waiting(&self) -> usize {
        let gates = lock(&self.of_apps);
        let free = |gate: &Arc<Gate>| gate.waiting.available_permits();
        gates.values().map(|gate| WAITING - free(gate)).sum()
    }

    /// What the partner says of a token. Whoever asks about one that is being
    /// asked about gets the same answer; an answer is not kept beyond that.
    /// [`AppError::RateLimited`] when the address has its share of the gate.
    pub(super) async fn judge(
        &self,
        app: AppUuid,
        question: Question<'_>,
        clock: &dyn Clock,
    ) -> Result<Judged, AppError> {
        let gate = {
            let mut gates = lock(&self.of_apps);
            let gate = gates.entry(app).or_insert_with(|| Arc::new(Gate::new(app)));
            Arc::clone(gate)
        };
        let Some(share) = gate.shares.enter(question.peer) else {
            return Err(AppError::RateLimited {
                retry_after: RETRY_AFTER,
            });
        };
        let Ok(_waiting) = gate.waiting.try_acquire() else {
            return Ok(Judged::unavailable(Unavailable::Busy, RETRY_AFTER));
        };
        let flight = Flight::board(&gate, partner_digest(question.token));
        let ask = || self.ask((&gate, &share), question, clock);
        Ok(flight.cell.get_or_init(ask).await.clone())
    }

    async fn ask(
        &self,
        (gate, share): (&Arc<Gate>, &Share<'_>),
        question: Question<'_>,
        clock: &dyn Clock,
    ) -> Judged {
        let url = &question.sso.endpoint.url;
        if lock(&gate.breaker).turn_to(url) {
            self.tell(gate, true);
        }
        // Nobody waits for a turn at a server that is left alone.
        if let Some(until) = lock(&gate.breaker).open_until(clock.now()) {
            return Judged::unavailable(Unavailable::Broken, until.since(clock.now()));
        }
        // The address's first: in the queue of all it never stands with more.
        let turns = async { (share.turns().acquire().await, gate.turns.acquire().await) };
        let Ok((Ok(_own), Ok(_turn))) = tokio::time::timeout(TURN, turns).await else {
            return Judged::unavailable(Unavailable::Busy, RETRY_AFTER);
        };
        let peer = question.peer;
        let entered = lock(&gate.breaker).enter(peer, clock.now());
        let _probe = match entered {
            Passage::Free => None,
            Passage::Probe => Some(Probe { gate, peer }),
            Passage::Shut(wait) => return Judged::unavailable(Unavailable::Broken, wait),
        };
        let (endpoint, terms) = (&question.sso.endpoint, &question.sso.terms);
        let asked = self
            .introspector
            .introspect(endpoint, terms, question.token, clock);
        let Asked {
            judgement,
            retry_after,
        } = asked.await;
        let met = met(&judgement);
        let turned = lock(&gate.breaker).record(url, met, peer, clock.now());
        if turned || met == Met::Answer {
            self.tell(gate, turned);
        }
        Judged {
            judgement,
            retry_after: retry_after.unwrap_or(RETRY_AFTER).min(MAX_RETRY_AFTER),
        }
    }

    /// Has operators told whether an app's server fails, if they were told otherwise. In
    /// a task of its own: nobody's log-in waits for it.
    fn tell(&self, gate: &Arc<Gate>, turned: bool) {
        // A process that has told nothing knows not what one before it told.
        let untold = gate.told.try_lock().is_ok_and(|told| told.is_none());
        if !turned && !untold {
            return;
        }
        let (gate, store) = (Arc::clone(gate), self.store.clone());
        tokio::spawn(async move {
            let mut told = gate.told.lock().await;
            // As it is by now: of two that wait here the last has the last word.
            let failing = lock(&gate.breaker).is_open();
            if *told == Some(failing) {
                return;
            }
            if failing {
                tracing::warn!(app.id = %gate.app, "an app's token info URL failed so often that it is left alone for a while");
            }
            let app = gate.app;
            match store
                .write(Lane::Rest, TellTokenInfo { app, failing })
                .await
            {
                Ok(()) => *told = Some(failing),
                Err(error) if failing => {
                    tracing::warn!(%error, "operators could not be told of a token info URL");
                }
                // The next answer tells it.
                Err(error) => tracing::debug!(%error, "an alert could not be closed"),
            }
        });
    }
}

/// What a judgement says about the partner's endpoint.
const fn met(judgement: &Judgement) -> Met {
    match judgement {
        Judgement::Valid(_) | Judgement::Invalid(_) => Met::Answer,
        Judgement::Unavailable(why) => match why.outage() {
            Some(outage) => Met::Outage(outage),
            None => Met::Nothing,
        },
    }
}

/// One of the few questions after a pause; gives its place back, come what may.
struct Probe<'g> {
    gate: &'g Gate,
    peer: IpAddr,
}

impl Drop for Probe<'_> {
    fn drop(&mut self) {
        lock(&self.gate.breaker).leave(self.peer);
    }
}

/// A question that is under way; forgotten when the last who waits has gone.
struct Flight<'g> {
    gate: &'g Gate,
    token: TokenDigest,
    cell: Arc<OnceCell<Judged>>,
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
