//! The events of the connection's user, as long as it is subscribed.
//!
//! A subscription is first sent again what the user must know now; meanwhile
//! new events queue in the feed behind it.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use mayday_app::{AppError, EventFeed, FeedLost};
use mayday_core::event::UserEvent;

use crate::subscriptions::Subscriptions;

/// Why a client that does not keep up is disconnected.
pub(crate) const OVERFLOW: &str = "feed_overflow";

/// The events of the connection's user.
#[derive(Default)]
pub(crate) struct Feed {
    state: State,
    /// Topics that were subscribed while an earlier replay was under way, each
    /// once: no more than are subscribed.
    wanting: Vec<Box<str>>,
}

type Again = Result<Option<Arc<UserEvent>>, AppError>;
type Replay = BoxFuture<'static, (Box<EventFeed>, Again)>;

#[derive(Default)]
enum State {
    #[default]
    Closed,
    Live(Box<EventFeed>),
    Replaying {
        replay: Replay,
        topics: Vec<Box<str>>,
    },
    Replayed {
        feed: Box<EventFeed>,
        again: Again,
        topics: Vec<Box<str>>,
    },
}

/// What the feed brings.
#[derive(Debug)]
pub(crate) enum News {
    /// A new event, for every subscribed topic.
    Event(Arc<UserEvent>),
    /// What a new subscription is sent again, for these topics only.
    Again(Option<Arc<UserEvent>>, Vec<Box<str>>),
    /// The client did not keep up, or the store cannot be read: the connection
    /// ends, so that nothing is missed in silence.
    Lost(&'static str),
}

impl Feed {
    pub(crate) fn is_open(&self) -> bool {
        !matches!(self.state, State::Closed)
    }

    /// Replays for topics that were just subscribed, each of them named once, and
    /// stays open. `subscriptions` are all that there are now.
    pub(crate) fn subscribed(
        &mut self,
        topics: Vec<Box<str>>,
        subscriptions: &Subscriptions,
        open: impl FnOnce() -> EventFeed,
    ) {
        match std::mem::take(&mut self.state) {
            State::Closed => self.state = replay(Box::new(open()), topics),
            State::Live(feed) => self.state = replay(feed, topics),
            under_way => {
                self.state = under_way;
                self.want(topics, subscriptions);
            }
        }
    }

    /// Has topics replayed after the replay that is under way. That may take as
    /// long as the client reads nothing, and it may go on subscribing meanwhile.
    fn want(&mut self, topics: Vec<Box<str>>, subscriptions: &Subscriptions) {
        self.wanting
            .retain(|topic| subscriptions.iter().any(|known| known.topic == *topic));
        for topic in topics {
            if !self.wanting.contains(&topic) {
                self.wanting.push(topic);
            }
        }
    }

    /// Nothing is subscribed any more.
    pub(crate) fn close(&mut self) {
        *self = Self::default();
    }

    /// Waits for what comes next; cancel-safe. Never ready while closed.
    pub(crate) async fn next(&mut self) -> News {
        self.replayed().await;
        if let State::Live(feed) = &mut self.state {
            return match feed.next().await {
                Ok(event) => News::Event(event),
                Err(FeedLost::Overflow) => News::Lost(OVERFLOW),
            };
        }
        match std::mem::take(&mut self.state) {
            State::Replayed {
                feed,
                again,
                topics,
            } => {
                self.state = if self.wanting.is_empty() {
                    State::Live(feed)
                } else {
                    replay(feed, std::mem::take(&mut self.wanting))
                };
                match again {
                    Ok(event) => News::Again(event, topics),
                    Err(error) => {
                        tracing::warn!(%error, "events could not be read again");
                        News::Lost("replay_failed")
                    }
                }
            }
            other => {
                self.state = other;
                std::future::pending().await
            }
        }
    }

    /// While the client takes nothing: waits until more events wait for it than
    /// may. Cancel-safe.
    pub(crate) async fn overflow(&mut self) -> News {
        self.replayed().await;
        match &mut self.state {
            State::Live(feed) | State::Replayed { feed, .. } => {
                let FeedLost::Overflow = feed.overflowed().await;
                News::Lost(OVERFLOW)
            }
            State::Closed | State::Replaying { .. } => std::future::pending().await,
        }
    }

    /// Waits for the end of a replay that is under way.
    async fn replayed(&mut self) {
        let State::Replaying { replay, .. } = &mut self.state else {
            return;
        };
        let (feed, again) = replay.await;
        if let State::Replaying { topics, .. } = std::mem::take(&mut self.state) {
            self.state = State::Replayed {
                feed,
                again,
                topics,
            };
        }
    }
}

fn replay(mut feed: Box<EventFeed>, topics: Vec<Box<str>>) -> State {
    let replay = async move {
        let again = feed.replay().await;
        (feed, again)
    };
    State::Replaying {
        replay: replay.boxed(),
        topics,
    }
}

#[cfg(test)]
mod tests {
    use mayday_app::testing::TestApp;
    use mayday_core::topic::TopicForm;

    use super::*;
    use crate::settings::MAX_SUBSCRIPTIONS;
    use crate::subscriptions::Subscription;

    fn subscription(topic: &str) -> Subscription {
        Subscription {
            topic: topic.into(),
            form: TopicForm::Alias,
            at_most_once: false,
        }
    }

    #[tokio::test]
    async fn what_waits_for_a_replay_is_no_more_than_what_is_subscribed() {
        let node = TestApp::sqlite().await;
        let caller = node.caller("ana").await;
        let mut subscriptions = Subscriptions::default();
        let mut feed = Feed::default();
        subscriptions.add(subscription("first"));
        feed.subscribed(vec!["first".into()], &subscriptions, || {
            node.app.open_feed(&caller)
        });
        // Nothing is taken from the feed: everything else waits.
        for round in 0..100 {
            let topics: Vec<Box<str>> = (0..MAX_SUBSCRIPTIONS)
                .map(|number| format!("{}", (round + number) % 40).into())
                .collect();
            let old: Vec<_> = subscriptions.iter().map(|one| one.topic.clone()).collect();
            for topic in old {
                subscriptions.remove(&topic);
            }
            for topic in &topics {
                assert!(subscriptions.add(subscription(topic)));
            }
            for _ in 0..3 {
                feed.subscribed(topics.clone(), &subscriptions, || unreachable!());
                assert_eq!(feed.wanting.len(), MAX_SUBSCRIPTIONS);
                assert!(topics.iter().all(|topic| feed.wanting.contains(topic)));
            }
        }
        let first = feed.next().await;
        let second = feed.next().await;
        assert!(matches!(first, News::Again(None, topics) if *topics == ["first".into()]));
        assert!(matches!(second, News::Again(None, topics) if topics.len() == MAX_SUBSCRIPTIONS));
        assert!(feed.wanting.is_empty());
    }
}
