//! Looks users up for `/me`, many with one question.
//!
//! A question costs two switches between threads whether it asks for one user or for
//! fifty. Who comes while others are being asked for waits for the next question, which
//! asks for all who wait; the answer is never older than the request.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mayday_core::ids::UserId;
use mayday_store::users::{self, CountedUser};
use mayday_store::{Store, StoreError};
use tokio::sync::oneshot;

/// Questions that are under way at once: fewer than the store's reading connections.
const AT_ONCE: usize = 2;
/// From how many who wait a second question is worth its switches.
const CROWD: usize = 64;
/// Users in one question at most.
const USERS: usize = 256;

/// The users who are being looked up.
pub(crate) struct LookUps {
    store: Store,
    line: Mutex<Line>,
}

#[derive(Default)]
struct Line {
    waiting: Vec<Waiting>,
    asking: usize,
}

struct Waiting {
    user: UserId,
    /// Dropped without an answer when the question failed.
    answer: oneshot::Sender<Option<CountedUser>>,
}

impl LookUps {
    pub(crate) fn new(store: Store) -> Arc<Self> {
        Arc::new(Self {
            store,
            line: Mutex::default(),
        })
    }

    /// The user of this id, with contacts and devices counted.
    pub(crate) async fn get(
        self: &Arc<Self>,
        user: UserId,
    ) -> Result<Option<CountedUser>, StoreError> {
        let (answer, answered) = oneshot::channel();
        if self.queue(Waiting { user, answer }) {
            // A task of its own: others wait for it when this caller goes away.
            let asker = Asker {
                look_ups: Arc::clone(self),
                is_done: false,
            };
            tokio::spawn(asker.run());
        }
        if let Ok(found) = answered.await {
            return Ok(found);
        }
        // Each caller learns what is wrong by asking alone; boxed, as hardly one has to.
        Box::pin(self.ask_alone(user)).await
    }

    async fn ask_alone(&self, user: UserId) -> Result<Option<CountedUser>, StoreError> {
        let mut tx = self.store.read_once().await?;
        users::get_counted(&mut tx, user).await
    }

    fn lock(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gets in line; whether somebody is to be sent to ask.
    fn queue(&self, waiting: Waiting) -> bool {
        let mut line = self.lock();
        line.waiting.push(waiting);
        let most = if line.waiting.len() < CROWD {
            1
        } else {
            AT_ONCE
        };
        let asks = line.asking < most;
        line.asking += usize::from(asks);
        asks
    }
}

/// Asks until nobody waits.
struct Asker {
    look_ups: Arc<LookUps>,
    is_done: bool,
}

impl Asker {
    async fn run(mut self) {
        loop {
            // Whoever is about to ask gets in line first.
            tokio::task::yield_now().await;
            let Some(waiting) = self.next() else { return };
            let found = match self.ask(&waiting).await {
                Ok(found) => found,
                Err(error) => {
                    tracing::debug!(%error, users = waiting.len(), "users were not looked up together");
                    continue;
                }
            };
            for Waiting { user, answer } in waiting {
                // A caller that went away needs no answer.
                let _ = answer.send(found.get(&user).cloned());
            }
        }
    }

    /// Those who wait now. Whoever gets in line after there was nobody sends the next
    /// asker.
    fn next(&mut self) -> Option<Vec<Waiting>> {
        let mut line = self.look_ups.lock();
        if line.waiting.is_empty() {
            line.asking -= 1;
            self.is_done = true;
            return None;
        }
        let count = line.waiting.len().min(USERS);
        Some(line.waiting.drain(..count).collect())
    }

    async fn ask(&self, waiting: &[Waiting]) -> Result<HashMap<UserId, CountedUser>, StoreError> {
        let wanted: Vec<UserId> = waiting.iter().map(|waiting| waiting.user).collect();
        let mut tx = self.look_ups.store.read_once().await?;
        let found = users::get_counted_many(&mut tx, &wanted).await?;
        drop(tx);
        Ok(found.into_iter().map(|user| (user.row.id, user)).collect())
    }
}

impl Drop for Asker {
    /// One that ended before its time leaves nobody waiting: they ask alone.
    fn drop(&mut self) {
        if !self.is_done {
            let mut line = self.look_ups.lock();
            line.asking -= 1;
            line.waiting.clear();
        }
    }
}
