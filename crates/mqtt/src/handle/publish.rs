//! PUBLISH: cries for help and telemetry.
//!
//! The work begins here; the answer is given in PUBLISH order, when the queue
//! says so. What each outcome is answered with stands in [`crate::reason`].

use std::sync::Arc;

use mayday_app::{App, AppError, SosTrigger, TelemetryReceipt};
use mayday_core::identity::{Caller, Standing};
use mayday_core::topic::PublishTopic;
use mayday_core::transport::Transport as Via;
use tokio::sync::oneshot;

use crate::codec::encode::{self, AckKind};
use crate::codec::publish::{Publish, Qos};
use crate::codec::{Fault, Version};
use crate::connection::{Connection, End, identity, submit};
use crate::queue::{Ticketed, Work};
use crate::reason::{Reason, publish_failure};
use crate::settings::QOS2_IDS;
use crate::transport::Transport;

/// What became of a publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It is durable.
    Stored,
    /// It is durable as a dead letter.
    Malformed,
    /// It is not stored.
    Failed(Reason),
}

impl<T: Transport> Connection<T> {
    pub(crate) fn on_publish(&mut self, publish: Publish) -> Result<(), End> {
        self.refresh_standing();
        if self.caller.idle.is_some() {
            // Whoever publishes all the time never pings.
            self.note_use();
        }
        let topic = identity(&self.caller, self.alias_shadowed).publish(&publish.topic);
        if !self.takes_id(&publish, topic)? {
            return Ok(());
        }
        self.membership.touch();
        let ticketed = Ticketed {
            qos: publish.qos,
            id: publish.id,
        };
        let bytes = publish.payload.len();
        let work = match topic {
            Some(PublishTopic::Sos(_)) => self.cry(publish),
            Some(PublishTopic::Telemetry(_)) => Work::Telemetry(publish.payload),
            None => {
                tracing::debug!(user.id = %self.caller.user, "a publish on a foreign topic");
                Work::Answered(Answer::Failed(Reason::NOT_AUTHORIZED))
            }
        };
        let (app, caller) = (&self.app, &self.caller);
        self.queue
            .push(ticketed, bytes, work, &|body| submit(app, caller, body));
        Ok(())
    }

    /// Accounts for the packet id. `false` when the packet repeats one of QoS 2
    /// that was taken already. A cry for help is taken beyond the receive
    /// maximum too.
    fn takes_id(&mut self, publish: &Publish, topic: Option<PublishTopic>) -> Result<bool, End> {
        let Some(id) = publish.id else {
            return Ok(true);
        };
        if publish.qos == Qos::Two && self.qos2.contains(&id) {
            if !self.queue.holds_qos2(id) {
                self.acknowledge(AckKind::Received, id, Reason::SUCCESS);
            }
            return Ok(false);
        }
        if !matches!(topic, Some(PublishTopic::Sos(_))) {
            let full = match self.version {
                Version::V5 => self.unanswered >= usize::from(self.settings.receive_maximum),
                Version::V311 => self.qos2.len() >= QOS2_IDS,
            };
            if full {
                return Err(End::Fault(Fault {
                    reason: Reason::RECEIVE_MAXIMUM,
                    what: "more publishes than may be unanswered",
                }));
            }
        }
        self.unanswered += 1;
        if publish.qos == Qos::Two {
            self.qos2.insert(id);
        }
        Ok(true)
    }

    /// Starts storing a cry for help, in a task of its own: neither the queue
    /// ahead of it nor the end of this connection touches it.
    fn cry(&mut self, publish: Publish) -> Work {
        self.membership.distress();
        Work::Cry(store_cry(&self.app, &self.caller, publish))
    }

