//! Why a use case failed, in words that every transport can translate.
//!
//! Use the named constructors. A transport maps a variant to its own code
//! (`http/problem.rs`, `mqtt/reason.rs`) and logs [`AppError::Internal`] once.

use std::sync::Arc;
use std::time::Duration;

use mayday_core::field::FieldError;
use mayday_core::identity::Caller;
use mayday_core::ids::RecordId;
use mayday_core::sso::introspection::{InvalidToken, Unavailable};
use mayday_core::sso::session::Lapse;
use mayday_store::StoreError;

use crate::sos::Crowded;

/// Why a use case failed.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// No valid proof of identity.
    #[error("the identity could not be verified: check X-App-ID, X-User-ID and the user hash")]
    Unauthorized,
    /// A session's token that is not in force, or that was sent away.
    #[error("{}", session_sentence(.lapse.code))]
    Session {
        /// What happened to it.
        lapse: Arc<Lapse>,
    },
    /// The app's own token makes no session.
    #[error("the token is not accepted: {reason}")]
    InvalidToken {
        /// Why, in words.
        reason: InvalidToken,
    },
    /// Nothing is known about the app's own token: keep the user and try again.
    #[error("the app's log-in cannot be checked now: try again")]
    SsoUnavailable {
        /// Why, for the log alone.
        reason: Unavailable,
        /// When to try again.
        retry_after: Duration,
    },
    /// The app is unknown to callers because it was deactivated.
    #[error("this app is not active")]
    AppInactive,
    /// The user was blocked by the app.
    #[error("this user is blocked")]
    UserBlocked,
    /// Too many failures, or too many requests on a limited route.
    #[error("too many attempts; try again in {} s", retry_after.as_secs().max(1))]
    RateLimited {
        /// When to try again.
        retry_after: Duration,
    },
    /// A report that is not signed by the provider that it names.
    #[error("the signature does not fit: check the provider's auth_token and http.public_url")]
    SignatureInvalid,
    /// The user's PIN is asked for.
    #[error("this app asks for the signature: send it as `signature`")]
    SignatureRequired,
    /// A change of the PIN, or of what recovers it, takes the one that is set.
    #[error("a signature is set already: send it as `current`")]
    CurrentRequired,
    /// The PIN is not the user's.
    #[error("the signature is not the one of this account")]
    WrongSignature,
    /// The code, or what is asked for beside it, is wrong, used or over. What of it is
    /// not told.
    #[error("the code or an answer is not right, or the code is not taken any more")]
    VerificationFailed,
    /// The log-in's address is that of another account, which is joined by a code.
    #[error("an account with this login exists already: confirm the mailed code to join it")]
    LinkRequired {
        /// The address.
        email: String,
        /// Names the log-in that is pending.
        pending: RecordId,
    },
    /// A field is wrong. `status_422` tells the routes whose answer is 422 apart.
    #[error("{message}")]
    Validation {
        /// Names the faulty field.
        message: String,
        /// Each faulty field.
        fields: Vec<FieldError>,
        /// An unknown device: answered 422, which clients react to.
        unprocessable: bool,
    },
    /// Nothing of that id belongs to the caller.
    #[error("{what} not found")]
    NotFound {
        /// What was looked for.
        what: &'static str,
    },
    /// The state does not allow it.
    #[error("{message}")]
    Conflict {
        /// Why not.
        message: String,
    },
    /// Larger than the route takes.
    #[error("the body is larger than {limit_bytes} bytes")]
    PayloadTooLarge {
        /// The limit.
        limit_bytes: usize,
    },
    /// The store cannot commit now, or not in time: nothing is certain to be stored;
    /// try again.
    #[error("temporarily unavailable: send the request again")]
    Unavailable {
        /// What failed, for the log alone.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A fault of ours.
    #[error("internal error")]
    Internal {
        /// What failed, for the log alone.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl AppError {
    /// A proof that is genuine and not in force, where it must be.
    pub fn stale(caller: &Caller) -> Self {
        match &caller.lapse {
            Some(lapse) => Self::Session {
                lapse: Arc::clone(lapse),
            },
            None => Self::Unauthorized,
        }
    }

    /// One faulty field.
    pub fn field(pointer: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self::Validation {
            fields: vec![FieldError::new(pointer, message.clone())],
            message,
            unprocessable: false,
        }
    }

    /// Several faulty fields; the message is that of the first.
    pub fn fields(fields: Vec<FieldError>) -> Self {
        Self::Validation {
            message: fields.first().map_or_else(
                || "the request is not valid".to_owned(),
                |f| f.message.clone(),
            ),
            fields,
            unprocessable: false,
        }
    }

    /// The state does not allow it.
    pub(crate) fn conflict(message: &str) -> Self {
        Self::Conflict {
            message: message.to_owned(),
        }
    }

    /// Too much is asked for at once: try again.
    pub(crate) fn busy(what: &'static str) -> Self {
        Self::Unavailable {
            source: what.into(),
        }
    }

    /// Whether the caller's own cries are in each other's way, which is told once and
    /// not for each of them.
    pub fn is_of_own_crowd(&self) -> bool {
        matches!(self, Self::Unavailable { source } if source.is::<Crowded>())
    }

    /// The device is not registered in the app: 422 with `/deviceId`.
    pub fn unknown_device() -> Self {
        let message = "deviceId is not a registered device: register it first";
        Self::Validation {
            message: message.to_owned(),
            fields: vec![FieldError::new("/deviceId", message)],
            unprocessable: true,
        }
    }
}

impl From<StoreError> for AppError {
    fn from(error: StoreError) -> Self {
        if error.is_transient() {
            Self::Unavailable {
                source: error.into(),
            }
        } else {
            Self::Internal {
                source: error.into(),
            }
        }
    }
}

impl From<Crowded> for AppError {
    fn from(crowded: Crowded) -> Self {
        Self::Unavailable {
            source: crowded.into(),
        }
    }
}

/// What the holder of a session is told, by its code.
fn session_sentence(code: &str) -> &'static str {
    match code {
        "token_expired" => "the access token has expired: refresh it",
        "session_evicted" => "the session ended: the account is in use on another device",
        "session_logged_out" => "the session ended: it was logged out",
        "session_expired" => "the session has expired: log in again",
        "verification_limit" => "the session ended: too many failed verifications",
        _ => "the session ended: it was revoked",
    }
}
