//! The end of a connection: DISCONNECT, and the will of one that was lost.

use crate::connection::{Connection, End, submit};
use crate::transport::Transport;

impl<T: Transport> Connection<T> {
    /// A client that says goodbye, in whatever words, leaves no will: wills
    /// are for the network's losses (contract: MQTT).
    pub(crate) fn on_disconnect(&mut self) -> End {
        self.will = None;
        End::Disconnected
    }

    /// Stores the last sample of a client that the network lost.
    pub(crate) fn leave_will(&mut self, end: End) {
        let lost = matches!(end, End::Lost(_) | End::KeepAlive);
        let Some(body) = self.will.take().filter(|_| lost) else {
            return;
        };
        let mut ticket = submit(&self.app, &self.caller, body);
        let user = self.caller.user;
        // Nobody waits for an answer, but a failure should be seen.
        tokio::spawn(async move {
            if let Err(error) = ticket.stored().await {
                tracing::warn!(user.id = %user, error = %error, "a will was not stored");
            }
        });
    }
}
