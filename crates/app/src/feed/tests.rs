//! A feed against the store: nothing missed, nothing twice, always in order.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use mayday_core::clock::Clock as _;
use mayday_core::event::{EventType, UserEvent};
use mayday_core::ids::{IncidentId, UserId};
use mayday_store::events::{self, NewEvent};
use mayday_store::testing::TestStore;
use mayday_store::{Command, Hint, Lane, StoreError, Tx};
use proptest::prelude::*;
use serde_json::Map;
use tokio_util::sync::CancellationToken;

use super::mailbox::MAILBOX_EVENTS;
use super::{EventFeed, FeedHub, FeedLost};

/// No test waits longer for anything.
const LIMIT: Duration = Duration::from_mins(1);

/// Stores an event, as a use case does.
struct Append {
    user: UserId,
    incident: IncidentId,
    kind: EventType,
}

impl Command for Append {
    type Output = Arc<UserEvent>;
    const NAME: &'static str = "test.append";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Self::Output, StoreError> {
        let new = NewEvent {
            incident: self.incident,
            kind: self.kind,
            snapshot_version: 1,
            body: Map::new(),
            by: None,
        };
        events::append(tx, self.user, new).await
    }
}

struct World {
    store: TestStore,
    user: UserId,
    incident: IncidentId,
}

impl World {
    async fn new() -> Self {
        let store = TestStore::sqlite().await;
        let app = store.app("acme").await;
        let user = store.user(&app, "ana").await;
        let incident = IncidentId::generate(store.clock.as_ref(), store.entropy.as_ref());
        Self {
            store,
            user,
            incident,
        }
    }

    async fn append(&self, kind: EventType) -> Arc<UserEvent> {
        let append = Append {
            user: self.user,
            incident: self.incident,
            kind,
        };
        self.store.write(Lane::Sos, append).await.unwrap()
    }

    fn open(&self, hub: &Arc<FeedHub>) -> EventFeed {
        hub.open(self.user, self.store.clock.now())
    }

    /// A hub that hears of commits only what a test tells it.
    fn deaf_hub(&self) -> Arc<FeedHub> {
        Arc::new(FeedHub::new(self.store.store()))
    }
}

/// All events that come without waiting for more than the store.
async fn drain(feed: &mut EventFeed) -> Vec<i64> {
    let mut seqs = Vec::new();
    loop {
        if let Some(event) = feed.step().unwrap() {
            seqs.push(event.seq);
        } else if feed.gap || feed.last.is_none() {
            feed.catch_up().await.unwrap();
        } else {
            return seqs;
        }
    }
}

#[tokio::test]
async fn a_committed_event_arrives_without_a_reread() {
    let world = World::new().await;
    // Already cancelled: the hub hears of commits, but asks nothing by itself.
    let shutdown = CancellationToken::new();
    shutdown.cancel();
    let hub = FeedHub::start(&world.store, shutdown);
    let mut feed = world.open(&hub);
    assert!(feed.replay().await.unwrap().is_none());
    let stored = world.append(EventType::Processed).await;
    let event = tokio::time::timeout(LIMIT, feed.next()).await;
    assert_eq!(event.unwrap().unwrap(), stored);
}

#[tokio::test]
async fn an_event_that_nobody_told_of_is_found_by_the_regular_question() {
    let world = World::new().await;
    let hub = world.deaf_hub();
    let mut feed = world.open(&hub);
    feed.replay().await.unwrap();
    world.append(EventType::Processed).await;
    world.append(EventType::Cancelled).await;
    assert_eq!(drain(&mut feed).await, Vec::<i64>::new());
    hub.reread().await.unwrap();
    hub.reread().await.unwrap();
    assert_eq!(drain(&mut feed).await, [1, 2]);
}

#[tokio::test]
async fn a_new_subscription_gets_the_open_incidents_event_again_and_no_old_one() {
    let world = World::new().await;
    let first = world.append(EventType::Processed).await;
    let hub = world.deaf_hub();
    let mut feed = world.open(&hub);
    let again = feed.replay().await.unwrap().unwrap();
    assert_eq!(again.event_id, first.event_id);
    assert_eq!(drain(&mut feed).await, Vec::<i64>::new());

    world.append(EventType::Cancelled).await;
    world.store.clock.advance(Duration::from_secs(299));
    let ended = world.open(&hub).replay().await.unwrap().unwrap();
    assert_eq!(ended.kind, EventType::Cancelled);
    world.store.clock.advance(Duration::from_secs(2));
    assert!(world.open(&hub).replay().await.unwrap().is_none());
}

#[tokio::test]
async fn a_second_subscription_is_not_sent_what_is_still_to_come() {
    let world = World::new().await;
    let hub = world.deaf_hub();
    let mut feed = world.open(&hub);
    feed.replay().await.unwrap();
    let event = world.append(EventType::Processed).await;
    hub.announce(&[Hint::Event(event)]);
    assert!(feed.replay().await.unwrap().is_none());
    assert_eq!(drain(&mut feed).await, [1]);
    assert!(feed.replay().await.unwrap().is_some());
}

