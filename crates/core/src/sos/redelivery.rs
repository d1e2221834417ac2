//! Telling a trigger that was sent twice from a second cry (contract: SOS,
//! Redelivery).

use std::time::Duration;

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::payload::Trigger;

/// For how long a trigger is recognised.
pub const REMEMBERED_FOR: Duration = Duration::from_hours(24);

/// What makes two triggers of one caller the same: a SHA-256 digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TriggerKey(pub [u8; 32]);

/// The keys of a trigger, none if it cannot be told from another one. Two
/// triggers are the same when they have a key in common.
///
/// - `actionId` + `nonce` + `timestamp` of a widget's press;
/// - the same bytes, when they hold a `timestamp` or a nonce.
pub fn trigger_keys(body: &[u8], trigger: &Trigger) -> Vec<TriggerKey> {
    let mut keys = Vec::with_capacity(2);
    // Of a press that was cut off the rest may still come.
    if trigger.whole
        && let Some(widget) = &trigger.widget
        && let (Some(action), Some(nonce)) = (&widget.action_id, &widget.nonce)
        && let Some(time) = widget
            .timestamp
            .as_deref()
            .or_else(|| trigger.time.as_ref().map(|sent| sent.text.as_str()))
    {
        keys.push(digest(
            "widget",
            [action.as_bytes(), nonce.as_bytes(), time.as_bytes()],
        ));
    }
    if trigger.identifiable {
        keys.push(digest("bytes", [body, &[], &[]]));
    }
    keys
}

impl TriggerKey {
    /// The key of one receipt, for a trigger that has no other: whoever stores it
    /// recognises it when he does not know whether he has done so already.
    pub fn of_receipt(receipt: Uuid) -> Self {
        digest("receipt", [receipt.as_bytes(), &[], &[]])
    }
}

/// A digest in which no part can run into the next.
fn digest(kind: &str, parts: [&[u8]; 3]) -> TriggerKey {
    let mut hash = Sha256::new();
    hash.update(kind.as_bytes());
    for part in parts {
        hash.update([0]);
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    TriggerKey(hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(body: &str) -> Vec<TriggerKey> {
        trigger_keys(body.as_bytes(), &Trigger::parse(body.as_bytes()))
    }

    fn same(one: &str, other: &str) -> bool {
        keys(one).iter().any(|key| keys(other).contains(key))
    }

    const PRESS: &str = r#"{"timestamp":"2026-09-09T10:15:30Z","osWidgetActivation":{"actionId":"a","nonce":"n","timestamp":"2026-09-09T10:15:29Z"}}"#;

    #[test]
    fn the_same_press_is_the_same_trigger_whatever_else_changed() {
        let other = PRESS.replace("10:15:30", "10:16:00");
        assert!(same(PRESS, &other));
        for (from, to) in [("\"a\"", "\"b\""), ("\"n\"", "\"m\""), ("15:29", "15:28")] {
            assert!(!same(PRESS, &PRESS.replace(from, to)), "{from}");
        }
    }

    #[test]
    fn the_same_bytes_are_the_same_trigger_if_they_hold_a_time_or_a_nonce() {
        for body in [
            r#"{"timestamp":"2026-09-09T10:15:30Z"}"#,
            r#"{"osWidgetActivation":{"nonce":"n"}}"#,
            r#"{"nonce":"n"}"#,
            r#"{"nonce":7}"#,
        ] {
            assert!(same(body, body), "{body}");
        }
        let none = [
            "null",
            "\"\"",
            "\"not a time\"",
            "0",
            "false",
            "\"2026-13-45T10:00:00Z\"",
        ];
        for body in none.map(|value| format!("{{\"timestamp\":{value}}}")) {
            assert!(keys(&body).is_empty(), "{body}");
        }
        for body in [
            r#"{"message":"help"}"#,
            "{",
            "",
            r#"{"nonce":""}"#,
            r#"{"nonce":null}"#,
            r#"{"nonce":false}"#,
        ] {
            assert!(keys(body).is_empty(), "{body}");
        }
        assert!(!same(
            r#"{"timestamp":"2026-09-09T10:15:30Z"}"#,
            r#"{"timestamp":"2026-09-09T10:15:31Z"}"#
        ));
    }

    #[test]
    fn a_press_that_was_cut_off_is_not_the_whole_of_it() {
        let cut = PRESS.strip_suffix('}').unwrap();
        assert!(!same(cut, PRESS));
        assert!(same(cut, cut), "sent twice");
    }

    #[test]
    fn no_part_runs_into_the_next() {
        let one = digest("widget", [b"ab", b"c", b""]);
        assert_ne!(one, digest("widget", [b"a", b"bc", b""]));
        assert_ne!(one, digest("bytes", [b"ab", b"c", b""]));
    }
}
