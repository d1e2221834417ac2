//! PINGREQ: answered at once, whatever waits.

use crate::codec::encode;
use crate::connection::Connection;
use crate::transport::Transport;

impl<T: Transport> Connection<T> {
    pub(crate) fn on_pingreq(&mut self) {
        encode::pingresp(&mut self.wire.outbox);
        self.app.metrics().mqtt_packets_out(1);
        self.timers.chatted();
        self.refresh_standing();
        self.note_use();
    }
}
