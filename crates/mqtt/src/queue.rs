//! The publishes of one connection, in the order in which they came.
//!
//! Work starts when a publish is decoded; its answer waits here until every
//! earlier one was answered (contract: MQTT, "in PUBLISH order"). Telemetry
//! beyond what the store is given at once is *parked*: decoded, so that a
//! PINGREQ or a cry for help behind it gets through, but not yet begun.
//!
//! So is telemetry behind a cry for help that is not stored yet: what a sample
//! belongs to is judged when it begins, and the incident that the cry opens is
//! there only once it is stored. A cry waits for nothing ahead of it.

use std::collections::VecDeque;
use std::num::NonZeroU16;
use std::pin::pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use mayday_app::TelemetryTicket;
use tokio::sync::oneshot;

use crate::codec::publish::Qos;
use crate::handle::publish::{Answer, telemetry_answer};
use crate::reason::Reason;
use crate::settings::{QUEUE_BYTES, QUEUE_PACKETS};

/// Starts storing a telemetry body.
pub(crate) type Submit<'a> = &'a dyn Fn(Bytes) -> TelemetryTicket;

/// The publishes that wait for their answer.
#[derive(Debug)]
pub(crate) struct Queue {
    entries: VecDeque<Entry>,
    /// The number of the first entry.
    first: u64,
    /// Every entry below this number was begun; from it on some are parked.
    begun: u64,
    /// Payload bytes of all entries.
    bytes: usize,
    /// How many tickets the store holds, and how many it may.
    with_store: usize,
    in_flight: usize,
    /// Cries for help that are not stored yet, by number.
    cries: Vec<(u64, oneshot::Receiver<Answer>)>,
    /// The latest cry that is stored and has been waiting since for its turn.
    stored_cry: Option<u64>,
}

/// A publish, as far as its answer is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticketed {
    pub(crate) qos: Qos,
    /// Present unless QoS is 0.
    pub(crate) id: Option<NonZeroU16>,
}

/// What a publish waits for.
#[derive(Debug)]
pub(crate) enum Work {
    /// Nothing.
    Answered(Answer),
    /// A cry for help that is being stored.
    Cry(oneshot::Receiver<Answer>),
    /// A telemetry body that has yet to be stored.
    Telemetry(Bytes),
}

/// What has moved.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// The publish at the head is to be answered.
    Answer(Ticketed, Answer),
    /// A cry for help was stored, and others are ahead of it.
    CryStored,
}

#[derive(Debug)]
struct Entry {
    publish: Ticketed,
    bytes: usize,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Answered(Answer),
    Cry,
    Parked(Bytes),
    Telemetry(TelemetryTicket),
}

impl Queue {
    /// An empty queue that gives the store `in_flight` samples at once.
    pub(crate) fn new(in_flight: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            first: 0,
            begun: 0,
            bytes: 0,
            with_store: 0,
            in_flight: in_flight.max(1),
            cries: Vec::new(),
            stored_cry: None,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether nothing more may be decoded.
    pub(crate) fn is_full(&self) -> bool {
        self.entries.len() >= QUEUE_PACKETS || self.bytes >= QUEUE_BYTES
    }

    /// Whether a publish of QoS 2 with this id has yet to be answered.
    pub(crate) fn holds_qos2(&self, id: NonZeroU16) -> bool {
        self.entries
            .iter()
            .any(|entry| entry.publish.qos == Qos::Two && entry.publish.id == Some(id))
    }

    /// Whether a stored cry for help waits behind others.
    pub(crate) fn has_waiting_cry(&self) -> bool {
        self.stored_cry.is_some()
    }

    /// Adds a publish; telemetry is begun if the store may have more.
    pub(crate) fn push(&mut self, publish: Ticketed, bytes: usize, work: Work, submit: Submit<'_>) {
        let number = self.end();
        let stage = match work {
            Work::Answered(answer) => Stage::Answered(answer),
            Work::Cry(receiver) => {
                self.cries.push((number, receiver));
                Stage::Cry
            }
            Work::Telemetry(body) => Stage::Parked(body),
        };
        self.bytes += bytes;
        self.entries.push_back(Entry {
            publish,
            bytes,
            stage,
        });
        self.begin(submit);
    }

    /// Begins parked telemetry as far as the store may have more and no unstored
    /// cry is ahead.
    pub(crate) fn begin(&mut self, submit: Submit<'_>) {
        let until = self.first_unstored_cry();
        while self.with_store < self.in_flight && self.begun < until {
            self.begin_next(submit);
        }
    }

    /// Whether telemetry waits for a cry ahead of it.
    pub(crate) fn holds_back(&self) -> bool {
        self.first_unstored_cry() + 1 < self.end()
    }

    /// Whether no telemetry is left to be begun.
    pub(crate) fn is_begun(&self) -> bool {
        self.begun >= self.end()
    }

    /// Sends every sample ahead of the stored cry to the spill table. What is
    /// behind another cry that is not stored comes when that is.
    pub(crate) fn spill(&mut self, submit: Submit<'_>) {
        let Some(cry) = self.stored_cry else {
            return;
        };
        let until = cry.min(self.first_unstored_cry());
        if until == cry {
            self.stored_cry = None;
        }
        while self.begun < until {
            self.begin_next(submit);
        }
        let ahead = usize::try_from(until.saturating_sub(self.first)).unwrap_or(usize::MAX);
        for entry in self.entries.iter_mut().take(ahead) {
            if let Stage::Telemetry(ticket) = &mut entry.stage {
                ticket.spill();
            }
        }
    }

    /// Ready when something has moved. The last publish is held back while
    /// `hold_last`, because its packet has not ended yet.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, hold_last: bool) -> Poll<Progress> {
        let cry_stored = self.poll_cries(cx);
        if let Some((publish, answer)) = self.poll_head(cx, hold_last) {
            return Poll::Ready(Progress::Answer(publish, answer));
        }
        if cry_stored {
            return Poll::Ready(Progress::CryStored);
        }
        Poll::Pending
    }

