//! UNSUBSCRIBE.

use crate::codec::encode;
use crate::codec::packet::Unsubscribe;
use crate::connection::Connection;
use crate::reason::Reason;
use crate::transport::Transport;

impl<T: Transport> Connection<T> {
    pub(crate) fn on_unsubscribe(&mut self, packet: &Unsubscribe) {
        self.timers.chatted();
        let mut codes = Vec::with_capacity(packet.filters.len());
        for filter in &packet.filters {
            let reason = if self.subscriptions.remove(filter) {
                Reason::SUCCESS
            } else {
                Reason::NO_SUBSCRIPTION_EXISTED
            };
            codes.push(reason.0);
        }
        if self.subscriptions.is_empty() {
            self.feed.close();
        }
        encode::unsuback(self.version, packet.id, &codes, &mut self.wire.outbox);
        self.app.metrics().mqtt_packets_out(1);
    }
}
