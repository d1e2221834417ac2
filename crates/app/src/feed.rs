//! Fan-out of numbered events to the connections of this node.
//!
//! Each commit's events are put into the mailboxes of their user's connections
//! before the commit's callers are answered ([`mailbox`]). That is only a hint:
//! an [`EventFeed`] knows the number it delivered last and reads what is missing
//! from the store when it begins, when a number is skipped, and when the hub,
//! which asks the store every 2 s for all users of the node at once, says that
//! there is more. So nobody misses an event because another node wrote it, or
//! died between its commit and telling; and none comes late, because numbers
//! that were delivered are dropped.
//!
//! Where several nodes share a store, a bus between them only has to call
//! [`FeedHub::announce`].

mod mailbox;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mayday_core::event::UserEvent;
use mayday_core::identity::Caller;
use mayday_core::ids::UserId;
use mayday_core::time::Timestamp;
use mayday_store::{Hint, ReadTx, Store, StoreError, events};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::error::AppError;
use mailbox::{Delivery, Mailbox};

/// How often the store is asked for events that nobody told this node about.
const REREAD_EVERY: Duration = Duration::from_secs(2);
/// Users in one such question.
const REREAD_USERS: usize = 5_000;
/// How long a feed waits after a failed read before it reads again.
const READ_PAUSE: Duration = Duration::from_millis(500);
/// Events read at once to close a gap.
const GAP_EVENTS: i64 = 100;

/// Why a feed ended. The connection must go; the client comes back and reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FeedLost {
    /// The connection was too slow for its events; none was dropped silently.
    #[error("too slow for its events")]
    Overflow,
}

/// The mailboxes of this node, by user.
pub(crate) struct FeedHub {
    store: Store,
    mailboxes: Mutex<HashMap<UserId, Vec<Arc<Mailbox>>>>,
}

impl FeedHub {
    fn new(store: Store) -> Self {
        Self {
            store,
            mailboxes: Mutex::default(),
        }
    }

    /// Listens to the store's commits and re-reads until `shutdown`.
    pub(crate) fn start(store: &Store, shutdown: CancellationToken) -> Arc<Self> {
        let hub = Arc::new(Self::new(store.clone()));
        let weak = Arc::downgrade(&hub);
        store.observe(move |hints| {
            if let Some(hub) = weak.upgrade() {
                hub.announce(hints);
            }
        });
        tokio::spawn(Arc::clone(&hub).reread_until(shutdown));
        hub
    }

    /// Puts committed events into the mailboxes of their users.
    pub(crate) fn announce(&self, hints: &[Hint]) {
        for hint in hints {
            match hint {
                Hint::Event(event) => self.deliver(event.user, &Delivery::Event(Arc::clone(event))),
                Hint::Replay(event) => {
                    self.deliver(event.user, &Delivery::Again(Arc::clone(event)));
                }
                _ => {}
            }
        }
    }

