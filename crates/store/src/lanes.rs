//! The four bounded queues before the writer.

use std::time::Duration;

use tokio::sync::mpsc;

use crate::command::Lane;
use crate::error::StoreError;
use crate::queued::Queued;

/// Waiting SOS commands; more callers wait for a place.
const SOS_PLACES: usize = 4_096;
/// Waiting session commands; more are refused.
const SESSION_PLACES: usize = 2_048;
/// Waiting job commands; more are refused.
const JOB_PLACES: usize = 1_024;
/// Waiting commands of the rest; more are refused.
const REST_PLACES: usize = 4_096;

/// How long an SOS waits for a place in its queue.
pub(crate) const SOS_PLACE_WAIT: Duration = Duration::from_secs(10);

/// How many commands a lane holds.
pub(crate) const fn places(lane: Lane) -> usize {
    match lane {
        Lane::Sos => SOS_PLACES,
        Lane::Session => SESSION_PLACES,
        Lane::Job => JOB_PLACES,
        Lane::Rest => REST_PLACES,
    }
}

type Item = Box<dyn Queued>;

/// The callers' side.
pub(crate) struct Lanes {
    sos: mpsc::Sender<Item>,
    session: mpsc::Sender<Item>,
    job: mpsc::Sender<Item>,
    rest: mpsc::Sender<Item>,
}

/// The writer's side.
pub(crate) struct LaneEnds {
    sos: mpsc::Receiver<Item>,
    session: mpsc::Receiver<Item>,
    job: mpsc::Receiver<Item>,
    rest: mpsc::Receiver<Item>,
}

/// Both sides of new, empty queues.
pub(crate) fn lanes() -> (Lanes, LaneEnds) {
    let (sos, sos_end) = mpsc::channel(places(Lane::Sos));
    let (session, session_end) = mpsc::channel(places(Lane::Session));
    let (job, job_end) = mpsc::channel(places(Lane::Job));
    let (rest, rest_end) = mpsc::channel(places(Lane::Rest));
    let lanes = Lanes {
        sos,
        session,
        job,
        rest,
    };
    let ends = LaneEnds {
        sos: sos_end,
        session: session_end,
        job: job_end,
        rest: rest_end,
    };
    (lanes, ends)
}

impl Lanes {
    fn of(&self, lane: Lane) -> &mpsc::Sender<Item> {
        match lane {
            Lane::Sos => &self.sos,
            Lane::Session => &self.session,
            Lane::Job => &self.job,
            Lane::Rest => &self.rest,
        }
    }

    /// Queues a command. A full lane refuses, but for the SOS lane, which makes
    /// the caller wait.
    pub(crate) async fn push(&self, lane: Lane, item: Item) -> Result<(), StoreError> {
        let queue = self.of(lane);
        let busy = StoreError::Busy {
            lane: lane.as_str(),
        };
        match queue.try_send(item) {
            Ok(()) => Ok(()),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(StoreError::Closed),
            Err(mpsc::error::TrySendError::Full(item)) if lane == Lane::Sos => {
                match tokio::time::timeout(SOS_PLACE_WAIT, queue.send(item)).await {
                    Ok(sent) => sent.map_err(|_| StoreError::Closed),
                    Err(_) => Err(busy),
                }
            }
            Err(mpsc::error::TrySendError::Full(_)) => Err(busy),
        }
    }

    /// Whether the writer takes commands.
    pub(crate) fn is_open(&self) -> bool {
        !self.sos.is_closed()
    }

    /// How many commands wait in each lane.
    pub(crate) fn waiting(&self) -> [(Lane, usize); 4] {
        Lane::ALL.map(|lane| {
            let queue = self.of(lane);
            (lane, queue.max_capacity() - queue.capacity())
        })
    }
}

impl LaneEnds {
    /// The next command, highest lane first; `None` once all are closed and empty.
    pub(crate) async fn next(&mut self) -> Option<(Lane, Item)> {
        tokio::select! {
            biased;
            Some(item) = self.sos.recv() => Some((Lane::Sos, item)),
            Some(item) = self.session.recv() => Some((Lane::Session, item)),
            Some(item) = self.job.recv() => Some((Lane::Job, item)),
            Some(item) = self.rest.recv() => Some((Lane::Rest, item)),
            else => None,
        }
    }

    /// The next command that is there already, highest lane first.
    pub(crate) fn try_next(&mut self) -> Option<(Lane, Item)> {
        if let Ok(item) = self.sos.try_recv() {
            return Some((Lane::Sos, item));
        }
        if let Ok(item) = self.session.try_recv() {
            return Some((Lane::Session, item));
        }
        if let Ok(item) = self.job.try_recv() {
            return Some((Lane::Job, item));
        }
        self.rest.try_recv().ok().map(|item| (Lane::Rest, item))
    }

    /// Takes no more commands; those that wait are still served.
    pub(crate) fn close(&mut self) {
        self.sos.close();
        self.session.close();
        self.job.close();
        self.rest.close();
    }
}