    fn poll_cries(&mut self, cx: &mut Context<'_>) -> bool {
        let (entries, first) = (&mut self.entries, self.first);
        let mut latest = None;
        self.cries.retain_mut(|(number, receiver)| {
            let Poll::Ready(answer) = pin!(receiver).poll(cx) else {
                return true;
            };
            // The task that stores it panicked if its sender is gone.
            let answer = answer.unwrap_or(Answer::Failed(Reason::UNSPECIFIED));
            let index = usize::try_from(number.saturating_sub(first)).unwrap_or(usize::MAX);
            if let Some(entry) = entries.get_mut(index) {
                entry.stage = Stage::Answered(answer);
            }
            latest = latest.max(Some(*number));
            false
        });
        if latest.is_some_and(|number| number > first) {
            self.stored_cry = self.stored_cry.max(latest);
        }
        latest.is_some()
    }

    fn poll_head(&mut self, cx: &mut Context<'_>, hold_last: bool) -> Option<(Ticketed, Answer)> {
        if hold_last && self.entries.len() == 1 {
            return None;
        }
        let head = self.entries.front_mut()?;
        let answer = match &mut head.stage {
            Stage::Answered(answer) => *answer,
            Stage::Cry | Stage::Parked(_) => return None,
            Stage::Telemetry(ticket) => {
                let Poll::Ready(stored) = pin!(ticket.stored()).poll(cx) else {
                    return None;
                };
                self.with_store -= 1;
                telemetry_answer(&stored)
            }
        };
        let publish = head.publish;
        self.bytes -= head.bytes;
        self.entries.pop_front();
        self.first += 1;
        self.begun = self.begun.max(self.first);
        if self.stored_cry.is_some_and(|cry| cry <= self.first) {
            self.stored_cry = None;
        }
        if self.entries.is_empty() {
            // An idle connection holds no memory for its busy times.
            self.entries = VecDeque::new();
        }
        Some((publish, answer))
    }

    fn begin_next(&mut self, submit: Submit<'_>) {
        let index = usize::try_from(self.begun.saturating_sub(self.first)).unwrap_or(usize::MAX);
        self.begun += 1;
        if let Some(entry) = self.entries.get_mut(index)
            && let Stage::Parked(body) = &mut entry.stage
        {
            entry.stage = Stage::Telemetry(submit(std::mem::take(body)));
            self.with_store += 1;
        }
    }

    /// The number of the first cry that is not stored, or of the next entry.
    fn first_unstored_cry(&self) -> u64 {
        // They are kept in the order in which they came.
        self.cries.first().map_or(self.end(), |(number, _)| *number)
    }

    /// The number that the next entry gets.
    fn end(&self) -> u64 {
        self.first + u64::try_from(self.entries.len()).unwrap_or(u64::MAX)
    }
}
