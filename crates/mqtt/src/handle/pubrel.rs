//! PUBREL: the client knows that its publish of QoS 2 is stored, and may use
//! the packet id for another.

use std::num::NonZeroU16;

use crate::codec::encode::{self, AckKind};
use crate::connection::Connection;
use crate::reason::Reason;
use crate::transport::Transport;

impl<T: Transport> Connection<T> {
    pub(crate) fn on_pubrel(&mut self, id: NonZeroU16) {
        let reason = if self.qos2.remove(&id) {
            self.unanswered = self.unanswered.saturating_sub(1);
            Reason::SUCCESS
        } else {
            self.timers.chatted();
            Reason::PACKET_ID_NOT_FOUND
        };
        encode::ack(
            self.version,
            AckKind::Complete,
            id,
            reason,
            &mut self.wire.outbox,
        );
        self.app.metrics().mqtt_packets_out(1);
    }
}