    fn deliver(&self, user: UserId, delivery: &Delivery) {
        if let Some(mailboxes) = self.lock().get(&user) {
            for mailbox in mailboxes {
                mailbox.put(delivery.clone());
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<UserId, Vec<Arc<Mailbox>>>> {
        self.mailboxes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers for a user's events from `opened_at` on, which is now.
    pub(crate) fn open(self: &Arc<Self>, user: UserId, opened_at: Timestamp) -> EventFeed {
        let mailbox = Arc::new(Mailbox::default());
        self.lock()
            .entry(user)
            .or_default()
            .push(Arc::clone(&mailbox));
        EventFeed {
            hub: Arc::clone(self),
            user,
            mailbox,
            opened_at,
            last: None,
            read: VecDeque::new(),
            gap: false,
            reading: None,
        }
    }

    fn remove(&self, user: UserId, mailbox: &Arc<Mailbox>) {
        let mut mailboxes = self.lock();
        if let Some(of_user) = mailboxes.get_mut(&user) {
            of_user.retain(|other| !Arc::ptr_eq(other, mailbox));
            if of_user.is_empty() {
                mailboxes.remove(&user);
            }
        }
    }

    async fn reread_until(self: Arc<Self>, shutdown: CancellationToken) {
        let mut ticks = tokio::time::interval(REREAD_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                _ = ticks.tick() => {}
            }
            if let Err(error) = self.reread().await {
                tracing::warn!(%error, "events could not be re-read; it is tried again");
            }
        }
    }

    /// Asks the store once for all users of the node.
    async fn reread(&self) -> Result<(), StoreError> {
        let wanted = self.wanted();
        for chunk in wanted.chunks(REREAD_USERS) {
            let mut tx = self.store.read().await?;
            let missed = events::read_after_many(&mut tx, chunk).await?;
            drop(tx);
            for event in missed {
                self.deliver(event.user, &Delivery::Found(Arc::new(event)));
            }
        }
        Ok(())
    }

    /// For each user, the lowest number that all his mailboxes know of.
    fn wanted(&self) -> Vec<(UserId, i64)> {
        self.lock()
            .iter()
            .filter_map(|(user, mailboxes)| {
                let known = mailboxes.iter().filter_map(|mailbox| mailbox.known());
                known.min().map(|known| (*user, known))
            })
            .collect()
    }
}

/// The events of one user, for one connection. Dropping it ends the
/// registration.
pub struct EventFeed {
    hub: Arc<FeedHub>,
    user: UserId,
    mailbox: Arc<Mailbox>,
    /// What happens later is delivered, though the first read finds it there.
    opened_at: Timestamp,
    /// The number delivered last; `None` until the first read.
    last: Option<i64>,
    /// What was read to close a gap and is not delivered yet.
    read: VecDeque<Arc<UserEvent>>,
    /// There is more in the store than in the mailbox.
    gap: bool,
    /// A read under way, in a task of its own. It outlives a cancelled `next`: a
    /// connection that has other things to do a thousand times a second would
    /// never finish it, and one that is stuck would keep a reader from the rest.
    reading: Option<JoinHandle<Result<Found, StoreError>>>,
}

/// What a read brought.
enum Found {
    /// The number of the user's newest event from before the feed.
    Beginning(i64),
    /// Events after the one delivered last, a page at most.
    Missing(Vec<UserEvent>),
}

impl Drop for EventFeed {
    fn drop(&mut self) {
        self.hub.remove(self.user, &self.mailbox);
    }
}

impl std::fmt::Debug for EventFeed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventFeed")
            .field("user", &self.user)
            .field("last", &self.last)
            .finish_non_exhaustive()
    }
}

impl App {
    /// Registers for the caller's events from now on.
    pub fn open_feed(self: &Arc<Self>, caller: &Caller) -> EventFeed {
        self.feed.open(caller.user, self.clock.now())
    }
}

impl EventFeed {
    /// What a new subscription is sent again: the open incident's latest event,
    /// or a terminal one younger than 5 minutes (contract: MQTT, "nothing is
    /// missed"). What happened since the feed was opened comes through
    /// [`EventFeed::next`], each of it, and is not answered here.
    pub async fn replay(&mut self) -> Result<Option<Arc<UserEvent>>, AppError> {
        let mut tx = self.hub.store.read().await?;
        let begin = begin_at(&mut tx, self.user, self.opened_at).await?;
        let latest = events::latest_for_replay(&mut tx, self.user).await?;
        drop(tx);
        let begin = self
            .mailbox
            .lowest()
            .map_or(begin, |seq| begin.min(seq - 1));
        let last = *self.last.get_or_insert(begin);
        self.mailbox.knows(last);
        Ok(latest.filter(|event| event.seq <= last).map(Arc::new))
    }

    /// The next event: in order, without gaps or repeats, but for those that a
    /// redelivered trigger publishes again. Cancel-safe.
    pub async fn next(&mut self) -> Result<Arc<UserEvent>, FeedLost> {
        loop {
            if let Some(event) = self.step()? {
                return Ok(event);
            }
            if self.gap || self.last.is_none() {
                if let Err(error) = self.catch_up().await {
                    tracing::warn!(user.id = %self.user, %error, "events could not be read; it is tried again");
                }
            } else {
                self.mailbox.wait().await;
            }
        }
    }

