//! Fan-out of numbered events to the connections of this node.

use std::sync::Arc;

use mayday_core::event::UserEvent;
use mayday_core::identity::Caller;
use mayday_core::ids::UserId;
use mayday_store::Store;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::error::AppError;

/// Why a feed ended. The connection must go; the client comes back and reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FeedLost {
    /// The connection was too slow for its events; none was dropped silently.
    #[error("too slow for its events")]
    Overflow,
    /// The server is going down.
    #[error("the server is going down")]
    Closed,
}

/// The feeds of this node, by user.
pub(crate) struct FeedHub {
    store: Store,
}

impl FeedHub {
    pub(crate) fn start(store: Store, shutdown: CancellationToken) -> Arc<Self> {
        let _ = shutdown;
        Arc::new(Self { store })
    }
}

/// The events of one user, for one connection.
pub struct EventFeed {
    hub: Arc<FeedHub>,
    user: UserId,
}

impl App {
    /// Registers for the caller's events from now on.
    pub fn open_feed(self: &Arc<Self>, caller: &Caller) -> EventFeed {
        EventFeed {
            hub: Arc::clone(&self.feed),
            user: caller.user,
        }
    }
}

impl EventFeed {
    /// What a new subscription is sent again: the open incident's latest event,
    /// or a terminal one younger than 5 minutes (contract: MQTT, "nothing is
    /// missed"). Call it after registering, once for each subscription.
    pub async fn replay(&mut self) -> Result<Option<Arc<UserEvent>>, AppError> {
        let mut tx = self.hub.store.read().await?;
        let event = mayday_store::events::latest_for_replay(&mut tx, self.user).await?;
        Ok(event.map(Arc::new))
    }

    /// The next event: in order, without gaps or repeats, but for those that a
    /// redelivered trigger publishes again. Cancel-safe.
    pub async fn next(&mut self) -> Result<Arc<UserEvent>, FeedLost> {
        std::future::pending().await
    }
}
