//! Makes and evaluates hashes that are meant to be slow, away from the tasks that
//! serve everybody.
//!
//! Nobody stands in another's way: a user has a few requests in here and no more, and
//! whoever takes a cry for help back has turns of their own, which nothing else takes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mayday_core::clock::SharedEntropy;
use mayday_core::ids::UserId;
use mayday_core::sso::pin::HashCost;
use tokio::sync::Semaphore;

use crate::{AppError, Urgency};

/// Hashes at once of each urgency: each takes a core and [`HashCost::memory_kib`].
const AT_ONCE: usize = 2;

/// Requests of each urgency that are hashed for or wait for their turn; those beyond are
/// told to come again.
const WAITING: usize = 512;

/// As many of one user.
const OF_ONE_USER: usize = 4;

/// When a user should try again who has as many in here as they may.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Where hashes are made.
pub(crate) struct Hashing {
    cost: HashCost,
    entropy: SharedEntropy,
    ordinary: Queue,
    distress: Queue,
}

/// Those who wait for turns of one urgency.
struct Queue {
    turns: Arc<Semaphore>,
    places: Arc<Semaphore>,
    crowd: Crowd,
}

/// How many requests of each user are in a queue: as many users as it has places.
type Crowd = Arc<Mutex<HashMap<UserId, usize>>>;

/// A user's place in a queue.
struct Place {
    crowd: Crowd,
    user: UserId,
}

impl Hashing {
    pub(crate) fn new(cost: HashCost, entropy: SharedEntropy) -> Self {
        Self {
            cost,
            entropy,
            ordinary: Queue::new(),
            distress: Queue::new(),
        }
    }

    /// Does some hashing for a user in its turn, on a thread that may be kept. `work` gets
    /// the cost of new hashes and where their salt comes from.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        (user, urgency): (UserId, Urgency),
        work: impl FnOnce(HashCost, &SharedEntropy) -> T + Send + 'static,
    ) -> Result<T, AppError> {
        let queue = match urgency {
            Urgency::Ordinary => &self.ordinary,
            Urgency::Distress => &self.distress,
        };
        let own = queue.enter(user)?;
        let Ok(place) = Arc::clone(&queue.places).try_acquire_owned() else {
            return Err(AppError::busy("too many hashes are waited for"));
        };
        let Ok(turn) = Arc::clone(&queue.turns).acquire_owned().await else {
            return Err(AppError::busy("the node is ending"));
        };
        let (cost, entropy) = (self.cost, Arc::clone(&self.entropy));
        let done = tokio::task::spawn_blocking(move || {
            // Held until the work is done, though nobody waits for it any more.
            let _held = (turn, place, own);
            work(cost, &entropy)
        });
        done.await.map_err(|error| AppError::Internal {
            source: error.into(),
        })
    }

    /// Takes all turns of ordinary work.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn hold(&self) -> Option<tokio::sync::OwnedSemaphorePermit> {
        let turns = Arc::clone(&self.ordinary.turns);
        turns
            .try_acquire_many_owned(u32::try_from(AT_ONCE).ok()?)
            .ok()
    }
}

impl Queue {
    fn new() -> Self {
        Self {
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            places: Arc::new(Semaphore::new(WAITING)),
            crowd: Crowd::default(),
        }
    }

    fn enter(&self, user: UserId) -> Result<Place, AppError> {
        let mut crowd = lock(&self.crowd);
        let own = crowd.entry(user).or_default();
        if *own >= OF_ONE_USER {
            return Err(AppError::RateLimited {
                retry_after: RETRY_AFTER,
            });
        }
        *own += 1;
        Ok(Place {
            crowd: Arc::clone(&self.crowd),
            user,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut crowd = lock(&self.crowd);
        if let Some(own) = crowd.get_mut(&self.user) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                crowd.remove(&self.user);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;
    use mayday_core::clock::SeededEntropy;
    use uuid::Uuid;

    fn hashing() -> Hashing {
        let cost = HashCost {
            memory_kib: 8,
            passes: 1,
        };
        Hashing::new(cost, Arc::new(SeededEntropy::new(7)))
    }

    fn user(number: u128) -> UserId {
        UserId(Uuid::from_u128(number))
    }

    #[tokio::test]
    async fn one_user_has_a_few_places_and_nobody_else_fewer() {
        let hashing = hashing();
        let held = hashing.hold().unwrap();
        let ask = |who| Box::pin(hashing.run((who, Urgency::Ordinary), |_, _| ()));
        let mut own: Vec<_> = (0..OF_ONE_USER).map(|_| ask(user(1))).collect();
        for one in &mut own {
            assert!(one.now_or_never().is_none());
        }
        match ask(user(1)).await {
            Err(AppError::RateLimited { retry_after }) => assert_eq!(retry_after, RETRY_AFTER),
            other => panic!("{other:?}"),
        }
        let mut other = ask(user(2));
        assert!((&mut other).now_or_never().is_none());
        // A place of whoever does not wait any more is free again.
        own.pop();
        let mut again = ask(user(1));
        assert!((&mut again).now_or_never().is_none());
        drop(held);
        for one in own {
            one.await.unwrap();
        }
        other.await.unwrap();
        again.await.unwrap();
        assert!(lock(&hashing.ordinary.crowd).is_empty());
    }

    #[tokio::test]
    async fn whoever_takes_a_cry_back_waits_for_no_ordinary_work() {
        let hashing = hashing();
        let _held = hashing.hold().unwrap();
        let waiting: Vec<_> = (0..WAITING)
            .map(|number| {
                let who = user(u128::try_from(number / OF_ONE_USER).unwrap());
                let mut one = Box::pin(hashing.run((who, Urgency::Ordinary), |_, _| ()));
                assert!((&mut one).now_or_never().is_none());
                one
            })
            .collect();
        let late = hashing.run((user(9_999), Urgency::Ordinary), |_, _| ());
        assert!(matches!(late.await, Err(AppError::Unavailable { .. })));
        // Neither is a user kept from it who has all places of ordinary work.
        let cancel = hashing.run((user(0), Urgency::Distress), |_, _| ());
        tokio::time::timeout(Duration::from_mins(1), cancel)
            .await
            .unwrap()
            .unwrap();
        drop(waiting);
    }
}
