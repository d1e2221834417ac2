//! A caller whose proof was checked.

use std::net::IpAddr;

use crate::identity::signing::standing_at;
use crate::identity::{AppId, ExternalUserId};
use crate::ids::{AppUuid, SecretId, UserId};
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
    /// Which secret the proof was made with; retiring it ends the connection.
    pub secret: SecretId,
    /// When the proof expires or expired; `None` for a static hash.
    pub expires_at: Option<Timestamp>,
    /// What the proof allowed when it was checked; a connection that outlives
    /// an expiring proof asks [`Caller::at`].
    pub standing: Standing,
    /// Where the request came from.
    pub peer: IpAddr,
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
