//! The events of the connection's user, as long as it is subscribed.
//!
//! A subscription is first sent again what the user must know now; meanwhile
//! new events queue in the feed behind it.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use mayday_app::{AppError, EventFeed, FeedLost};
use mayday_core::event::UserEvent;

/// Why a client that does not keep up is disconnected.
pub(crate) const OVERFLOW: &str = "feed_overflow";

/// The events of the connection's user.
#[derive(Default)]
pub(crate) struct Feed {
    state: State,
    /// Topics that were subscribed while an earlier replay was under way.
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

    /// Replays for topics that were just subscribed, and stays open.
    pub(crate) fn subscribed(&mut self, topics: Vec<Box<str>>, open: impl FnOnce() -> EventFeed) {
        match std::mem::take(&mut self.state) {
            State::Closed => self.state = replay(Box::new(open()), topics),
            State::Live(feed) => self.state = replay(feed, topics),
            under_way => {
                self.state = under_way;
                self.wanting.extend(topics);
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
