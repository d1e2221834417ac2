//! Makes and evaluates hashes that are meant to be slow, away from the tasks that
//! serve everybody.

use std::sync::Arc;

use mayday_core::clock::SharedEntropy;
use mayday_core::sso::pin::HashCost;
use tokio::sync::Semaphore;

use crate::AppError;

/// Hashes at once: each takes a core and [`HashCost::memory_kib`].
const AT_ONCE: usize = 2;

/// Requests that wait for their turn; those beyond are told to come again.
const WAITING: usize = 512;

/// Where hashes are made.
pub(crate) struct Hashing {
    cost: HashCost,
    entropy: SharedEntropy,
    turns: Arc<Semaphore>,
    waiting: Semaphore,
}

impl Hashing {
    pub(crate) fn new(cost: HashCost, entropy: SharedEntropy) -> Self {
        Self {
            cost,
            entropy,
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            waiting: Semaphore::new(WAITING),
        }
    }

    /// Does some hashing in its turn, on a thread that may be kept. `work` gets the
    /// cost of new hashes and where their salt comes from.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(HashCost, &SharedEntropy) -> T + Send + 'static,
    ) -> Result<T, AppError> {
        let Ok(_waiting) = self.waiting.try_acquire() else {
            return Err(AppError::busy("too many hashes are waited for"));
        };
        let Ok(turn) = Arc::clone(&self.turns).acquire_owned().await else {
            return Err(AppError::busy("the node is ending"));
        };
        let (cost, entropy) = (self.cost, Arc::clone(&self.entropy));
        let done = tokio::task::spawn_blocking(move || {
            // Held until the work is done, though nobody waits for it any more.
            let _turn = turn;
            work(cost, &entropy)
        });
        done.await.map_err(|error| AppError::Internal {
            source: error.into(),
        })
    }
}
