//! A provider's door: what a message of any channel goes through.

use std::sync::Arc;

use mayday_core::escalation::Channel;
use mayday_core::time::Timestamp;
use mayday_gateway::onscreen::OnScreen;
use mayday_gateway::outcome::{Found, Outcome, Refusal};
use mayday_gateway::routes::Urgency;
use mayday_gateway::sms::SmsProvider;
use mayday_gateway::voice::VoiceProvider;
use mayday_store::escalation::AttemptRow;

use super::message::Message;
use crate::senders::{Mailing, SCREEN, SMTP, Senders};

/// A provider, by the name under which its attempts are recorded.
pub(super) struct Door {
    pub(super) name: String,
    way: Way,
}

enum Way {
    Sms(Arc<dyn SmsProvider>),
    Voice(Arc<dyn VoiceProvider>),
    Mail(Mailing),
    Screen(Arc<OnScreen>),
}

impl Door {
    /// The doors for an attempt in the order to try them. What must not reach anybody
    /// stays on the screen.
    pub(super) fn of(senders: &Senders, row: &AttemptRow, now: Timestamp) -> Vec<Self> {
        if !row.real {
            return Self::by_name(senders, row.attempt.key.channel, SCREEN)
                .into_iter()
                .collect();
        }
        let (to, urgency) = (row.address.as_str(), Urgency::Emergency);
        match row.attempt.key.channel {
            Channel::Sms => {
                let found = senders.sms(to, urgency, now).into_iter();
                let door = |found: crate::senders::Candidate<dyn SmsProvider>| Self {
                    name: found.name,
                    way: Way::Sms(found.provider),
                };
                found.map(door).collect()
            }
            Channel::Voice => {
                let found = senders.voice(to, urgency, now).into_iter();
                let door = |found: crate::senders::Candidate<dyn VoiceProvider>| Self {
                    name: found.name,
                    way: Way::Voice(found.provider),
                };
                found.map(door).collect()
            }
            Channel::Email => Self::by_name(senders, Channel::Email, SMTP)
                .into_iter()
                .collect(),
            Channel::Slack | Channel::Webhook => Vec::new(),
        }
    }

    /// The door that an attempt went through; `None` when it is not configured any
    /// more.
    pub(super) fn by_name(senders: &Senders, channel: Channel, name: &str) -> Option<Self> {
        let way = match channel {
            Channel::Sms => Way::Sms(senders.sms_provider(name)?),
            Channel::Voice => Way::Voice(senders.voice_provider(name)?),
            Channel::Email if name == SCREEN => Way::Screen(Arc::clone(senders.screen())),
            Channel::Email => Way::Mail(senders.mail()?.clone()),
            Channel::Slack | Channel::Webhook => return None,
        };
        Some(Self {
            name: name.to_owned(),
            way,
        })
    }

    /// Makes one attempt.
    pub(super) async fn send(&self, message: &Message) -> Outcome {
        match (&self.way, message) {
            (Way::Sms(provider), Message::Sms(sms)) => provider.send(sms).await,
            (Way::Voice(provider), Message::Call(call)) => provider.call(call).await,
            (Way::Mail(mailing), Message::Mail(mail)) => mailing.mailer.send(mail).await,
            (Way::Screen(screen), Message::Mail(mail)) => screen.mail(mail),
            _ => Outcome::Refused(Refusal::elsewhere("this provider does not send that")),
        }
    }

    /// Whether it can be asked what became of a message. SMTP has no look-up, nor have
    /// all SMS providers.
    pub(super) fn can_be_asked(&self) -> bool {
        match &self.way {
            Way::Sms(provider) => provider.looks_up(),
            Way::Voice(_) => true,
            Way::Mail(_) | Way::Screen(_) => false,
        }
    }

    /// Looks up a message that was handed over at `since` and is none of those `taken`.
    pub(super) async fn find(
        &self,
        message: &Message,
        since: Timestamp,
        taken: &[String],
    ) -> Found {
        match (&self.way, message) {
            (Way::Sms(provider), Message::Sms(sms)) => provider.find(sms, since, taken).await,
            (Way::Voice(provider), Message::Call(call)) => provider.find(call, since, taken).await,
            _ => Found::Unknown {
                reason: "this provider has no look-up".to_owned(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use mayday_gateway::guard::Pending;
    use mayday_gateway::sms::OutgoingSms;

    use super::*;

    /// A provider that takes everything and remembers nothing.
    struct Forgetful;

    impl SmsProvider for Forgetful {
        fn send<'a>(&'a self, _: &'a OutgoingSms) -> Pending<'a, Outcome> {
            Box::pin(std::future::pending())
        }

        fn find<'a>(
            &'a self,
            _: &'a OutgoingSms,
            _: Timestamp,
            _: &'a [String],
        ) -> Pending<'a, Found> {
            Box::pin(std::future::pending())
        }

        fn looks_up(&self) -> bool {
            false
        }
    }

    #[test]
    fn a_provider_without_a_look_up_is_not_asked() {
        let door = Door {
            name: "forgetful".to_owned(),
            way: Way::Sms(Arc::new(Forgetful)),
        };
        assert!(!door.can_be_asked());
    }
}
