//! What one connection is subscribed to.

use mayday_core::topic::TopicForm;

use crate::settings::MAX_SUBSCRIPTIONS;

/// One subscribed topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subscription {
    /// The exact text that was subscribed; events go out on it.
    pub(crate) topic: Box<str>,
    /// How it names the user.
    pub(crate) form: TopicForm,
    /// QoS 0 was asked for.
    pub(crate) at_most_once: bool,
}

/// What one connection is subscribed to.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    topics: Vec<Subscription>,
}

impl Subscriptions {
    /// Adds or replaces; `false` when there are too many.
    pub(crate) fn add(&mut self, subscription: Subscription) -> bool {
        if let Some(known) = self
            .topics
            .iter_mut()
            .find(|known| known.topic == subscription.topic)
        {
            *known = subscription;
            return true;
        }
        if self.topics.len() >= MAX_SUBSCRIPTIONS {
            return false;
        }
        // Few have more than two, and many live long.
        self.topics.reserve_exact(1);
        self.topics.push(subscription);
        true
    }

    /// Removes; `false` when it was not there.
    pub(crate) fn remove(&mut self, topic: &str) -> bool {
        let before = self.topics.len();
        self.topics.retain(|known| *known.topic != *topic);
        self.topics.len() < before
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.topics.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Subscription> {
        self.topics.iter()
    }
}
