//! Why a use case failed, in words that every transport can translate.
//!
//! Use the named constructors. A transport maps a variant to its own code
//! (`http/problem.rs`, `mqtt/reason.rs`) and logs [`AppError::Internal`] once.

use std::time::Duration;

use mayday_core::field::FieldError;
use mayday_store::StoreError;

/// Why a use case failed.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// No valid proof of identity.
    #[error("the identity could not be verified: check X-App-ID, X-User-ID and the user hash")]
    Unauthorized,
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
    /// The store cannot commit now; nothing was stored; try again.
    #[error("temporarily unavailable, nothing was stored: try again")]
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
