//! How well prepared a user is for an emergency: `readiness` of `/me`.
//!
//! The score says what would happen to an SOS raised now, so it promises
//! nothing that the server cannot do.

use std::time::Duration;

use serde::Serialize;

use crate::time::Timestamp;

/// How recently the user's app must have been connected over MQTT.
pub const MQTT_SEEN_WITHIN: Duration = Duration::from_hours(24);

/// What readiness is judged by.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, with a blocker of its own"
)]
pub struct Facts {
    /// The user's emergency contacts.
    pub contacts: ReachableContacts,
    /// Whether the profile holds a phone.
    pub phone: bool,
    /// How many devices the user has registered.
    pub devices: usize,
    /// When the app was last connected over MQTT.
    pub mqtt_seen_at: Option<Timestamp>,
    /// Whether the server can reach contacts at all: a provider is configured.
    pub can_notify: bool,
    /// Whether every provider by which contacts are reached fails at the moment.
    pub providers_failing: bool,
    /// Whether the partner's server does not take its notifications.
    pub webhooks_failing: bool,
}

/// How many contacts there are, and how many of them would be told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReachableContacts {
    /// All of them.
    pub all: usize,
    /// Those who are reached by none of the channels that the policy uses.
    pub unreachable: usize,
    /// Those whose phone asked for no more messages.
    pub opted_out: usize,
}

/// The judgement.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Readiness {
    /// 0 to 100.
    pub score: u8,
    /// What is missing, the gravest first.
    pub blockers: Vec<Blocker>,
    /// What to do about the gravest; `None` when nothing is missing.
    pub next_step: Option<&'static str>,
}

/// Something that would weaken an SOS raised now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Blocker {
    /// Nobody to tell.
    NoContacts,
    /// The server has no way to tell anybody but operators and the partner.
    NoProvider,
    /// There are contacts, and none of them would be reached.
    NobodyReachable,
    /// The app was not connected lately.
    MqttNotSeen,
    /// What sends to contacts fails at the moment.
    ProviderFailing,
    /// A contact would not be reached.
    ContactUnreachable,
    /// A contact's phone asked for no more messages.
    ContactOptedOut,
    /// The user's own phone is unknown to those who help.
    NoPhone,
    /// No device is paired.
    NoDevice,
    /// The partner's server is not told.
    WebhookFailing,
}

impl Blocker {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoContacts => "no_contacts",
            Self::NoProvider => "no_provider",
            Self::NobodyReachable => "nobody_reachable",
            Self::MqttNotSeen => "mqtt_not_seen",
            Self::ProviderFailing => "provider_failing",
            Self::ContactUnreachable => "contact_unreachable",
            Self::ContactOptedOut => "contact_opted_out",
            Self::NoPhone => "no_phone",
            Self::NoDevice => "no_device",
            Self::WebhookFailing => "webhook_failing",
        }
    }

    /// What it takes from the score, which ends at 0.
    const fn weight(self) -> u8 {
        match self {
            Self::NoContacts => 35,
            Self::NoProvider | Self::NobodyReachable => 25,
            Self::MqttNotSeen => 20,
            Self::ProviderFailing => 15,
            Self::ContactUnreachable | Self::ContactOptedOut | Self::NoPhone | Self::NoDevice => 10,
            Self::WebhookFailing => 5,
        }
    }

    const fn next_step(self) -> &'static str {
        match self {
            Self::NoContacts => "Add an emergency contact.",
            Self::NoProvider => {
                "Ask the operator of this server to configure SMS, voice or mail; until then an SOS reaches operators and the app's own backend only."
            }
            Self::NobodyReachable => {
                "Add an emergency contact who can be reached from here: this server sends nothing to the countries of those you have."
            }
            Self::MqttNotSeen => "Open the app while online, so that it connects once.",
            Self::ProviderFailing => {
                "Messages cannot be sent at the moment; the operator of this server sees it too."
            }
            Self::ContactUnreachable => {
                "Check the phone numbers of your contacts: one of them cannot be reached from here."
            }
            Self::ContactOptedOut => {
                "Ask the contact who stopped our messages to send START to the number that they came from."
            }
            Self::NoPhone => "Add your phone number, so that helpers can call you.",
            Self::NoDevice => "Pair a device, so that you can call for help without the phone.",
            Self::WebhookFailing => {
                "The app's own server does not take notifications at the moment; its operator sees it too."
            }
        }
    }
}

