//! Which types an endpoint wants.

use std::fmt;

use super::kind::NotificationType;

/// What an endpoint wants to hear of: everything, or a list of types.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter(Vec<NotificationType>);

/// A word that is no type and no family of types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownEvent(pub String);

impl fmt::Display for UnknownEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} is no type of notification: docs/notifications.md lists them; a family is written sos.*",
            self.0
        )
    }
}

impl std::error::Error for UnknownEvent {}

impl EventFilter {
    /// Everything.
    pub const ALL: Self = Self(Vec::new());

    /// What people in a Slack channel want: the turns of an incident, and what went
    /// wrong, without each repeat of a trigger.
    pub fn for_people() -> Self {
        use NotificationType::{
            SosAcknowledged, SosCancelled, SosDeliveryFailed, SosOpened, SosResolved,
            SosUnanswered, SosUnattributed,
        };
        Self(vec![
            SosOpened,
            SosAcknowledged,
            SosCancelled,
            SosResolved,
            SosDeliveryFailed,
            SosUnanswered,
            SosUnattributed,
        ])
    }

    /// Reads types (`sos.opened`) and families (`sos.*`); an empty list is
    /// everything.
    pub fn parse<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Self, UnknownEvent> {
        let mut wanted = Vec::new();
        for word in words {
            let family = word.strip_suffix('*').filter(|rest| rest.ends_with('.'));
            let mut fitting: Vec<_> = NotificationType::ALL
                .into_iter()
                .filter(|kind| match family {
                    Some(family) => kind.as_str().starts_with(family),
                    None => kind.as_str() == word,
                })
                .collect();
            if fitting.is_empty() {
                return Err(UnknownEvent(word.to_owned()));
            }
            fitting.retain(|kind| !wanted.contains(kind));
            wanted.extend(fitting);
        }
        Ok(Self(wanted))
    }

    /// Whether it wants a type. A test is wanted by everybody.
    pub fn wants(&self, kind: NotificationType) -> bool {
        self.0.is_empty() || kind == NotificationType::Test || self.0.contains(&kind)
    }

    /// The types; none for everything.
    pub fn types(&self) -> impl Iterator<Item = NotificationType> {
        self.0.iter().copied()
    }

    /// As it is stored: words joined by commas, empty for everything.
    pub fn to_stored(&self) -> String {
        let words: Vec<_> = self.0.iter().map(|kind| kind.as_str()).collect();
        words.join(",")
    }

    /// The filter of a stored text; words that this version does not know are left
    /// out. A filter of which nothing is left wants nothing but tests.
    pub fn from_stored(text: &str) -> Self {
        if text.is_empty() {
            return Self::ALL;
        }
        let known: Vec<_> = text
            .split(',')
            .filter_map(NotificationType::parse)
            .collect();
        if known.is_empty() {
            return Self(vec![NotificationType::Test]);
        }
        Self(known)
    }
}
