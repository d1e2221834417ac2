//! Whose a body is: the sender's, or that of the owner of a device it speaks
//! for (contract: SOS, Relay; Telemetry). SOS and telemetry follow this one rule.
//!
//! The rule is a plan: [`Naming::look_ups`] says which registrations are to be
//! looked for, in which order, and the first one that is found decides. When
//! none is, [`Naming::unfound`] decides. Looking is the caller's part.

use crate::device::is_identifier;

/// The words in `source`, `triggerSource` or `relaySource` that make a body a relay.
const RELAY_WORDS: [&str; 5] = [
    "remote_lora_relay",
    "remote_relay",
    "remote_lora",
    "external_lora",
    "external_relay",
];

/// Whether one of the source fields holds a relay word.
///
/// A body with a `relayNodeId` is a relay too, whatever its words; a device
/// that another user of the app owns makes one as well, which only the store
/// can tell.
pub fn names_relay<'a>(words: impl IntoIterator<Item = Option<&'a str>>) -> bool {
    words
        .into_iter()
        .flatten()
        .any(|word| RELAY_WORDS.contains(&word))
}

/// What a body says about the device that it speaks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Naming<'a> {
    /// It carries a `relayNodeId` or a relay word.
    pub relay: bool,
    /// `deviceId`.
    pub device_id: Option<&'a str>,
    /// `hardwareId`.
    pub hardware_id: Option<&'a str>,
    /// `originatorNodeId`.
    pub originator_node_id: Option<u32>,
}

/// A registration to be looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookUp {
    /// The text that names the device.
    pub text: String,
    /// Among whose.
    pub among: Among,
}

/// Among whose registrations a device is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Among {
    /// The sender's own, contested or not.
    Sender,
    /// The app's, of which the owner's counts.
    App,
}

/// Whose a body is when no look-up found anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfound {
    /// The sender's: of no device, or of an own one that is not registered yet.
    Sender,
    /// A relay for a device that the app does not know.
    Nobody,
}

impl Naming<'_> {
    /// The look-ups in their order; the first that finds something decides.
    ///
    /// A body without relay fields is the sender's if the sender lists the
    /// device, even where somebody listed it earlier. A relay is about `deviceId`
    /// or `originatorNodeId`; `hardwareId` only names the same device once more. A
    /// text that identifies nothing is not looked for: whoever listed it first would
    /// draw what is somebody else's.
    pub fn look_ups(&self) -> Vec<LookUp> {
        let find = |text: &str, among| {
            is_identifier(text).then(|| LookUp {
                text: text.to_owned(),
                among,
            })
        };
        let texts = [self.device_id, self.hardware_id];
        if !self.relay {
            return [Among::Sender, Among::App]
                .into_iter()
                .flat_map(|among| {
                    texts
                        .into_iter()
                        .flatten()
                        .filter_map(move |text| find(text, among))
                })
                .collect();
        }
        let originator = self.originator_node_id.map(|node| node.to_string());
        if self.device_id.is_none() && originator.is_none() {
            return Vec::new();
        }
        [self.device_id, originator.as_deref(), self.hardware_id]
            .into_iter()
            .flatten()
            .filter_map(|text| find(text, Among::App))
            .collect()
    }

    /// Whose the body is when none of them found anything.
    pub fn unfound(&self) -> Unfound {
        if self.relay {
            Unfound::Nobody
        } else {
            Unfound::Sender
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_published_words_make_a_relay() {
        assert!(names_relay([None, Some("remote_lora"), None]));
        assert!(!names_relay([
            Some("own_device"),
            Some("REMOTE_LORA"),
            None
        ]));
        assert!(!names_relay([None, None, None]));
    }

    fn plan(naming: Naming<'_>) -> Vec<(String, Among)> {
        let looks = naming.look_ups().into_iter();
        looks.map(|look| (look.text, look.among)).collect()
    }

    #[test]
    fn the_senders_own_registrations_come_first() {
        let naming = Naming {
            device_id: Some("77"),
            hardware_id: Some("CF:82"),
            originator_node_id: Some(5),
            ..Naming::default()
        };
        let expected = [
            ("77", Among::Sender),
            ("CF:82", Among::Sender),
            ("77", Among::App),
            ("CF:82", Among::App),
        ];
        assert_eq!(plan(naming), expected.map(|(t, a)| (t.to_owned(), a)));
        assert_eq!(naming.unfound(), Unfound::Sender);
        assert_eq!(plan(Naming::default()), []);
    }

    #[test]
    fn a_relay_is_the_owners_even_if_its_sender_lists_the_device() {
        let naming = Naming {
            relay: true,
            device_id: Some("77"),
            hardware_id: Some("CF:82"),
            originator_node_id: Some(5),
        };
        let expected = ["77", "5", "CF:82"].map(|text| (text.to_owned(), Among::App));
        assert_eq!(plan(naming), expected);
        assert_eq!(naming.unfound(), Unfound::Nobody);
    }

    #[test]
    fn a_blank_text_or_a_friendly_name_is_not_looked_for() {
        for blank in [" ", "", "Meshtastic_1aa8", " meshtastic_1AA8"] {
            let mut naming = Naming {
                device_id: Some(blank),
                hardware_id: Some("CF:82"),
                ..Naming::default()
            };
            let both = [Among::Sender, Among::App].map(|among| ("CF:82".to_owned(), among));
            assert_eq!(plan(naming), both, "{blank:?}");
            naming.relay = true;
            assert_eq!(plan(naming), both[1..], "{blank:?}");
            naming.hardware_id = Some(blank);
            assert_eq!(plan(naming), []);
            assert_eq!(naming.unfound(), Unfound::Nobody);
            naming.relay = false;
            assert_eq!(plan(naming), []);
            assert_eq!(naming.unfound(), Unfound::Sender);
        }
    }

    #[test]
    fn a_relay_that_names_no_node_is_nobodys_whatever_its_hardware_id() {
        let naming = Naming {
            relay: true,
            hardware_id: Some("CF:82"),
            ..Naming::default()
        };
        assert_eq!(plan(naming), []);
        assert_eq!(naming.unfound(), Unfound::Nobody);
    }
}
