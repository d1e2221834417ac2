//! Whether the partner's answer makes a session (contract: Introspection).
//!
//! | answer | judgement |
//! |---|---|
//! | 200, whole, JSON, every claim holds, no `error`, not `active: false` | valid |
//! | 200 and JSON, anything else | invalid |
//! | 200 with HTML, an empty, cut off, oversized or ambiguous body | unavailable |
//! | 400, 410, 422; 401 and 403 where we show no key of ours | invalid |
//! | 401 and 403 where we show a key | invalid if it names the token, else unavailable |
//! | 404 | invalid if it is a JSON object with `error`, else unavailable |
//! | any other 2xx, 3xx, the rest of 4xx, 5xx | unavailable |
//!
//! *Invalid* is the partner's word about the token: the client logs its user out.
//! *Unavailable* is nobody's word: the client keeps its user and tries again. So
//! what could be about us or about the endpoint, and not about the token, is
//! unavailable. Valid is never what is left over.

use super::claims::{ClaimFault, ClaimTerms, Claims};
use super::member::Members;
use crate::time::Timestamp;

/// Words in `error` that speak about the token and not about our key.
const TOKEN_ERRORS: &[&str] = &[
    "expired_token",
    "invalid_grant",
    "invalid_token",
    "token_expired",
    "token_invalid",
    "token_revoked",
];

/// What came back over the wire.
#[derive(Clone, Copy)]
pub struct PartnerAnswer<'a> {
    /// The status.
    pub status: u16,
    /// `Content-Type`; empty when missing.
    pub content_type: &'a str,
    /// The body as far as it arrived.
    pub body: &'a [u8],
    /// Whether that is all of it: not too long, not broken off, not too late.
    pub complete: bool,
    /// Whether a key of ours went with the question, which the partner may have
    /// refused.
    pub key_shown: bool,
}

/// What follows from an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// The token is this user's.
    Valid(Claims),
    /// The token makes no session.
    Invalid(InvalidToken),
    /// Nothing is known about the token.
    Unavailable(Unavailable),
}

/// Why a token makes no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum InvalidToken {
    /// The partner refused it.
    #[error("the app's server refused the token")]
    Refused,
    /// The partner called it inactive.
    #[error("the app's server called the token inactive")]
    Inactive,
    /// The partner took it, and what it says of it does not hold.
    #[error("{0}")]
    Claims(ClaimFault),
}

/// Why nothing is known about a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Unavailable {
    /// No connection, or none that is trusted.
    #[error("the app's server did not answer")]
    NoAnswer,
    /// It took the question and did not answer in time.
    #[error("the app's server did not answer in time")]
    Late,
    /// It took the question and closed the connection.
    #[error("the app's server broke off")]
    BrokenOff,
    /// The address is one that is never asked.
    #[error("the app's token info URL is refused")]
    Forbidden,
    /// Our key was refused, or may have been.
    #[error("the app's server may have refused our key")]
    Key,
    /// A redirect; none is followed.
    #[error("the app's server answered with a redirect")]
    Redirect,
    /// A status that says nothing about the token.
    #[error("the app's server answered with status {0}")]
    Status(u16),
    /// A body that is no JSON object, or not all of one.
    #[error("the app's server answered with what is no JSON object")]
    Garbage,
    /// It failed so often that it is left alone for a while.
    #[error("the app's server is left alone after failures")]
    Broken,
    /// More log-ins at once than are asked about.
    #[error("too many log-ins of this app at once")]
    Busy,
}

impl Unavailable {
    /// How it counts against the partner's endpoint, if it does. An answer that may be
    /// about a token does not: a stranger with bad tokens could otherwise shut
    /// everybody out.
    pub const fn outage(self) -> Option<Outage> {
        match self {
            Self::NoAnswer => Some(Outage::Silent),
            Self::Late | Self::BrokenOff | Self::Garbage | Self::Redirect => Some(Outage::Garbled),
            Self::Status(status) if status >= 500 => Some(Outage::Garbled),
            Self::Status(_) | Self::Forbidden | Self::Key | Self::Broken | Self::Busy => None,
        }
    }

    /// The word for metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoAnswer => "no_answer",
            Self::Late => "late",
            Self::BrokenOff => "broken_off",
            Self::Forbidden => "forbidden",
            Self::Key => "key",
            Self::Redirect => "redirect",
            Self::Status(_) => "status",
            Self::Garbage => "garbage",
            Self::Broken => "broken",
            Self::Busy => "busy",
        }
    }
}

/// How an endpoint fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outage {
    /// It cannot be reached.
    Silent,
    /// It is there, and what it says means nothing, or it says nothing: perhaps at this
    /// one token.
    Garbled,
}

/// Judges an answer. `now` is the time at which it arrived.
pub fn judge(answer: &PartnerAnswer<'_>, terms: &ClaimTerms, now: Timestamp) -> Judgement {
    match answer.status {
        200 => of_success(answer, terms, now),
        400 | 410 | 422 => Judgement::Invalid(InvalidToken::Refused),
        401 | 403 if !answer.key_shown || names_the_token(answer) => {
            Judgement::Invalid(InvalidToken::Refused)
        }
        401 | 403 => Judgement::Unavailable(Unavailable::Key),
        404 if has_error(answer) => Judgement::Invalid(InvalidToken::Refused),
        300..=399 => Judgement::Unavailable(Unavailable::Redirect),
        status => Judgement::Unavailable(Unavailable::Status(status)),
    }
}

fn of_success(answer: &PartnerAnswer<'_>, terms: &ClaimTerms, now: Timestamp) -> Judgement {
    let Some(members) = object(answer) else {
        return Judgement::Unavailable(Unavailable::Garbage);
    };
    if members.get("error").is_some() {
        return Judgement::Invalid(InvalidToken::Refused);
    }
    // RFC 7662: `active` is a boolean; whatever is not true is not active.
    let active = members.get("active");
    if active.is_some_and(|active| active.as_bool() != Some(true)) {
        return Judgement::Invalid(InvalidToken::Inactive);
    }
    match Claims::check(&members, terms, now) {
        Ok(claims) => Judgement::Valid(claims),
        Err(fault) => Judgement::Invalid(InvalidToken::Claims(fault)),
    }
}

/// The body, if it is one whole object and is called JSON.
fn object(answer: &PartnerAnswer<'_>) -> Option<Members> {
    if !answer.complete || !is_json(answer.content_type) {
        return None;
    }
    Members::parse(answer.body)
}

/// `application/json`, or a type that ends in `+json` (RFC 6839), but for that of errors
/// (RFC 9457), whatever the status beside it is.
fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    let essence = essence.to_ascii_lowercase();
    let is_kind = essence.starts_with("application/") && essence.ends_with("+json");
    essence == "application/json" || (is_kind && essence != "application/problem+json")
}

fn has_error(answer: &PartnerAnswer<'_>) -> bool {
    object(answer).is_some_and(|members| members.get("error").is_some())
}

fn names_the_token(answer: &PartnerAnswer<'_>) -> bool {
    let Some(members) = object(answer) else {
        return false;
    };
    let word = members.get("error").and_then(|error| error.as_str());
    word.is_some_and(|word| TOKEN_ERRORS.contains(&word))
}

#[cfg(test)]
mod tests;
