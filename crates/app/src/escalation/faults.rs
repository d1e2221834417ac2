//! Points at which a test stops a sender for good, as a kill does, or ends the whole
//! process.
//!
//! Only a build with the feature `fault-points` (or a test's) has any; in all others
//! [`SendFaults`] is empty and its question costs nothing.

#[cfg(any(test, feature = "fault-points"))]
use std::sync::Arc;

#[cfg(any(test, feature = "fault-points"))]
use tokio::sync::watch;

/// A place between two steps of a sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendPoint {
    /// The timer is claimed, and nothing is planned.
    BeforePlan,
    /// What is due is on record.
    AfterPlan,
    /// The job is claimed, and no permit is asked for.
    BeforePermit,
    /// The permit is on record, and nothing has left.
    BeforeSend,
    /// The provider has answered, and nobody has written that down.
    AfterSend,
    /// The end is on record, and the job's end is told to nobody.
    AfterRecord,
    /// A try is open, and the provider is not asked yet.
    BeforeLookUp,
    /// The provider has told what became of it, and nobody has written that down.
    AfterLookUp,
}

impl SendPoint {
    /// All of them, in the order in which a sender comes by.
    pub const ALL: [Self; 8] = [
        Self::BeforePlan,
        Self::AfterPlan,
        Self::BeforePermit,
        Self::BeforeSend,
        Self::AfterSend,
        Self::AfterRecord,
        Self::BeforeLookUp,
        Self::AfterLookUp,
    ];

    /// The point at which a process is to die that is told this word.
    #[cfg(any(test, feature = "fault-points"))]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|point| point.word() == word)
    }

    #[cfg(any(test, feature = "fault-points"))]
    const fn word(self) -> &'static str {
        match self {
            Self::BeforePlan => "die_before_plan",
            Self::AfterPlan => "die_after_plan",
            Self::BeforePermit => "die_before_permit",
            Self::BeforeSend => "die_before_send",
            Self::AfterSend => "die_after_send",
            Self::AfterRecord => "die_after_record",
            Self::BeforeLookUp => "die_before_look_up",
            Self::AfterLookUp => "die_after_look_up",
        }
    }
}

/// Where senders stop; copies share it.
#[derive(Clone, Debug, Default)]
pub struct SendFaults {
    #[cfg(any(test, feature = "fault-points"))]
    state: Arc<watch::Sender<State>>,
}

#[cfg(any(test, feature = "fault-points"))]
#[derive(Clone, Copy, Debug, Default)]
struct State {
    stop_at: Option<SendPoint>,
    die_at: Option<SendPoint>,
    stopped: usize,
}

#[cfg(any(test, feature = "fault-points"))]
impl SendFaults {
    /// Whoever comes by this point from now on never leaves it; `None`: nobody stops.
    /// Who has stopped stays there.
    pub fn stop_at(&self, point: Option<SendPoint>) {
        self.state.send_modify(|state| {
            state.stop_at = point;
            state.stopped = 0;
        });
    }

    /// Whoever comes by this point first ends the process, without a farewell.
    pub fn die_at(&self, point: SendPoint) {
        self.state.send_modify(|state| state.die_at = Some(point));
    }

    /// Waits until a sender has stopped.
    pub async fn stopped(&self) {
        let mut changes = self.state.subscribe();
        // The sender lives in this handle, so the wait ends with a state.
        let _ = changes.wait_for(|state| state.stopped > 0).await;
    }

    pub(super) async fn at(&self, point: SendPoint) {
        let State {
            stop_at, die_at, ..
        } = *self.state.borrow();
        if die_at == Some(point) {
            // As by `kill -9`: nothing is flushed, nobody is told.
            std::process::abort();
        }
        if stop_at == Some(point) {
            self.state.send_modify(|state| state.stopped += 1);
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(not(any(test, feature = "fault-points")))]
#[expect(
    clippy::unused_self,
    clippy::unused_async,
    reason = "the same call as in a build with fault points"
)]
impl SendFaults {
    pub(super) async fn at(&self, _: SendPoint) {}
}