/// Judges the facts at `now`.
pub fn assess(facts: &Facts, now: Timestamp) -> Readiness {
    let seen = facts
        .mqtt_seen_at
        .is_some_and(|at| now.since(at) <= MQTT_SEEN_WITHIN);
    let contacts = facts.contacts;
    // Without a provider nobody is reachable, which is one matter and not two.
    let unreachable = if facts.can_notify {
        contacts.unreachable
    } else {
        0
    };
    let nobody = unreachable > 0 && unreachable >= contacts.all;
    let blockers: Vec<Blocker> = [
        (contacts.all == 0, Blocker::NoContacts),
        (!facts.can_notify, Blocker::NoProvider),
        (nobody, Blocker::NobodyReachable),
        (!seen, Blocker::MqttNotSeen),
        (
            facts.can_notify && facts.providers_failing,
            Blocker::ProviderFailing,
        ),
        (!nobody && unreachable > 0, Blocker::ContactUnreachable),
        (contacts.opted_out > 0, Blocker::ContactOptedOut),
        (!facts.phone, Blocker::NoPhone),
        (facts.devices == 0, Blocker::NoDevice),
        (facts.webhooks_failing, Blocker::WebhookFailing),
    ]
    .into_iter()
    .filter_map(|(missing, blocker)| missing.then_some(blocker))
    .collect();
    let lost: u8 = blockers
        .iter()
        .fold(0, |lost: u8, blocker| lost.saturating_add(blocker.weight()));
    Readiness {
        score: 100_u8.saturating_sub(lost),
        next_step: blockers.first().map(|blocker| blocker.next_step()),
        blockers,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    /// Everything is as it should be.
    const READY: Facts = Facts {
        contacts: ReachableContacts {
            all: 2,
            unreachable: 0,
            opted_out: 0,
        },
        phone: true,
        devices: 1,
        mqtt_seen_at: Some(NOW),
        can_notify: true,
        providers_failing: false,
        webhooks_failing: false,
    };

    #[test]
    fn nothing_missing_is_a_hundred_and_everything_missing_is_nothing() {
        let best = assess(&READY, NOW);
        assert_eq!((best.score, best.next_step), (100, None));
        let none = Facts {
            contacts: ReachableContacts::default(),
            phone: false,
            devices: 0,
            mqtt_seen_at: None,
            can_notify: false,
            providers_failing: true,
            webhooks_failing: true,
        };
        let worst = assess(&none, NOW);
        assert_eq!(worst.score, 0);
        assert_eq!(worst.blockers.len(), 6);
        assert_eq!(worst.next_step, Some("Add an emergency contact."));
    }

    #[test]
    fn an_app_that_was_last_connected_yesterday_is_not_seen_lately() {
        let facts = Facts {
            mqtt_seen_at: Some(NOW.minus(MQTT_SEEN_WITHIN + Duration::from_secs(1))),
            ..READY
        };
        assert_eq!(assess(&facts, NOW).blockers, [Blocker::MqttNotSeen]);
    }

    #[test]
    fn a_contact_who_cannot_be_told_is_said_and_all_of_them_is_graver() {
        let with = |unreachable, opted_out| {
            let contacts = ReachableContacts {
                unreachable,
                opted_out,
                ..READY.contacts
            };
            assess(&Facts { contacts, ..READY }, NOW)
        };
        assert_eq!(with(1, 0).blockers, [Blocker::ContactUnreachable]);
        assert_eq!(with(0, 1).blockers, [Blocker::ContactOptedOut]);
        assert_eq!(with(2, 0).blockers, [Blocker::NobodyReachable]);
        assert!(with(2, 0).score < with(1, 0).score);
        let silent = Facts {
            can_notify: false,
            contacts: ReachableContacts {
                unreachable: 2,
                ..READY.contacts
            },
            ..READY
        };
        assert_eq!(assess(&silent, NOW).blockers, [Blocker::NoProvider]);
    }
}
