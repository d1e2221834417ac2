//! What the partner says about a token's user (contract: Introspection).

use std::fmt;
use std::time::Duration;

use serde_json::Value;

use super::member::Members;
use crate::identity::ExternalUserId;
use crate::text;
use crate::time::Timestamp;

/// The largest time in seconds that is read: 12 digits. One of 13 is in
/// milliseconds, and would be a token for 50 000 years.
const MAX_SECONDS: u64 = 999_999_999_999;

/// Digits of [`MAX_SECONDS`].
const MAX_DIGITS: usize = 12;

/// What claims are held against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimTerms {
    /// The constant that the app was given: who the token is for.
    pub audience: String,
    /// How far the partner's clock may differ from ours.
    pub skew: Duration,
    /// The longest life of a token, from `iat` to `exp`.
    pub max_lifetime: Duration,
}

/// Claims that hold.
#[derive(Clone, PartialEq, Eq)]
pub struct Claims {
    /// The partner's id of the user, byte for byte.
    pub subject: ExternalUserId,
    /// The user's address.
    pub email: String,
    /// The user's name; one that cannot be a name is left out.
    pub name: Option<String>,
    /// When the token was issued.
    pub issued_at: Timestamp,
    /// When the token ends.
    pub expires_at: Timestamp,
}

impl fmt::Debug for Claims {
    /// Not the person.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claims")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// Why claims make no session. The words are for logs, counters and the
/// partner's developer; they hold nothing of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ClaimFault {
    /// A required member is not there.
    #[error("the claim {0} is missing")]
    Missing(&'static str),
    /// A member is not of the form that is read.
    #[error("the claim {0} cannot be read")]
    Malformed(&'static str),
    /// The token is for somebody else.
    #[error("the claim aud is for another audience")]
    Audience,
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `iat` is still to come.
    #[error("the token was issued in the future")]
    NotYet,
    /// `exp` does not lie after `iat`.
    #[error("the token expires before it was issued")]
    Backwards,
    /// From `iat` to `exp` is longer than the app takes.
    #[error("the token lives longer than this app takes")]
    TooLong,
}

impl Claims {
    /// Reads and checks the members of an answer.
    pub(super) fn check(
        members: &Members,
        terms: &ClaimTerms,
        now: Timestamp,
    ) -> Result<Self, ClaimFault> {
        let subject = text_of(members, "sub")?;
        let subject = ExternalUserId::parse(subject).map_err(|_| ClaimFault::Malformed("sub"))?;
        let email = text_of(members, "email")?;
        text::check_email(email).map_err(|_| ClaimFault::Malformed("email"))?;
        audience(members, &terms.audience)?;
        let issued_at = time_of(members, "iat")?;
        let expires_at = time_of(members, "exp")?;
        if expires_at <= issued_at {
            return Err(ClaimFault::Backwards);
        }
        if expires_at.since(issued_at) > terms.max_lifetime {
            return Err(ClaimFault::TooLong);
        }
        if now >= expires_at.plus(terms.skew) {
            return Err(ClaimFault::Expired);
        }
        if issued_at > now.plus(terms.skew) {
            return Err(ClaimFault::NotYet);
        }
        let name = members.get("name").and_then(Value::as_str);
        Ok(Self {
            subject,
            email: email.to_owned(),
            name: name
                .filter(|name| !name.is_empty() && text::check_name(name).is_ok())
                .map(str::to_owned),
            issued_at,
            expires_at,
        })
    }
}

fn text_of<'m>(members: &'m Members, name: &'static str) -> Result<&'m str, ClaimFault> {
    match members.get(name) {
        None | Some(Value::Null) => Err(ClaimFault::Missing(name)),
        Some(value) => value.as_str().ok_or(ClaimFault::Malformed(name)),
    }
}

/// Exactly ours; in a list, ours and no other.
fn audience(members: &Members, ours: &str) -> Result<(), ClaimFault> {
    let fits = match members.get("aud") {
        None | Some(Value::Null) => return Err(ClaimFault::Missing("aud")),
        Some(Value::String(audience)) => audience == ours,
        Some(Value::Array(all)) => {
            !all.is_empty() && all.iter().all(|one| one.as_str() == Some(ours))
        }
        Some(_) => return Err(ClaimFault::Malformed("aud")),
    };
    if fits {
        Ok(())
    } else {
        Err(ClaimFault::Audience)
    }
}

/// Whole seconds, as a number or as digits.
fn time_of(members: &Members, name: &'static str) -> Result<Timestamp, ClaimFault> {
    let seconds = match members.get(name) {
        None | Some(Value::Null) => return Err(ClaimFault::Missing(name)),
        // `as_u64` is none for a fraction, an exponent and a negative number.
        Some(Value::Number(number)) => number.as_u64(),
        Some(Value::String(digits)) => seconds(digits),
        Some(_) => None,
    };
    seconds
        .filter(|seconds| *seconds <= MAX_SECONDS)
        .and_then(|seconds| i64::try_from(seconds).ok())
        .map(Timestamp::from_secs)
        .ok_or(ClaimFault::Malformed(name))
}

/// Canonical decimal: no sign, no space, no leading zero.
fn seconds(digits: &str) -> Option<u64> {
    let plain = digits.len() <= MAX_DIGITS && digits.bytes().all(|b| b.is_ascii_digit());
    let canonical = digits == "0" || !digits.starts_with('0');
    if plain && canonical {
        digits.parse().ok()
    } else {
        None
    }
}