    /// Gives the answer that has its turn.
    pub(crate) fn answer(&mut self, publish: Ticketed, answer: Answer) -> Result<(), End> {
        let reason = match (answer, self.version) {
            (Answer::Stored, _) | (Answer::Malformed, Version::V311) => Reason::SUCCESS,
            (Answer::Malformed, Version::V5) => Reason::PAYLOAD_INVALID,
            (Answer::Failed(_), Version::V311) => return Err(End::Refused),
            (Answer::Failed(reason), Version::V5) => reason,
        };
        match (publish.qos, publish.id) {
            (Qos::One, Some(id)) => {
                self.unanswered = self.unanswered.saturating_sub(1);
                self.acknowledge(AckKind::Ack, id, reason);
            }
            (Qos::Two, Some(id)) => {
                // A refused exchange has ended; a stored one waits for PUBREL.
                if reason.is_failure() && self.qos2.remove(&id) {
                    self.unanswered = self.unanswered.saturating_sub(1);
                }
                self.acknowledge(AckKind::Received, id, reason);
            }
            _ => {}
        }
        Ok(())
    }

    fn acknowledge(&mut self, kind: AckKind, id: std::num::NonZeroU16, reason: Reason) {
        encode::ack(self.version, kind, id, reason, &mut self.wire.outbox);
        self.app.metrics().mqtt_packets_out(1);
    }

    /// Notes that the user is connected, and that a session is used by it.
    pub(crate) fn note_use(&mut self) {
        self.app.mqtt_seen(&self.caller, &mut self.mqtt_seen);
        if let Some(at) = self.mqtt_seen
            && self.caller.idle.is_some()
        {
            Arc::make_mut(&mut self.caller).used(at);
        }
    }

    /// A connection may outlive the proof that it was made with.
    pub(crate) fn refresh_standing(&mut self) {
        if self.membership.is_demoted() && self.caller.standing != Standing::Stale {
            Arc::make_mut(&mut self.caller).standing = Standing::Stale;
        }
        if self.caller.expires_at.is_some()
            && self.caller.standing == Standing::Full
            && let Some(caller) = self.caller.at(self.app.now())
        {
            self.caller = Arc::new(caller);
        }
    }
}

/// Starts storing a cry for help in a task of its own, which goes on when
/// nobody waits for the answer.
pub(crate) fn store_cry(
    app: &Arc<App>,
    caller: &Arc<Caller>,
    publish: Publish,
) -> oneshot::Receiver<Answer> {
    let (sender, receiver) = oneshot::channel();
    let app = Arc::clone(app);
    let caller = Arc::clone(caller);
    let trigger = SosTrigger {
        body: publish.payload,
        oversized: publish.oversized,
        retained: publish.retain,
        transport: Via::Mqtt,
    };
    tokio::spawn(async move {
        let answer = match app.trigger_sos(&caller, trigger).await {
            Ok(_) => Answer::Stored,
            Err(error) => {
                if !error.is_of_own_crowd() {
                    tracing::error!(
                        app.id = %caller.app_id,
                        user.id = %caller.user,
                        error = %error,
                        cause = cause(&error),
                        "an SOS was not stored"
                    );
                }
                Answer::Failed(publish_failure(&error))
            }
        };
        // Nobody listens when the connection ended meanwhile.
        let _ = sender.send(answer);
    });
    receiver
}

/// What the queue is told about a telemetry body.
pub(crate) fn telemetry_answer(stored: &Result<TelemetryReceipt, AppError>) -> Answer {
    match stored {
        // An unknown relayed device is kept as a dead letter and acknowledged
        // (contract: Telemetry).
        Ok(TelemetryReceipt::Stored | TelemetryReceipt::UnknownDevice) => Answer::Stored,
        Ok(TelemetryReceipt::Malformed(_)) => Answer::Malformed,
        Err(error) => {
            // The store says once that it cannot write; each sample would be
            // a flood.
            tracing::debug!(error = %error, cause = cause(error), "telemetry was not stored");
            Answer::Failed(publish_failure(error))
        }
    }
}

/// What failed underneath, for the log.
fn cause(error: &AppError) -> String {
    std::error::Error::source(error).map_or_else(String::new, ToString::to_string)
}
