//! Which code says what, on both versions of the protocol.
//!
//! | what happened | CONNACK 5 | CONNACK 3.1.1 |
//! |---|---|---|
//! | wrong hash, unknown app, no or malformed username | 0x86 | 4 |
//! | app inactive, user blocked, session ended | 0x87 | 5 |
//! | too many failures (only ever instead of a failure) | 0x9F | 5 |
//! | the store cannot answer now | 0x88 | 3 |
//! | protocol version we do not speak | 0x84 | 1 |
//! | empty client id without a clean session | assigned | 2 |
//! | extended authentication | 0x8C | |
//!
//! | what became of a publish | PUBACK, PUBREC 5 | 3.1.1 |
//! |---|---|---|
//! | stored; redelivered; unattributed; unknown relayed device | 0x00 | acknowledged |
//! | telemetry malformed, kept as a dead letter | 0x99 | acknowledged |
//! | foreign topic; proof no longer in force | 0x87 | closed |
//! | the commit failed and may succeed later | 0x97 | closed |
//! | the commit failed | 0x80 | closed |
//!
//! DISCONNECT exists for the server in 5 only; 3.1.1 is closed without a word.

mod code;

use mayday_app::AppError;
use mayday_app::presence::CutReason;

pub(crate) use code::{Reason, Refusal, v311};

/// How a failed check of identity is answered.
pub(crate) fn refusal(error: &AppError) -> Refusal {
    match error {
        AppError::Session { lapse } => Refusal {
            v5: Reason::NOT_AUTHORIZED,
            v311: v311::NOT_AUTHORIZED,
            word: lapse.code,
            hint: lapse.code,
        },
        AppError::AppInactive => Refusal {
            v5: Reason::NOT_AUTHORIZED,
            v311: v311::NOT_AUTHORIZED,
            word: "app_inactive",
            hint: "this app is not active",
        },
        AppError::UserBlocked => Refusal {
            v5: Reason::NOT_AUTHORIZED,
            v311: v311::NOT_AUTHORIZED,
            word: "user_blocked",
            hint: "this user is blocked",
        },
        AppError::RateLimited { .. } => Refusal {
            v5: Reason::RATE,
            v311: v311::NOT_AUTHORIZED,
            word: "rate_limited",
            hint: "too many failed attempts: check the user hash and wait",
        },
        AppError::Unavailable { .. } | AppError::Internal { .. } => Refusal::UNAVAILABLE,
        _ => Refusal {
            hint: "app, user and hash do not fit together",
            ..Refusal::CREDENTIALS
        },
    }
}

/// How a publish whose use case failed is answered; a failure closes 3.1.1.
pub(crate) fn publish_failure(error: &AppError) -> Reason {
    match error {
        AppError::Unauthorized
        | AppError::Session { .. }
        | AppError::AppInactive
        | AppError::UserBlocked => Reason::NOT_AUTHORIZED,
        AppError::Unavailable { .. }
        | AppError::RateLimited { .. }
        | AppError::PayloadTooLarge { .. } => Reason::QUOTA,
        AppError::Validation { .. } => Reason::PAYLOAD_INVALID,
        _ => Reason::UNSPECIFIED,
    }
}

/// What the DISCONNECT of a cut connection says.
pub(crate) fn cut(reason: CutReason) -> (Reason, &'static str) {
    match reason {
        CutReason::TakenOver => (Reason::TAKEN_OVER, "taken_over"),
        CutReason::TooManyOfIdentity => (Reason::QUOTA, "too_many_of_identity"),
        CutReason::FullHouse => (Reason::BUSY, "full_house"),
        CutReason::UserBlocked => (Reason::NOT_AUTHORIZED, "user_blocked"),
        CutReason::UserErased => (Reason::NOT_AUTHORIZED, "user_erased"),
        CutReason::AppInactive => (Reason::NOT_AUTHORIZED, "app_inactive"),
        CutReason::SecretRetired => (Reason::NOT_AUTHORIZED, "secret_retired"),
        CutReason::PolicyChanged => (Reason::NOT_AUTHORIZED, "policy_changed"),
        CutReason::ProofExpired => (Reason::NOT_AUTHORIZED, "proof_expired"),
        CutReason::SessionEnded(reason) => (Reason::NOT_AUTHORIZED, reason.code()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_that_failed_is_never_answered_with_success() {
        let source = || "disk full".into();
        for (error, reason) in [
            (AppError::Unavailable { source: source() }, 0x97),
            (AppError::Internal { source: source() }, 0x80),
            (AppError::Unauthorized, 0x87),
            (AppError::UserBlocked, 0x87),
            (AppError::AppInactive, 0x87),
        ] {
            assert_eq!(publish_failure(&error), Reason(reason), "{error}");
        }
    }

    #[test]
    fn refusals_follow_the_table() {
        let source = || "disk full".into();
        let retry_after = std::time::Duration::from_secs(1);
        for (error, v5, v311) in [
            (AppError::Unauthorized, 0x86, 4),
            (AppError::AppInactive, 0x87, 5),
            (AppError::UserBlocked, 0x87, 5),
            (AppError::RateLimited { retry_after }, 0x9F, 5),
            (AppError::Unavailable { source: source() }, 0x88, 3),
            (AppError::Internal { source: source() }, 0x88, 3),
        ] {
            let refusal = refusal(&error);
            assert_eq!((refusal.v5, refusal.v311), (Reason(v5), v311), "{error}");
        }
    }
}