    /// Waits until more events wait than may, while none is asked for: a client
    /// that takes nothing has to go as well. Cancel-safe; takes no event.
    pub async fn overflowed(&mut self) -> FeedLost {
        while !self.mailbox.is_overflowing() {
            self.mailbox.wait().await;
        }
        FeedLost::Overflow
    }

    /// What can be delivered without waiting.
    fn step(&mut self) -> Result<Option<Arc<UserEvent>>, FeedLost> {
        if self.mailbox.is_overflowing() {
            return Err(FeedLost::Overflow);
        }
        while let Some(event) = self.read.pop_front() {
            if self.last.is_none_or(|last| event.seq > last) {
                self.delivered(event.seq);
                return Ok(Some(event));
            }
        }
        let Some(last) = self.last else {
            return Ok(None);
        };
        if self.gap {
            return Ok(None);
        }
        while let Some(delivery) = self.mailbox.take() {
            let again = matches!(delivery, Delivery::Again(_));
            let event = delivery.into_event();
            match event.seq - last {
                // A newer event has said more since: `processed` again after
                // `cancelled` would wake a phone for nothing.
                ..=-1 if again && !event.kind.is_terminal() => {}
                ..=0 if again => return Ok(Some(event)),
                ..=0 => {}
                1 => {
                    self.delivered(event.seq);
                    return Ok(Some(event));
                }
                _ => {
                    self.gap = true;
                    break;
                }
            }
        }
        Ok(None)
    }

    fn delivered(&mut self, seq: i64) {
        self.last = Some(seq);
        self.mailbox.knows(seq);
    }

    /// Reads what is missing, or, before the first event, where to begin.
    async fn catch_up(&mut self) -> Result<(), StoreError> {
        let (store, user, last) = (&self.hub.store, self.user, self.last);
        let opened_at = self.opened_at;
        let reading = self
            .reading
            .get_or_insert_with(|| tokio::spawn(look_up(store.clone(), user, last, opened_at)));
        let found = reading.await;
        self.reading = None;
        match found.map_err(|_| StoreError::Closed)?? {
            // A replay may have found it first.
            Found::Beginning(_) if self.last.is_some() => {}
            Found::Beginning(begin) => self.delivered(begin),
            Found::Missing(missing) => {
                // A full page may leave more behind it: read again once it is
                // delivered.
                self.gap = i64::try_from(missing.len()).unwrap_or(i64::MAX) >= GAP_EVENTS;
                self.read = missing.into_iter().map(Arc::new).collect();
            }
        }
        Ok(())
    }
}

/// The number after which a feed that was opened at `opened_at` delivers. The newest
/// number alone would skip what was stored between the opening and this read.
async fn begin_at(tx: &mut ReadTx, user: UserId, opened_at: Timestamp) -> Result<i64, StoreError> {
    // In this order: what is stored between the two reads is found by the second.
    let newest = events::last_seq(tx, user).await?;
    let since = events::first_since(tx, user, opened_at).await?;
    Ok(since.map_or(newest, |seq| newest.min(seq - 1)))
}

/// Reads what comes after `last`. A failure takes a moment, so that a store
/// which cannot be read is not asked without pause.
async fn look_up(
    store: Store,
    user: UserId,
    last: Option<i64>,
    opened_at: Timestamp,
) -> Result<Found, StoreError> {
    let read = async {
        let mut tx = store.read().await?;
        match last {
            None => begin_at(&mut tx, user, opened_at)
                .await
                .map(Found::Beginning),
            Some(last) => events::read_after(&mut tx, user, last, GAP_EVENTS)
                .await
                .map(Found::Missing),
        }
    };
    let found = read.await;
    if found.is_err() {
        tokio::time::sleep_until(Instant::now() + READ_PAUSE).await;
    }
    found
}

#[cfg(test)]
mod tests;
