//! Why a command failed: one line that says what to do, and exit code 1.

use std::fmt;

/// A command's failure in words for whoever typed it.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    /// The reader of our output went away: nothing to tell.
    silent: bool,
}

impl Failure {
    /// A failure with a full sentence that says what to do next.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            silent: false,
        }
    }

    /// Whether there is nobody left to tell.
    pub(crate) const fn is_silent(&self) -> bool {
        self.silent
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
        Self {
            silent: error.kind() == std::io::ErrorKind::BrokenPipe,
            message: format!("the output could not be written: {error}"),
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
