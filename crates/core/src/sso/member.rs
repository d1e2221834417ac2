//! The members of a JSON object, each name once.
//!
//! A parser that keeps the last of two members and one that keeps the first read
//! two different users out of the same text. Such a text is no answer.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde_json::Value;

/// Members that are read; an object with more is none of ours.
const MAX_MEMBERS: usize = 256;

/// An object's members in their order.
pub(super) struct Members(Vec<(String, Value)>);

impl Members {
    /// Reads exactly one JSON object. `None` for anything else, for a name that
    /// stands twice, and for an object of more than [`MAX_MEMBERS`].
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// The member of this exact name.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value)
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Once)
    }
}

struct Once;

impl<'de> Visitor<'de> for Once {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Members, M::Error> {
        let mut members: Vec<(String, Value)> = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            if members.iter().any(|(known, _)| *known == name) {
                return Err(M::Error::custom("a member stands twice"));
            }
            if members.len() == MAX_MEMBERS {
                return Err(M::Error::custom("too many members"));
            }
            members.push((name, value));
        }
        Ok(Members(members))
    }
}
