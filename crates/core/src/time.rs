//! Points in time, as stored and as they stand on the wire.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A point in time: microseconds since 1970-01-01T00:00:00Z.
///
/// Serialised as RFC 3339 in UTC with three fractional digits; stored as an
/// integer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// A text that is no RFC 3339 time with a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an ISO-8601 time with a zone, such as 2026-09-09T10:15:30.123Z")]
pub struct InvalidTime;

impl Timestamp {
    /// From microseconds since the epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// From whole seconds since the epoch.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1_000_000))
    }

    /// Microseconds since the epoch.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Milliseconds since the epoch, rounded down.
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Parses RFC 3339 with a zone and 0 to 9 fractional digits; digits past
    /// the microsecond are cut off.
    pub fn parse(text: &str) -> Result<Self, InvalidTime> {
        // jiff also takes forms without a time or with a bracketed zone name.
        let shaped = text.len() >= 20 && text.len() <= 35 && text.is_ascii() && !text.contains('[');
        if !shaped {
            return Err(InvalidTime);
        }
        let parsed: jiff::Timestamp = text.parse().map_err(|_| InvalidTime)?;
        Ok(Self(parsed.as_microsecond()))
    }

    /// This much later.
    pub fn plus(self, by: Duration) -> Self {
        let by = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(by))
    }

    /// This much earlier.
    pub fn minus(self, by: Duration) -> Self {
        let by = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(by))
    }

    /// Shifted by signed microseconds.
    pub const fn shift_micros(self, by: i64) -> Self {
        Self(self.0.saturating_add(by))
    }

    /// How long after `earlier` this is; zero when it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Signed distance `self - other` in microseconds.
    pub const fn micros_after(self, other: Self) -> i64 {
        self.0.saturating_sub(other.0)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.as_millis().saturating_mul(1_000)) {
            Ok(time) => write!(f, "{time:.3}"),
            Err(_) => write!(f, "{}us", self.0),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_three_and_six_digits_and_prints_three() {
        let six = Timestamp::parse("2026-09-09T10:15:30.123456Z").unwrap();
        assert_eq!(six.as_micros() % 1_000_000, 123_456);
        assert_eq!(six.to_string(), "2026-09-09T10:15:30.123Z");
        let three = Timestamp::parse("2026-09-09T10:15:30.123Z").unwrap();
        assert_eq!(three.as_millis(), six.as_millis());
        let none = Timestamp::parse("2026-09-09T10:15:30Z").unwrap();
        assert_eq!(none.to_string(), "2026-09-09T10:15:30.000Z");
    }

    #[test]
    fn refuses_what_has_no_zone() {
        for text in ["2026-09-09T10:15:30", "2026-09-09", "", "yesterday"] {
            assert_eq!(Timestamp::parse(text), Err(InvalidTime), "{text}");
        }
    }
}
