//! The topic grammar (contract: MQTT, the table of topics).
//!
//! A topic is not an identity: its text is only ever compared with the
//! identity that the connection proved, and what comes out is "the own user,
//! in this form" or nothing. Two apps may both have a user `1`, and somebody's
//! external id may be the text of another user's UUID; neither lets anyone
//! reach a topic of somebody else, because nothing is ever looked up by topic.

use std::borrow::Cow;

use crate::identity::ExternalUserId;
use crate::ids::UserId;

/// The longest topic that is parsed, in bytes: every own topic is shorter
/// (an external id of 255 bytes, each percent-encoded, takes 765).
pub const MAX_TOPIC_BYTES: usize = 1_024;

/// Whom a connection proved to be, as far as topics go.
#[derive(Clone, Copy, Debug)]
pub struct TopicIdentity<'a> {
    /// The user's internal id: the `sdk_user_id` of the topics.
    pub user: UserId,
    /// The partner's id of the user: the alias form, percent-encoded.
    pub external_id: &'a ExternalUserId,
    /// Whether the external id is the text of another user's UUID. Then only
    /// the UUID form is this user's.
    pub alias_shadowed: bool,
}

/// How the user was named in a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TopicForm {
    /// By UUID.
    Uuid,
    /// By external id, percent-encoded as one segment.
    Alias,
    /// Not at all: the older, flat topics.
    Flat,
}

/// What an own topic is published for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PublishTopic {
    /// A cry for help: UUID or flat.
    Sos(TopicForm),
    /// A sample of the position: UUID, alias or flat.
    Telemetry(TopicForm),
}

/// What a filter of SUBSCRIBE asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventFilter {
    /// The own events; [`TopicForm::Uuid`] or [`TopicForm::Alias`].
    Own(TopicForm),
    /// Holds `+` or `#`.
    Wildcard,
    /// Begins with `$share/`.
    Shared,
    /// Anything else.
    Foreign,
}

impl TopicIdentity<'_> {
    /// The own topic that a PUBLISH names; `None` when it is foreign.
    pub fn publish(&self, topic: &str) -> Option<PublishTopic> {
        if topic.len() > MAX_TOPIC_BYTES {
            return None;
        }
        let mut levels = topic.split('/');
        let parsed = match (levels.next()?, levels.next()?, levels.next()) {
            ("sos", "alerts", None) => PublishTopic::Sos(TopicForm::Flat),
            ("sos", "alerts", Some(user)) if self.is_own_uuid(user) => {
                PublishTopic::Sos(TopicForm::Uuid)
            }
            ("tel", "data", None) => PublishTopic::Telemetry(TopicForm::Flat),
            ("tel", user, Some("data")) => PublishTopic::Telemetry(self.named(user)?),
            _ => return None,
        };
        levels.next().is_none().then_some(parsed)
    }

    /// What a filter of SUBSCRIBE or UNSUBSCRIBE asks for.
    pub fn filter(&self, filter: &str) -> EventFilter {
        if filter == "$share" || filter.starts_with("$share/") {
            return EventFilter::Shared;
        }
        if filter.contains(['+', '#']) {
            return EventFilter::Wildcard;
        }
        if filter.len() > MAX_TOPIC_BYTES {
            return EventFilter::Foreign;
        }
        filter
            .strip_prefix("sos/events/")
            .filter(|user| !user.contains('/'))
            .and_then(|user| self.named(user))
            .map_or(EventFilter::Foreign, EventFilter::Own)
    }

    /// The form in which `segment` names the own user, if it does.
    fn named(&self, segment: &str) -> Option<TopicForm> {
        if self.is_own_uuid(segment) {
            return Some(TopicForm::Uuid);
        }
        let own = !self.alias_shadowed && *decode_segment(segment)? == *self.external_id.as_str();
        own.then_some(TopicForm::Alias)
    }

    /// Whether `segment` is the own UUID, hyphenated; some platforms print
    /// UUIDs in capitals, and a cry for help must not fail for that.
    fn is_own_uuid(&self, segment: &str) -> bool {
        let mut buffer = [0_u8; uuid::fmt::Hyphenated::LENGTH];
        let own: &str = self.user.uuid().hyphenated().encode_lower(&mut buffer);
        own.eq_ignore_ascii_case(segment)
    }
}

/// Decodes the percent escapes of one topic level, once. `None` when an escape
/// is broken, stands for NUL, or the bytes are not UTF-8 (overlong forms and
/// surrogates are not).
fn decode_segment(segment: &str) -> Option<Cow<'_, str>> {
    if segment.is_empty() {
        return None;
    }
    if !segment.contains('%') {
        return Some(Cow::Borrowed(segment));
    }
    let mut decoded = Vec::with_capacity(segment.len());
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        let byte = if byte == b'%' {
            hex_digit(bytes.next()?)? << 4 | hex_digit(bytes.next()?)?
        } else {
            byte
        };
        if byte == 0 {
            return None;
        }
        decoded.push(byte);
    }
    String::from_utf8(decoded).ok().map(Cow::Owned)
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests;
