//! The check-in timer: somebody on the way says how long they may be silent, and
//! being overdue is a cry for help.
//!
//! The phone starts the timer and starts it again at every sign that all is well;
//! it stops it on arrival. Nobody has to do anything for help to come: the server
//! holds the timer, so that it runs out on a phone that is broken, too.

use crate::field::FieldError;
use crate::ids::{AppUuid, RecordId, UserId};
use crate::time::Timestamp;

/// The shortest timer, in minutes.
pub const MIN_CHECK_IN_MINUTES: u32 = 1;
/// The longest timer, in minutes: a day.
pub const MAX_CHECK_IN_MINUTES: u32 = 1_440;
/// The longest note, in characters.
pub const MAX_CHECK_IN_MESSAGE: usize = 500;
/// `triggerSource` of the SOS that an overdue check-in raises.
pub const CHECK_IN_TRIGGER: &str = "check-in";

/// A running timer. A user has at most one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckIn {
    /// New with each start.
    pub id: RecordId,
    /// The user's app.
    pub app: AppUuid,
    /// Whose it is.
    pub user: UserId,
    /// How long it runs: [`MIN_CHECK_IN_MINUTES`] to [`MAX_CHECK_IN_MINUTES`].
    pub minutes: u32,
    /// What those who help should read, such as the way that was taken.
    pub message: Option<String>,
    /// When it was started.
    pub started_at: Timestamp,
    /// When it runs out.
    pub due_at: Timestamp,
}

/// A timer as asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckInDraft {
    /// `minutes`, required.
    pub minutes: Option<i64>,
    /// `message`; the empty text is none.
    pub message: Option<String>,
}

/// A timer that may be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedCheckIn {
    /// How long it runs.
    pub minutes: u32,
    /// What those who help should read.
    pub message: Option<String>,
}

impl CheckInDraft {
    /// Names each faulty field.
    pub fn check(self) -> Result<CheckedCheckIn, Vec<FieldError>> {
        let mut faults = Vec::new();
        let minutes = self
            .minutes
            .and_then(|minutes| u32::try_from(minutes).ok())
            .filter(|minutes| (MIN_CHECK_IN_MINUTES..=MAX_CHECK_IN_MINUTES).contains(minutes));
        if minutes.is_none() {
            faults.push(FieldError::new(
                "/minutes",
                format!("minutes must be {MIN_CHECK_IN_MINUTES} to {MAX_CHECK_IN_MINUTES}"),
            ));
        }
        let message = self
            .message
            .map(|message| message.trim().to_owned())
            .filter(|message| !message.is_empty());
        if message
            .as_ref()
            .is_some_and(|message| message.chars().count() > MAX_CHECK_IN_MESSAGE)
        {
            faults.push(FieldError::new(
                "/message",
                format!("message must be at most {MAX_CHECK_IN_MESSAGE} characters"),
            ));
        }
        match minutes {
            Some(minutes) if faults.is_empty() => Ok(CheckedCheckIn { minutes, message }),
            _ => Err(faults),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointers(draft: CheckInDraft) -> Vec<String> {
        let faults = draft.check().unwrap_err();
        faults.into_iter().map(|fault| fault.pointer).collect()
    }

    #[test]
    fn a_timer_runs_one_minute_to_a_day() {
        for (minutes, allowed) in [
            (None, false),
            (Some(-1), false),
            (Some(0), false),
            (Some(1), true),
            (Some(1_440), true),
            (Some(1_441), false),
            (Some(i64::MAX), false),
        ] {
            let draft = CheckInDraft {
                minutes,
                message: None,
            };
            assert_eq!(draft.check().is_ok(), allowed, "{minutes:?}");
        }
    }

    #[test]
    fn a_note_is_trimmed_and_bounded() {
        let draft = |message: &str| CheckInDraft {
            minutes: Some(5),
            message: Some(message.to_owned()),
        };
        assert_eq!(draft("  ").check().unwrap().message, None);
        let kept = draft(" by the river ").check().unwrap().message;
        assert_eq!(kept.as_deref(), Some("by the river"));
        assert!(draft(&"ñ".repeat(500)).check().is_ok());
        assert_eq!(pointers(draft(&"ñ".repeat(501))), ["/message"]);
        let both = CheckInDraft {
            minutes: None,
            ..draft(&"x".repeat(501))
        };
        assert_eq!(pointers(both), ["/minutes", "/message"]);
    }
}
