//! PUBACK: an event arrived.

use std::num::NonZeroU16;

use crate::connection::Connection;
use crate::transport::Transport;

impl<T: Transport> Connection<T> {
    pub(crate) fn on_puback(&mut self, id: NonZeroU16) {
        if !self.outbound.acknowledged(id) {
            self.timers.chatted();
        }
    }
}
