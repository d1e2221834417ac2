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
pub struct Facts {
    /// How many emergency contacts the user has.
    pub contacts: usize,
    /// Whether the profile holds a phone.
    pub phone: bool,
    /// How many devices the user has registered.
    pub devices: usize,
    /// When the app was last connected over MQTT.
    pub mqtt_seen_at: Option<Timestamp>,
    /// Whether the server can reach contacts at all: a provider is configured.
    pub can_notify: bool,
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
    /// The app was not connected lately.
    MqttNotSeen,
    /// The user's own phone is unknown to those who help.
    NoPhone,
    /// No device is paired.
    NoDevice,
}

impl Blocker {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoContacts => "no_contacts",
            Self::NoProvider => "no_provider",
            Self::MqttNotSeen => "mqtt_not_seen",
            Self::NoPhone => "no_phone",
            Self::NoDevice => "no_device",
        }
    }

    /// What it takes from the score; all of them together take 100.
    const fn weight(self) -> u8 {
        match self {
            Self::NoContacts => 35,
            Self::NoProvider => 25,
            Self::MqttNotSeen => 20,
            Self::NoPhone | Self::NoDevice => 10,
        }
    }

    const fn next_step(self) -> &'static str {
        match self {
            Self::NoContacts => "Add an emergency contact.",
            Self::NoProvider => {
                "Ask the operator of this server to configure SMS, voice or mail; until then an SOS reaches operators and the app's own backend only."
            }
            Self::MqttNotSeen => "Open the app while online, so that it connects once.",
            Self::NoPhone => "Add your phone number, so that helpers can call you.",
            Self::NoDevice => "Pair a device, so that you can call for help without the phone.",
        }
    }
}

/// Judges the facts at `now`.
pub fn assess(facts: &Facts, now: Timestamp) -> Readiness {
    let seen = facts
        .mqtt_seen_at
        .is_some_and(|at| now.since(at) <= MQTT_SEEN_WITHIN);
    let blockers: Vec<Blocker> = [
        (facts.contacts == 0, Blocker::NoContacts),
        (!facts.can_notify, Blocker::NoProvider),
        (!seen, Blocker::MqttNotSeen),
        (!facts.phone, Blocker::NoPhone),
        (facts.devices == 0, Blocker::NoDevice),
    ]
    .into_iter()
    .filter_map(|(missing, blocker)| missing.then_some(blocker))
    .collect();
    let lost: u8 = blockers.iter().map(|b| b.weight()).sum();
    Readiness {
        score: 100_u8.saturating_sub(lost),
        next_step: blockers.first().map(|b| b.next_step()),
        blockers,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    #[test]
    fn nothing_missing_is_a_hundred_and_everything_missing_is_nothing() {
        let all = Facts {
            contacts: 1,
            phone: true,
            devices: 1,
            mqtt_seen_at: Some(NOW),
            can_notify: true,
        };
        let best = assess(&all, NOW);
        assert_eq!((best.score, best.next_step), (100, None));
        let none = Facts {
            contacts: 0,
            phone: false,
            devices: 0,
            mqtt_seen_at: None,
            can_notify: false,
        };
        let worst = assess(&none, NOW);
        assert_eq!(worst.score, 0);
        assert_eq!(worst.blockers.len(), 5);
        assert_eq!(worst.next_step, Some("Add an emergency contact."));
    }

    #[test]
    fn an_app_that_was_last_connected_yesterday_is_not_seen_lately() {
        let facts = Facts {
            contacts: 1,
            phone: true,
            devices: 1,
            mqtt_seen_at: Some(NOW.minus(MQTT_SEEN_WITHIN + Duration::from_secs(1))),
            can_notify: true,
        };
        assert_eq!(assess(&facts, NOW).blockers, [Blocker::MqttNotSeen]);
    }
}
