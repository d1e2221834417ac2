//! Events on their way to the client.

use std::collections::VecDeque;
use std::num::NonZeroU16;

use bytes::BytesMut;
use mayday_core::event::UserEvent;

use crate::codec::{Version, encode};
use crate::settings::OUTBOUND_WINDOW;
use crate::subscriptions::Subscription;

/// Events on their way to the client.
///
/// One event is one PUBLISH per subscribed topic. The next event is asked of
/// the feed only when all of these were written, so that the feed's bound is
/// the bound of what a client may leave unread.
#[derive(Debug)]
pub(crate) struct Outbound {
    /// How many of QoS 1 may be unacknowledged.
    window: usize,
    /// The largest packet that the client takes, in bytes.
    max_packet_bytes: usize,
    unacknowledged: Vec<NonZeroU16>,
    last_id: u16,
    waiting: VecDeque<Delivery>,
}

#[derive(Debug)]
struct Delivery {
    topic: Box<str>,
    payload: Vec<u8>,
    at_most_once: bool,
}

/// What writing deliveries came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sent {
    /// How many packets were written.
    pub(crate) packets: u64,
    /// How many were larger than the client takes and were left out.
    pub(crate) too_large: u64,
}

impl Outbound {
    pub(crate) fn new(receive_maximum: u16, max_packet_bytes: usize) -> Self {
        Self {
            window: usize::from(receive_maximum.clamp(1, OUTBOUND_WINDOW)),
            max_packet_bytes,
            unacknowledged: Vec::new(),
            last_id: 0,
            waiting: VecDeque::new(),
        }
    }

    /// The largest packet that the client takes, in bytes.
    pub(crate) const fn max_packet_bytes(&self) -> usize {
        self.max_packet_bytes
    }

    /// Whether everything so far was written.
    pub(crate) fn is_idle(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Puts an event in line for a topic; `user_id` is how the topic names the
    /// user.
    pub(crate) fn add(&mut self, event: &UserEvent, to: &Subscription, user_id: &str) {
        self.waiting.push_back(Delivery {
            topic: to.topic.clone(),
            payload: event.render(user_id),
            at_most_once: to.at_most_once,
        });
    }

    /// Writes what the client's window allows.
    pub(crate) fn write(&mut self, version: Version, into: &mut BytesMut) -> Sent {
        let mut sent = Sent::default();
        while let Some(next) = self.waiting.pop_front() {
            let id = if next.at_most_once {
                None
            } else if self.unacknowledged.len() < self.window {
                Some(self.free_id())
            } else {
                self.waiting.push_front(next);
                break;
            };
            let (topic, payload) = (&next.topic, &next.payload);
            if encode::publish(version, topic, id, payload, self.max_packet_bytes, into) {
                self.unacknowledged.extend(id);
                sent.packets += 1;
            } else {
                sent.too_large += 1;
            }
        }
        sent
    }

    /// The client has it; `false` when it was sent nothing of that id.
    pub(crate) fn acknowledged(&mut self, id: NonZeroU16) -> bool {
        let before = self.unacknowledged.len();
        self.unacknowledged.retain(|&waiting| waiting != id);
        self.unacknowledged.len() < before
    }

    fn free_id(&mut self) -> NonZeroU16 {
        // Ends, because far fewer ids are in use than there are.
        loop {
            self.last_id = self.last_id.wrapping_add(1);
            if let Some(id) = NonZeroU16::new(self.last_id)
                && !self.unacknowledged.contains(&id)
            {
                return id;
            }
        }
    }
}
