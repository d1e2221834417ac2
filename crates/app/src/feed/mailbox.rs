//! The bounded queue between the hub and one connection.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mayday_core::event::UserEvent;
use tokio::sync::Notify;

/// Most events that wait for one connection. A slower one is disconnected: an
/// event about an SOS is never dropped silently.
pub(super) const MAILBOX_EVENTS: usize = 256;

/// An event on its way to a connection.
#[derive(Clone, Debug)]
pub(super) enum Delivery {
    /// Just committed.
    Event(Arc<UserEvent>),
    /// Found in the store by the regular question.
    Found(Arc<UserEvent>),
    /// Published again by a redelivered trigger: its number is an old one.
    Again(Arc<UserEvent>),
}

impl Delivery {
    pub(super) fn into_event(self) -> Arc<UserEvent> {
        match self {
            Self::Event(event) | Self::Found(event) | Self::Again(event) => event,
        }
    }
}

/// The bounded queue between the hub and one connection.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    state: Mutex<State>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Delivery>,
    /// The highest number that was delivered or waits; `None` until the
    /// connection knows where it begins.
    known: Option<i64>,
    overflowing: bool,
}

impl Mailbox {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts an event in and wakes the connection.
    pub(super) fn put(&self, delivery: Delivery) {
        let mut state = self.lock();
        if let Delivery::Found(event) = &delivery
            && state.known.is_some_and(|known| event.seq <= known)
        {
            return;
        }
        if state.waiting.len() >= MAILBOX_EVENTS {
            state.overflowing = true;
            state.waiting.clear();
        }
        if !state.overflowing {
            if let Delivery::Event(event) | Delivery::Found(event) = &delivery
                && let Some(known) = &mut state.known
            {
                *known = event.seq.max(*known);
            }
            state.waiting.push_back(delivery);
        }
        drop(state);
        self.arrived.notify_one();
    }

    /// The first waiting event.
    pub(super) fn take(&self) -> Option<Delivery> {
        self.lock().waiting.pop_front()
    }

    /// The lowest number of a waiting event that is not an old one published again.
    pub(super) fn lowest(&self) -> Option<i64> {
        let state = self.lock();
        let fresh = state.waiting.iter().filter_map(|delivery| match delivery {
            Delivery::Event(event) | Delivery::Found(event) => Some(event.seq),
            Delivery::Again(_) => None,
        });
        fresh.min()
    }

    /// Waits until something was put in since the last wait.
    pub(super) async fn wait(&self) {
        self.arrived.notified().await;
    }

    /// Whether more arrived than fits: the connection must go.
    pub(super) fn is_overflowing(&self) -> bool {
        self.lock().overflowing
    }

    /// The connection has everything up to this number.
    pub(super) fn knows(&self, seq: i64) {
        let mut state = self.lock();
        let known = state.known.unwrap_or(seq);
        state.known = Some(known.max(seq));
    }

    /// The highest number that was delivered or waits; an overflowing mailbox
    /// wants nothing.
    pub(super) fn known(&self) -> Option<i64> {
        let state = self.lock();
        if state.overflowing { None } else { state.known }
    }
}
