//! Tells others what a commit changed: observers before the callers are
//! answered, listeners through a channel.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::broadcast;

use crate::hint::Hint;
use crate::store::COMMIT_BACKLOG;

type Observer = Arc<dyn Fn(&[Hint]) + Send + Sync>;

/// Who hears of commits.
pub(crate) struct Commits {
    sender: broadcast::Sender<Arc<[Hint]>>,
    observers: RwLock<Vec<Observer>>,
}

impl Commits {
    pub(crate) fn new() -> Self {
        Self {
            sender: broadcast::Sender::new(COMMIT_BACKLOG),
            observers: RwLock::default(),
        }
    }

    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Arc<[Hint]>> {
        self.sender.subscribe()
    }

    pub(crate) fn observe(&self, observer: Observer) {
        self.observers
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push(observer);
    }

    /// Publishes the hints of a commit that has happened.
    pub(crate) fn publish(&self, hints: Vec<Hint>) {
        if hints.is_empty() {
            return;
        }
        let observers = self
            .observers
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        for observer in observers {
            // The caller is the writer: it must outlive a faulty observer, who
            // finds the truth in the store.
            if catch_unwind(AssertUnwindSafe(|| observer(&hints))).is_err() {
                tracing::error!("an observer of commits panicked");
            }
        }
        // Nobody listening is no error: the truth is in the store.
        let _ = self.sender.send(hints.into());
    }
}
