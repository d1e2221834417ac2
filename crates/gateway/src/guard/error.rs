//! What can go wrong with a request, and whether the peer may have seen it.
//!
//! Texts name the scheme and the host, never path, query, headers or body:
//! those carry tokens. The one question that every sender asks is
//! [`GuardError::maybe_sent`]: only if it says no may the same thing be sent
//! again without looking it up.

use std::fmt;

use super::address::Place;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GuardErrorKind {
    /// The URL is not one that is taken.
    Url(&'static str),
    /// The host or every address of it lies where this caller may not reach.
    Forbidden(Place),
    /// The name could not be resolved.
    Unresolved,
    /// No connection to any of its addresses, or none through the proxy.
    Unreachable,
    /// TLS failed: an unknown authority, another name, no common version.
    Untrusted,
    /// No connection in time.
    ConnectTimeout,
    /// The connection broke after the request had begun.
    BrokenOff,
    /// No answer in time after the request had begun.
    Timeout,
    /// The answer's head was too large or is no HTTP.
    BadAnswer,
}

/// A request without an answer.
#[derive(Clone, PartialEq, Eq)]
pub struct GuardError {
    kind: GuardErrorKind,
    origin: String,
    detail: String,
}

impl GuardError {
    pub(super) fn new(kind: GuardErrorKind, origin: &str) -> Self {
        Self {
            kind,
            origin: origin.to_owned(),
            detail: String::new(),
        }
    }

    /// Adds the cause; it must hold nothing of the request.
    pub(super) fn because(mut self, detail: impl fmt::Display) -> Self {
        self.detail = detail.to_string();
        self
    }

    /// What went wrong.
    pub const fn kind(&self) -> &GuardErrorKind {
        &self.kind
    }

    /// Whether the peer may have received the request and acted on it.
    pub const fn maybe_sent(&self) -> bool {
        matches!(
            self.kind,
            GuardErrorKind::BrokenOff | GuardErrorKind::Timeout | GuardErrorKind::BadAnswer
        )
    }

    /// Whether trying again can help: not for what the URL or the policy says.
    pub const fn is_temporary(&self) -> bool {
        !matches!(
            self.kind,
            GuardErrorKind::Url(_) | GuardErrorKind::Forbidden(_)
        )
    }
}

impl fmt::Display for GuardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            origin,
            detail,
        } = self;
        match kind {
            GuardErrorKind::Url(why) => write!(f, "the URL is refused: {why}")?,
            GuardErrorKind::Forbidden(place) => {
                write!(f, "{origin} is refused: a {place} address")?;
            }
            GuardErrorKind::Unresolved => write!(f, "{origin}: the name cannot be resolved")?,
            GuardErrorKind::Unreachable => write!(f, "{origin}: no connection")?,
            GuardErrorKind::Untrusted => write!(f, "{origin}: no TLS")?,
            GuardErrorKind::ConnectTimeout => write!(f, "{origin}: no connection in time")?,
            GuardErrorKind::BrokenOff => write!(f, "{origin}: broke off before the answer")?,
            GuardErrorKind::Timeout => write!(f, "{origin}: no answer in time")?,
            GuardErrorKind::BadAnswer => write!(f, "{origin}: an answer that is not taken")?,
        }
        if detail.is_empty() {
            Ok(())
        } else {
            write!(f, " ({detail})")
        }
    }
}

impl fmt::Debug for GuardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GuardError({self})")
    }
}

impl std::error::Error for GuardError {}
