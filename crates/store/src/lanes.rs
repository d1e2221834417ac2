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
    sos: End,
    session: End,
    job: End,
    rest: End,
}

/// One lane as the writer has it.
struct End {
    /// Taken, and put back to be the next again.
    head: Option<Item>,
    queue: mpsc::Receiver<Item>,
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
        sos: End::new(sos_end),
        session: End::new(session_end),
        job: End::new(job_end),
        rest: End::new(rest_end),
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

impl End {
    const fn new(queue: mpsc::Receiver<Item>) -> Self {
        Self { head: None, queue }
    }

    /// The next one, if one is there.
    fn take(&mut self) -> Option<Item> {
        self.head.take().or_else(|| self.queue.try_recv().ok())
    }

    /// Takes those that have waited for `limit`; the one after them stays the next.
    fn take_overdue(&mut self, limit: Duration, overdue: &mut Vec<Item>) {
        while let Some(item) = self.take() {
            if item.queued_at().elapsed() < limit {
                self.head = Some(item);
                return;
            }
            overdue.push(item);
        }
    }
}

impl LaneEnds {
    /// The next command, highest lane first; `None` once all are closed and empty.
    pub(crate) async fn next(&mut self) -> Option<(Lane, Item)> {
        if let Some(next) = self.try_next() {
            return Some(next);
        }
        tokio::select! {
            biased;
            Some(item) = self.sos.queue.recv() => Some((Lane::Sos, item)),
            Some(item) = self.session.queue.recv() => Some((Lane::Session, item)),
            Some(item) = self.job.queue.recv() => Some((Lane::Job, item)),
            Some(item) = self.rest.queue.recv() => Some((Lane::Rest, item)),
            else => None,
        }
    }

    /// The next command that is there already, highest lane first.
    pub(crate) fn try_next(&mut self) -> Option<(Lane, Item)> {
        Lane::ALL
            .into_iter()
            .find_map(|lane| self.end(lane).take().map(|item| (lane, item)))
    }

    /// Makes a command the next of its lane that was taken last and was not run.
    pub(crate) fn put_back(&mut self, lane: Lane, item: Item) {
        self.end(lane).head = Some(item);
    }

    /// Takes all that have waited for `limit`.
    pub(crate) fn take_overdue(&mut self, limit: Duration) -> Vec<Item> {
        let mut overdue = Vec::new();
        for lane in Lane::ALL {
            self.end(lane).take_overdue(limit, &mut overdue);
        }
        overdue
    }

    /// Takes no more commands; those that wait are still served.
    pub(crate) fn close(&mut self) {
        for lane in Lane::ALL {
            self.end(lane).queue.close();
        }
    }

    const fn end(&mut self, lane: Lane) -> &mut End {
        match lane {
            Lane::Sos => &mut self.sos,
            Lane::Session => &mut self.session,
            Lane::Job => &mut self.job,
            Lane::Rest => &mut self.rest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Command;
    use crate::queued::Entry;
    use crate::tx::Tx;

    const LIMIT: Duration = Duration::from_secs(5);

    struct Nothing;

    impl Command for Nothing {
        type Output = ();
        const NAME: &'static str = "test.nothing";

        async fn run(&self, _: &mut Tx<'_>) -> Result<(), StoreError> {
            Ok(())
        }
    }

    async fn push(lanes: &Lanes, lane: Lane) {
        let (entry, _) = Entry::new(Nothing);
        lanes.push(lane, Box::new(entry)).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn each_waits_as_long_as_the_other_and_who_came_later_waits_on() {
        let (lanes, mut ends) = lanes();
        push(&lanes, Lane::Sos).await;
        push(&lanes, Lane::Rest).await;
        tokio::time::advance(LIMIT / 2).await;
        push(&lanes, Lane::Sos).await;
        push(&lanes, Lane::Sos).await;
        let (lane, taken) = ends.next().await.unwrap();
        assert_eq!(lane, Lane::Sos);
        ends.put_back(lane, taken);
        assert!(ends.take_overdue(LIMIT).is_empty());

        tokio::time::advance(LIMIT / 2).await;
        assert_eq!(ends.take_overdue(LIMIT).len(), 2, "an SOS and the rest");
        let (lane, later) = ends.next().await.unwrap();
        assert_eq!(lane, Lane::Sos);
        assert_eq!(later.queued_at().elapsed(), LIMIT / 2);
        ends.put_back(lane, later);
        ends.close();
        assert!(ends.next().await.is_some() && ends.next().await.is_some());
        assert!(ends.next().await.is_none());
    }
}
