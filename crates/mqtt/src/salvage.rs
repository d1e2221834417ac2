//! Cries for help among what a connection's end leaves undecoded.
//!
//! A connection may end while bytes of it have arrived that nobody has looked
//! at: its queue was full, it was taken over, it sent what it must not, the
//! server stops. On 3.1.1 a sample that cannot be stored ends it too. What the
//! client sent after that is lost to it, and it may send the same again, in the
//! same order: an SOS behind enough samples would never be reached. So, as long
//! as the identity is still let in ([`is_heard`]), what has arrived and, where
//! the end lingers, still arrives is looked through, and only cries for help are
//! taken. They are not acknowledged; a repetition is recognised. Packets that are
//! too large are thrown away, as far as what is read at the end reaches.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use mayday_app::App;
use mayday_app::presence::CutReason;
use mayday_core::identity::Caller;
use mayday_core::topic::PublishTopic;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::codec::frame::{Framer, Step};
use crate::codec::packet::{self, Packet};
use crate::codec::publish::Publish;
use crate::codec::{Fault, Version};
use crate::connection::{End, identity};
use crate::handle::publish::{Answer, store_cry};
use crate::settings::QUEUE_PACKETS;

/// What listens on after a connection's end.
pub(crate) struct Salvage {
    pub(crate) app: Arc<App>,
    pub(crate) caller: Arc<Caller>,
    pub(crate) alias_shadowed: bool,
    pub(crate) version: Version,
    pub(crate) framer: Framer,
    /// Cries that were taken and are being stored.
    pub(crate) taken: Vec<oneshot::Receiver<Answer>>,
    /// How long they are waited for.
    pub(crate) limit: Duration,
    /// Nothing more can be read.
    pub(crate) deaf: bool,
}

/// Whether cries are looked for after this end: not after the client's own
/// goodbye, and not of somebody who is no longer let in.
pub(crate) fn is_heard(end: End) -> bool {
    match end {
        End::Disconnected => false,
        End::Lost(_)
        | End::KeepAlive
        | End::Fault(_)
        | End::Refused
        | End::FeedLost(_)
        | End::ShutDown => true,
        End::Cut(reason) => match reason {
            CutReason::TakenOver
            | CutReason::TooManyOfIdentity
            | CutReason::FullHouse
            | CutReason::UserErased => true,
            CutReason::UserBlocked
            | CutReason::AppInactive
            | CutReason::SecretRetired
            | CutReason::PolicyChanged
            | CutReason::ProofExpired => false,
            // One that was overtaken still calls for help.
            CutReason::SessionEnded(reason) => reason.calls_for_help(),
        },
    }
}

impl Salvage {
    /// Takes the whole packets out of `inbox` and starts storing the cries
    /// among them. `false` when nothing more can be read.
    pub(crate) fn hear(&mut self, inbox: &mut BytesMut) -> bool {
        while !self.deaf {
            match self.next(inbox) {
                Ok(Some(Packet::Publish(publish))) => self.take(publish),
                // Too large: the framer throws it away, and what follows is heard.
                Err(_) if self.framer.is_skipping() => {}
                Ok(Some(Packet::Disconnect)) | Err(_) => self.deaf = true,
                Ok(Some(_)) => {}
                Ok(None) => return true,
            }
        }
        false
    }

    /// Waits until the cries are stored, lest the server ends before: nobody is
    /// told what became of them.
    pub(crate) async fn stored(self) {
        let all = async {
            for cry in self.taken {
                // One that failed was logged where it failed.
                let _ = cry.await;
            }
        };
        let _ = timeout(self.limit, all).await;
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
            tracing::info!(
                app.id = %self.caller.app_id,
                user.id = %self.caller.user,
                "an SOS was found in what the end of its connection had left unread"
            );
            let stored = store_cry(&self.app, &self.caller, publish);
            self.taken.push(stored);
            self.deaf = self.taken.len() >= QUEUE_PACKETS;
        }
    }
}

#[cfg(test)]
mod tests {
    use mayday_core::sso::EndReason;

    use super::*;
    use crate::reason::Reason;

    #[test]
    fn every_end_is_heard_but_a_goodbye_and_one_without_the_right_to_cry() {
        let fault = Fault {
            reason: Reason::RECEIVE_MAXIMUM,
            what: "too many",
        };
        for end in [
            End::Lost("closed"),
            End::KeepAlive,
            End::Fault(fault),
            End::Refused,
            End::FeedLost("feed_overflow"),
            End::ShutDown,
        ] {
            assert!(is_heard(end), "{end:?}");
        }
        assert!(!is_heard(End::Disconnected));
        // Whoever was let in until the end is heard, and who is erased, too.
        let heard = [
            CutReason::TakenOver,
            CutReason::TooManyOfIdentity,
            CutReason::FullHouse,
            CutReason::UserErased,
            CutReason::SessionEnded(EndReason::Evicted),
            CutReason::SessionEnded(EndReason::Expired),
        ];
        for reason in CutReason::ALL {
            assert_eq!(
                is_heard(End::Cut(reason)),
                heard.contains(&reason),
                "{reason:?}"
            );
        }
    }
}
