//! The life of a session, as pure functions of what is on record (contract:
//! Sessions; Identity, "a stale but genuine proof still calls for help").

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::identity::signing::STALE_GRACE;
use crate::ids::SessionId;
use crate::time::Timestamp;

/// How long a pair of tokens lives on after its successor was handed out, whose
/// answer may have been lost.
pub const OVERLAP: Duration = Duration::from_mins(1);

/// The longest text that names a device, in characters.
pub const MAX_DEVICE_CHARS: usize = 120;

/// The device of a session, as the app named it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginDevice {
    /// The app's id of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Such as `ios`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EndReason {
    /// A newer session needed its place.
    Evicted,
    /// The user logged out.
    LoggedOut,
    /// An administrator, the partner or the user from elsewhere ended it.
    Revoked,
    /// A refresh token came a second time: one of the two who had it stole it.
    Reused,
    /// Nobody used it for too long, or it was as old as it may become.
    Expired,
    /// Too many wrong codes or answers.
    VerificationLimit,
}

impl EndReason {
    /// All reasons.
    pub const ALL: [Self; 6] = [
        Self::Evicted,
        Self::LoggedOut,
        Self::Revoked,
        Self::Reused,
        Self::Expired,
        Self::VerificationLimit,
    ];

    /// The word in the store and in notifications.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Evicted => "evicted",
            Self::LoggedOut => "logged_out",
            Self::Revoked => "revoked",
            Self::Reused => "reused",
            Self::Expired => "expired",
            Self::VerificationLimit => "verification_limit",
        }
    }

    /// The reason of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
    }

    /// The `code` that the client of such a session is answered with.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Evicted => "session_evicted",
            Self::LoggedOut => "session_logged_out",
            Self::Revoked | Self::Reused => "session_revoked",
            Self::Expired => "session_expired",
            Self::VerificationLimit => "verification_limit",
        }
    }

    /// Whether the phone may still call for help with what it holds: it was
    /// overtaken, not sent away.
    pub const fn calls_for_help(self) -> bool {
        matches!(self, Self::Evicted | Self::Expired)
    }

    /// Whether the partner's token that opened the session opens none any more.
    pub const fn refuses_partner_token(self) -> bool {
        matches!(self, Self::Revoked | Self::Reused | Self::VerificationLimit)
    }
}

/// How a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// Why.
    pub reason: EndReason,
    /// When.
    pub at: Timestamp,
    /// The device whose log-in took its place.
    pub by: Option<LoginDevice>,
}

/// Why an access token does not suffice, as its holder is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lapse {
    /// The `code` of the answer.
    pub code: &'static str,
    /// Since when.
    pub at: Timestamp,
    /// The device whose log-in took the session's place.
    pub device: Option<LoginDevice>,
}

/// What is on record of a session, as far as its life depends on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Life {
    /// Last authenticated request or refresh.
    pub used_at: Timestamp,
    /// The end of its absolute life.
    pub expires_at: Timestamp,
    /// How long it may be idle.
    pub idle: Duration,
    /// How it ended; `None` while nobody ended it.
    pub ending: Option<Ending>,
}

impl Life {
    /// How the session has ended at `now`, be it by itself.
    pub fn ended(&self, now: Timestamp) -> Option<Ending> {
        if let Some(ending) = &self.ending {
            return Some(ending.clone());
        }
        let end = self.ends_by();
        (now >= end).then_some(Ending {
            reason: EndReason::Expired,
            at: end,
            by: None,
        })
    }

    /// When it ends by itself if nobody uses it again.
    pub fn ends_by(&self) -> Timestamp {
        self.expires_at.min(self.used_at.plus(self.idle))
    }
}

/// What is on record of an access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenLife {
    /// The end of its own life.
    pub expires_at: Timestamp,
    /// When a newer pair was handed out.
    pub superseded_at: Option<Timestamp>,
}

impl TokenLife {
    /// When it is no longer in force by itself.
    pub fn ends_at(&self) -> Timestamp {
        let overtaken = self.superseded_at.map(|at| at.plus(OVERLAP));
        overtaken.map_or(self.expires_at, |at| at.min(self.expires_at))
    }
}

/// What an access token is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everything.
    Full,
    /// Calling for help alone.
    Stale(Lapse),
    /// Nothing.
    Refused(Lapse),
}

/// Judges an access token of a session at `now`.
pub fn access(life: &Life, token: &TokenLife, now: Timestamp) -> Access {
    if let Some(ending) = life.ended(now) {
        let lapse = Lapse {
            code: ending.reason.code(),
            at: ending.at,
            device: ending.by,
        };
        let helps = ending.reason.calls_for_help() && now <= ending.at.plus(STALE_GRACE);
        return if helps {
            Access::Stale(lapse)
        } else {
            Access::Refused(lapse)
        };
    }
    let end = token.ends_at();
    if now < end {
        return Access::Full;
    }
    let lapse = Lapse {
        code: "token_expired",
        at: end,
        device: None,
    };
    if now <= end.plus(STALE_GRACE) {
        Access::Stale(lapse)
    } else {
        Access::Refused(lapse)
    }
}

/// What a refresh token buys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresh {
    /// The next pair.
    Rotate,
    /// Nothing: it has bought a pair before, or one that came beside or after it has.
    Reuse,
}

/// Judges the refresh token of pair number `pair` in a live session whose newest
/// pair is `newest`, and of which `used` is the newest whose refresh token ever bought
/// another. `spent_at` is when a token that had bought nothing before, this one or another,
/// first bought a pair after this one was handed out.
///
/// One that is not spent may be used, whatever its age and whether or not it is the
/// newest: an app that asked twice at one instant got two pairs and keeps one of them, and
/// nobody knows which. A spent one is taken for [`OVERLAP`] more, as long as no later one
/// has bought anything: then the answer that carried the successor was lost, or such an app
/// goes on with both. Whoever comes with a spent one after that has a copy, or the other
/// has.
///
/// That an app goes on with one of two access tokens meanwhile says nothing about who has
/// the refresh token, and a session that ended so would not even call for help.
pub fn refresh(
    pair: i64,
    spent_at: Option<Timestamp>,
    newest: i64,
    used: i64,
    now: Timestamp,
) -> Refresh {
    if pair == newest {
        return Refresh::Rotate;
    }
    let taken = match spent_at {
        None => pair > used,
        Some(at) => pair >= used && now < at.plus(OVERLAP),
    };
    if taken {
        Refresh::Rotate
    } else {
        Refresh::Reuse
    }
}

/// A live session that competes for a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The session.
    pub id: SessionId,
    /// Last authenticated request or refresh.
    pub used_at: Timestamp,
    /// When it was opened.
    pub created_at: Timestamp,
}

/// Who makes room so that `cap` sessions remain of `live` and `newcomers` more:
/// the oldest idle, on a tie the older session.
pub fn surplus(mut live: Vec<Place>, newcomers: usize, cap: u32) -> Vec<SessionId> {
    let cap = usize::try_from(cap).unwrap_or(usize::MAX);
    live.sort_by_key(|place| (place.used_at, place.created_at, place.id));
    let excess = (live.len() + newcomers).saturating_sub(cap);
    live.into_iter()
        .take(excess)
        .map(|place| place.id)
        .collect()
}

#[cfg(test)]
mod tests;
