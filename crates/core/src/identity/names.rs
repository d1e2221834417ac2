//! The public names of apps and users (contract: Identity, ids).

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

/// An app's public id: `^[a-z0-9][a-z0-9_-]{0,62}$`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct AppId(Arc<str>);

/// The partner's id of a user: 1..255 bytes of UTF-8 without control
/// characters, never beginning with `x1.`, without an outer space or tab;
/// compared byte for byte.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ExternalUserId(Arc<str>);

/// A text that cannot name an app or a user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidName(pub &'static str);

impl AppId {
    /// Checks and takes an app id.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let mut bytes = text.bytes();
        let first = bytes
            .next()
            .is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        let rest =
            bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-'));
        if first && rest && text.len() <= 63 {
            Ok(Self(text.into()))
        } else {
            Err(InvalidName(
                "an app id is 1 to 63 of a-z, 0-9, _ and -, beginning with a letter or digit",
            ))
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl ExternalUserId {
    /// Checks and takes an external user id.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        if text.is_empty() || text.len() > 255 {
            return Err(InvalidName(
                "an external user id is 1 to 255 bytes of UTF-8",
            ));
        }
        if text.chars().any(char::is_control) {
            return Err(InvalidName(
                "an external user id holds no control characters",
            ));
        }
        if text.starts_with("x1.") {
            return Err(InvalidName("an external user id does not begin with x1."));
        }
        if text.starts_with([' ', '\t']) || text.ends_with([' ', '\t']) {
            return Err(InvalidName("an external user id has no outer space or tab"));
        }
        Ok(Self(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

macro_rules! text_like {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:?})"), &self.0)
            }
        }
    };
}

text_like!(AppId);
text_like!(ExternalUserId);
