//! A caller whose proof was checked.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::identity::signing::standing_at;
use crate::identity::{AppId, ExternalUserId};
use crate::ids::{AppUuid, SecretId, SessionId, UserId};
use crate::sso::session::Lapse;
use crate::time::Timestamp;

/// A user of an app whose proof was checked, on either transport.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The app's internal id; events carry it as `appId`.
    pub app: AppUuid,
    /// The app's public id.
    pub app_id: AppId,
    /// The user's internal id.
    pub user: UserId,
    /// The partner's id of the user.
    pub external_id: ExternalUserId,
    /// What the proof rests on; when that goes, the connection ends.
    pub credential: Credential,
    /// When the proof expires or expired; `None` for a static hash.
    pub expires_at: Option<Timestamp>,
    /// What the proof allowed when it was checked; a connection that outlives
    /// an expiring proof asks [`Caller::at`].
    pub standing: Standing,
    /// Why a session's token is not in force, for the answer; `None` for a signed
    /// proof.
    pub lapse: Option<Arc<Lapse>>,
    /// Until when the session lives if nobody uses it again; `None` for a signed proof.
    pub idle: Option<Idle>,
    /// Where the request came from.
    pub peer: IpAddr,
}

/// How long a session may be unused, and until when it therefore lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Idle {
    /// How long nobody may use it.
    pub limit: Duration,
    /// The end that follows from the uses that are known here. Another use of the
    /// session, elsewhere, may have moved it.
    pub until: Timestamp,
}

/// What a proof rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    /// A hash that this secret of the app signed.
    Secret(SecretId),
    /// An access token of the session with that id.
    Session(SessionId),
}

impl Credential {
    /// The session, if it is one.
    pub const fn session(self) -> Option<SessionId> {
        match self {
            Self::Session(session) => Some(session),
            Self::Secret(_) => None,
        }
    }
}

/// What a genuine proof allows (contract: "a stale but genuine proof still
/// calls for help").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Everything.
    Full,
    /// Expired at most 30 days ago: trigger and update an SOS, read its state,
    /// connect for that alone.
    Stale,
}

impl Caller {
    /// Whether the proof is in force, not merely genuine.
    pub fn is_full(&self) -> bool {
        self.standing == Standing::Full
    }

    /// Notes a use that was made at `at`. One that came too late moves nothing.
    pub fn used(&mut self, at: Timestamp) {
        if let Some(idle) = &mut self.idle
            && at < idle.until
        {
            idle.until = idle.until.max(at.plus(idle.limit));
        }
    }

    /// Whether nobody used the session for too long by `now`, as far as is known here:
    /// only the store can tell.
    pub fn may_have_idled_out(&self, now: Timestamp) -> bool {
        self.idle.is_some_and(|idle| now >= idle.until)
    }

    /// The caller with what the proof allows at `now`; `None` once it expired
    /// so long ago that it no longer even calls for help. For connections,
    /// which live longer than a request.
    pub fn at(&self, now: Timestamp) -> Option<Self> {
        let standing = standing_at(self.expires_at, now)?;
        Some(Self {
            standing,
            ..self.clone()
        })
    }
}
