//! What an app's administrator decided about SSO (contract: SSO, Roles).

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The most sessions that a user may be allowed.
pub const MAX_CAP: u32 = 100;

/// The widest skew that may be set.
pub const MAX_SKEW: Duration = Duration::from_mins(5);

/// The longest life of a partner's token that may be set.
pub const MAX_LIFETIME: Duration = Duration::from_hours(24);

/// The longest life of a session that may be set.
pub const MAX_ABSOLUTE: Duration = Duration::from_hours(365 * 24);

/// How the partner's endpoint is asked about a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestForm {
    /// `GET` with the token in the query.
    Query,
    /// `GET` with `Authorization: Bearer`.
    Bearer,
    /// `POST` of a form (RFC 7662).
    #[default]
    Form,
    /// `POST` of a JSON object.
    Json,
}

impl RequestForm {
    /// All forms.
    pub const ALL: [Self; 4] = [Self::Query, Self::Bearer, Self::Form, Self::Json];

    /// The word in settings and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Bearer => "bearer",
            Self::Form => "form",
            Self::Json => "json",
        }
    }

    /// The form of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|form| form.as_str() == word)
    }
}

/// How many sessions a user has, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionPolicy {
    /// Sessions of one user at once; one more ends the one that is idle longest.
    pub cap: u32,
    /// Life of an access token.
    pub access: Duration,
    /// A session that nobody used for this long has expired.
    pub idle: Duration,
    /// Life of a session, however much it is used.
    pub absolute: Duration,
}

impl Default for SessionPolicy {
    fn default() -> Self {
        Self {
            cap: 1,
            access: Duration::from_mins(15),
            idle: Duration::from_hours(30 * 24),
            absolute: Duration::from_hours(90 * 24),
        }
    }
}

impl SessionPolicy {
    /// Whether the numbers make sense together; else what is wrong, in words.
    pub fn check(&self) -> Result<(), &'static str> {
        if !(1..=MAX_CAP).contains(&self.cap) {
            return Err("the number of sessions is 1 to 100");
        }
        if self.access < Duration::from_mins(1) || self.access > Duration::from_hours(24) {
            return Err("an access token lives 1 minute to 24 hours");
        }
        if self.idle < self.access || self.idle > self.absolute {
            return Err(
                "the idle time-out lies between the life of an access token and that of a session",
            );
        }
        if self.absolute > MAX_ABSOLUTE {
            return Err("a session lives 365 days at most");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_of_the_contract() {
        let policy = SessionPolicy::default();
        assert_eq!(policy.check(), Ok(()));
        assert_eq!(policy.cap, 1);
        assert_eq!(policy.access, Duration::from_mins(15));
        assert_eq!(RequestForm::default(), RequestForm::Form);
        for form in RequestForm::ALL {
            assert_eq!(RequestForm::parse(form.as_str()), Some(form));
        }
    }

    #[test]
    fn nonsense_is_named() {
        let good = SessionPolicy::default();
        for bad in [
            SessionPolicy { cap: 0, ..good },
            SessionPolicy { cap: 101, ..good },
            SessionPolicy {
                access: Duration::from_secs(59),
                ..good
            },
            SessionPolicy {
                idle: Duration::from_mins(14),
                ..good
            },
            SessionPolicy {
                idle: Duration::from_hours(91 * 24),
                ..good
            },
            SessionPolicy {
                absolute: Duration::from_hours(366 * 24),
                ..good
            },
        ] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
    }
}
