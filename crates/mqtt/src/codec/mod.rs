//! From bytes to packets and back.
//!
//! [`frame`] cuts the stream into packets and decides what happens to one that
//! is too large; [`publish`] reads the one packet that carries what people
//! send; the others go through `rmqtt-codec`, behind the checks that it leaves
//! out ([`connect`], [`packet`]). [`encode`] writes what the server sends.

pub(crate) mod connect;
pub(crate) mod encode;
pub(crate) mod frame;
pub(crate) mod packet;
pub(crate) mod publish;
mod reader;

use crate::reason::Reason;

/// The protocol version of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// 3.1.1.
    V311,
    /// 5.
    V5,
}

/// Why a connection is closed over what it sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub(crate) struct Fault {
    /// What DISCONNECT says on 5.
    pub(crate) reason: Reason,
    /// What was wrong, for the log.
    pub(crate) what: &'static str,
}

impl Fault {
    pub(crate) const fn malformed(what: &'static str) -> Self {
        Self {
            reason: Reason::MALFORMED,
            what,
        }
    }

    pub(crate) const fn protocol(what: &'static str) -> Self {
        Self {
            reason: Reason::PROTOCOL_ERROR,
            what,
        }
    }

    pub(crate) const fn too_large(what: &'static str) -> Self {
        Self {
            reason: Reason::TOO_LARGE,
            what,
        }
    }
}
