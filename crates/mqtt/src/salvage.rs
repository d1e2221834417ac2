//! Cries for help behind a publish that only the end of the connection can
//! refuse.
//!
//! On 3.1.1 a sample that cannot be stored ends the connection. What the
//! client sent after it is lost to it, and it will send the same again, in the
//! same order: an SOS behind enough samples would never be reached. So what
//! has arrived and still arrives is looked through, and only cries for help are
//! taken. They are not acknowledged; a repetition is recognised.

use std::sync::Arc;

use bytes::BytesMut;
use mayday_app::App;
use mayday_core::identity::Caller;
use mayday_core::topic::PublishTopic;

use crate::codec::frame::{Framer, Step};
use crate::codec::packet::{self, Packet};
use crate::codec::publish::Publish;
use crate::codec::{Fault, Version};
use crate::connection::identity;
use crate::handle::publish::store_cry;
use crate::settings::QUEUE_PACKETS;

/// What listens on after a refusal.
pub(crate) struct Salvage {
    pub(crate) app: Arc<App>,
    pub(crate) caller: Caller,
    pub(crate) alias_shadowed: bool,
    pub(crate) version: Version,
    pub(crate) framer: Framer,
    /// Cries that were taken.
    pub(crate) taken: usize,
}

impl Salvage {
    /// Takes the whole packets out of `inbox` and starts storing the cries
    /// among them. `false` when nothing more can be read.
    pub(crate) fn hear(&mut self, inbox: &mut BytesMut) -> bool {
        while self.taken < QUEUE_PACKETS {
            match self.next(inbox) {
                Ok(Some(Packet::Publish(publish))) => self.take(publish),
                Ok(Some(Packet::Disconnect)) | Err(_) => return false,
                Ok(Some(_)) => {}
                Ok(None) => return true,
            }
        }
        false
    }

    /// The next packet that has arrived whole.
    fn next(&mut self, inbox: &mut BytesMut) -> Result<Option<Packet>, Fault> {
        let identity = identity(&self.caller, self.alias_shadowed);
        let is_sos = |topic: &str| matches!(identity.publish(topic), Some(PublishTopic::Sos(_)));
        Ok(match self.framer.next(inbox, is_sos)? {
            Step::More(_) => None,
            Step::Oversized(publish) => Some(Packet::Publish(publish)),
            Step::Frame(frame) => Some(packet::decode(self.version, frame)?),
        })
    }

    fn take(&mut self, publish: Publish) {
        let topic = identity(&self.caller, self.alias_shadowed).publish(&publish.topic);
        if matches!(topic, Some(PublishTopic::Sos(_))) {
            self.taken += 1;
            // Nobody waits for the answer.
            drop(store_cry(&self.app, &self.caller, publish));
        }
    }
}