#[tokio::test]
async fn what_is_stored_before_the_first_read_is_no_old_event() {
    let world = World::new().await;
    let old = world.append(EventType::Processed).await;
    for told in [true, false] {
        let hub = world.deaf_hub();
        let mut feed = world.open(&hub);
        if !told {
            // Found by its time alone.
            world.store.clock.advance(Duration::from_micros(1));
        }
        let first = world.append(EventType::Processed).await;
        let second = world.append(EventType::Processed).await;
        let expected = [first.seq, second.seq];
        if told {
            hub.announce(&[Hint::Event(first)]);
        }
        // The newest event is still to come by itself, and is not sent twice.
        assert!(feed.replay().await.unwrap().is_none());
        hub.reread().await.unwrap();
        assert_eq!(drain(&mut feed).await, expected, "{told}");
        world.store.clock.advance(Duration::from_micros(1));
    }
    assert_eq!(old.seq, 1);
}

#[tokio::test]
async fn a_feed_without_a_replay_skips_nothing_either() {
    let world = World::new().await;
    let hub = world.deaf_hub();
    let mut feed = world.open(&hub);
    world.store.clock.advance(Duration::from_micros(1));
    world.append(EventType::Processed).await;
    assert_eq!(drain(&mut feed).await, Vec::<i64>::new());
    hub.reread().await.unwrap();
    assert_eq!(drain(&mut feed).await, [1]);
}

#[tokio::test]
async fn a_redelivered_trigger_publishes_an_old_event_once_more() {
    let world = World::new().await;
    let hub = world.deaf_hub();
    let mut feed = world.open(&hub);
    feed.replay().await.unwrap();
    let event = world.append(EventType::Cancelled).await;
    hub.announce(&[Hint::Event(Arc::clone(&event))]);
    hub.announce(&[Hint::Event(Arc::clone(&event))]);
    hub.announce(&[Hint::Replay(Arc::clone(&event))]);
    assert_eq!(drain(&mut feed).await, [1, 1]);
}

#[tokio::test]
async fn a_redelivery_never_says_processed_after_the_end() {
    let world = World::new().await;
    let hub = world.deaf_hub();
    let mut feed = world.open(&hub);
    feed.replay().await.unwrap();
    let processed = world.append(EventType::Processed).await;
    let cancelled = world.append(EventType::Cancelled).await;
    hub.announce(&[Hint::Event(Arc::clone(&processed))]);
    hub.announce(&[Hint::Event(cancelled)]);
    // Read before the end was committed, told after it.
    hub.announce(&[Hint::Replay(processed)]);
    assert_eq!(drain(&mut feed).await, [1, 2]);
}

#[tokio::test]
async fn too_slow_a_connection_is_lost_and_never_misses_silently() {
    let world = World::new().await;
    let hub = world.deaf_hub();
    let mut feed = world.open(&hub);
    feed.replay().await.unwrap();
    let event = world.append(EventType::Processed).await;
    for _ in 0..=MAILBOX_EVENTS {
        hub.announce(&[Hint::Event(Arc::clone(&event))]);
    }
    assert_eq!(feed.next().await, Err(FeedLost::Overflow));
    drop(feed);
    assert!(hub.lock().is_empty());
}

#[tokio::test]
async fn next_can_be_given_up_at_any_point() {
    let world = World::new().await;
    let hub = world.deaf_hub();
    let mut feed = world.open(&hub);
    feed.replay().await.unwrap();
    world.append(EventType::Processed).await;
    let second = world.append(EventType::Cancelled).await;
    hub.announce(&[Hint::Event(second)]);
    // Each call is given up after one look; the read goes on all the same.
    let mut seen = Vec::new();
    let looks = async {
        while seen.len() < 2 {
            if let Poll::Ready(event) = futures_util::poll!(Box::pin(feed.next())) {
                seen.push(event.unwrap().seq);
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LIMIT, looks)
        .await
        .expect("a read that is given up again and again ends");
    assert_eq!(seen, [1, 2]);
}

/// What happens to one event on its way from the store to the hub.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Told,
    ToldTwice,
    Lost,
    Late,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Hints may be lost, doubled and late: the feed is complete and in order.
    #[test]
    fn every_feed_is_complete_and_in_order(
        before in 0_usize..4,
        steps in proptest::collection::vec(
            (
                prop_oneof![Just(Fate::Told), Just(Fate::ToldTwice), Just(Fate::Lost), Just(Fate::Late)],
                any::<bool>(),
                any::<bool>(),
            ),
            1..12,
        ),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (delivered, total) = runtime.block_on(async {
            let world = World::new().await;
            for _ in 0..before {
                world.append(EventType::Processed).await;
            }
            let hub = world.deaf_hub();
            let mut feed = world.open(&hub);
            feed.replay().await.unwrap();
            let mut delivered = Vec::new();
            let mut late = Vec::new();
            for (fate, read_now, reread_now) in &steps {
                let hint = Hint::Event(world.append(EventType::Processed).await);
                match fate {
                    Fate::Told => hub.announce(&[hint]),
                    Fate::ToldTwice => hub.announce(&[hint.clone(), hint]),
                    Fate::Lost => {}
                    Fate::Late => late.push(hint),
                }
                if *reread_now {
                    hub.reread().await.unwrap();
                    late.reverse();
                    hub.announce(&late);
                    late.clear();
                }
                if *read_now {
                    delivered.extend(drain(&mut feed).await);
                }
            }
            hub.announce(&late);
            hub.reread().await.unwrap();
            delivered.extend(drain(&mut feed).await);
            world.store.close().await;
            (delivered, before + steps.len())
        });
        let first = i64::try_from(before).unwrap() + 1;
        let last = i64::try_from(total).unwrap();
        prop_assert_eq!(delivered, (first..=last).collect::<Vec<_>>());
    }
}
