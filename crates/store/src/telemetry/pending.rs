//! A sample on its way, as its submitter sees it.

use std::fmt;
use std::sync::Arc;

use tokio::sync::{Notify, oneshot};

use super::TelemetryError;
use super::queue::{Answer, Entry};
use super::spiller::Outlet;

/// Which way a sample took to the disk first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoredIn {
    /// The telemetry store.
    Telemetry,
    /// The spill table of the state store.
    Spill,
}

/// A submitted sample. Dropping it does not stop the sample.
pub struct Pending {
    receiver: oneshot::Receiver<Answer>,
    /// The answer, once it came: a second question gets it again.
    answer: Option<Answer>,
    way: Way,
    outlet: Arc<Outlet>,
}

/// Where the sample stands.
enum Way {
    /// In the queue or in the writer's hands.
    Queued(Arc<Entry>),
    /// Waiting for room; the signal sends it to the spill table instead.
    Crowded(Arc<Notify>),
    /// Refused at once.
    Answered,
}

impl Pending {
    pub(super) fn queued(
        receiver: oneshot::Receiver<Answer>,
        outlet: Arc<Outlet>,
        entry: Arc<Entry>,
    ) -> Self {
        Self {
            receiver,
            answer: None,
            way: Way::Queued(entry),
            outlet,
        }
    }

    pub(super) fn answered(receiver: oneshot::Receiver<Answer>, outlet: Arc<Outlet>) -> Self {
        Self {
            receiver,
            answer: None,
            way: Way::Answered,
            outlet,
        }
    }

    pub(super) fn crowded(
        receiver: oneshot::Receiver<Answer>,
        outlet: Arc<Outlet>,
        wait: impl FnOnce(Arc<Notify>),
    ) -> Self {
        let hurry = Arc::new(Notify::new());
        wait(Arc::clone(&hurry));
        Self {
            receiver,
            answer: None,
            way: Way::Crowded(hurry),
            outlet,
        }
    }

    /// Waits until the sample is durable, in its file or in the spill table.
    /// Safe to cancel and call again.
    pub async fn stored(&mut self) -> Result<StoredIn, TelemetryError> {
        if let Some(answer) = &self.answer {
            return answer.clone();
        }
        let answer = match (&mut self.receiver).await {
            Ok(answer) => answer,
            Err(_) => Err(TelemetryError::Closed),
        };
        self.answer = Some(answer.clone());
        answer
    }

    /// Asks for the spill table now; a second call does nothing.
    pub fn spill(&self) {
        match &self.way {
            Way::Queued(entry) => self.outlet.spill([Arc::clone(entry)]),
            Way::Crowded(hurry) => hurry.notify_one(),
            Way::Answered => {}
        }
    }
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").finish_non_exhaustive()
    }
}
