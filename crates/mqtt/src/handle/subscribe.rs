//! SUBSCRIBE: the own events, in either form; anything else is refused and the
//! connection stays open.

use std::sync::Arc;

use mayday_core::topic::EventFilter;

use crate::codec::packet::Subscribe;
use crate::codec::publish::Qos;
use crate::codec::{Version, encode};
use crate::connection::{Connection, identity};
use crate::reason::{Reason, v311};
use crate::subscriptions::Subscription;
use crate::transport::Transport;

impl<T: Transport> Connection<T> {
    pub(crate) fn on_subscribe(&mut self, packet: &Subscribe) {
        self.timers.chatted();
        let mut codes = Vec::with_capacity(packet.filters.len());
        // Each once, and so no more than may be subscribed.
        let mut granted: Vec<Box<str>> = Vec::new();
        for (filter, wanted) in &packet.filters {
            let reason = if packet.has_subscription_id {
                Err(Reason::SUBSCRIPTION_IDS_UNSUPPORTED)
            } else {
                self.grant(filter, *wanted)
            };
            codes.push(match (reason, self.version) {
                (Ok(qos), _) => {
                    if !granted.iter().any(|topic| **topic == **filter) {
                        granted.push(filter.as_str().into());
                    }
                    qos
                }
                (Err(reason), Version::V5) => reason.0,
                (Err(_), Version::V311) => v311::SUBSCRIBE_FAILED,
            });
        }
        encode::suback(self.version, packet.id, &codes, &mut self.wire.outbox);
        self.app.metrics().mqtt_packets_out(1);
        if !granted.is_empty() {
            self.membership.touch();
            let (app, caller) = (&self.app, &self.caller);
            self.feed.subscribed(granted, &self.subscriptions, || {
                Arc::clone(app).open_feed(caller)
            });
        }
    }

    /// Subscribes, and returns the granted QoS: events are sent with QoS 1 at
    /// most.
    fn grant(&mut self, filter: &str, wanted: Qos) -> Result<u8, Reason> {
        let form = match identity(&self.caller, self.alias_shadowed).filter(filter) {
            EventFilter::Own(form) => form,
            EventFilter::Wildcard => return Err(Reason::WILDCARD_UNSUPPORTED),
            EventFilter::Shared => return Err(Reason::SHARED_UNSUPPORTED),
            EventFilter::Foreign => return Err(Reason::NOT_AUTHORIZED),
        };
        let subscription = Subscription {
            topic: filter.into(),
            form,
            at_most_once: wanted == Qos::Zero,
        };
        if !self.subscriptions.add(subscription) {
            return Err(Reason::QUOTA);
        }
        Ok(u8::from(wanted > Qos::Zero))
    }
}
