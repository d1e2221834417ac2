//! Whether a body speaks for somebody else's device (contract: SOS, Relay).

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
}
