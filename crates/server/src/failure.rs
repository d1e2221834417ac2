//! Why a command failed: one line that says what to do, and exit code 1.

use std::fmt;

/// A command's failure in words for whoever typed it.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// To be told.
    Plain,
    /// The reader of our output went away: nothing to tell.
    Silent,
    /// Another mayday has the data directory; it may be gone in a moment.
    InUse,
}

impl Failure {
    /// A failure with a full sentence that says what to do next.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            kind: Kind::Plain,
        }
    }

    /// Another mayday has the data directory.
    pub(crate) fn in_use(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            kind: Kind::InUse,
        }
    }

    /// Whether another mayday has the data directory.
    pub(crate) fn is_in_use(&self) -> bool {
        self.kind == Kind::InUse
    }

    /// Whether there is nobody left to tell.
    pub(crate) fn is_silent(&self) -> bool {
        self.kind == Kind::Silent
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Writing our output failed.
impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        let gone = error.kind() == std::io::ErrorKind::BrokenPipe;
        Self {
            message: format!("the output could not be written: {error}"),
            kind: if gone { Kind::Silent } else { Kind::Plain },
        }
    }
}

impl From<crate::config::InvalidConfig> for Failure {
    fn from(error: crate::config::InvalidConfig) -> Self {
        Self::new(error.to_string())
    }
}

/// How a command ends.
pub(crate) type Outcome = Result<(), Failure>;
