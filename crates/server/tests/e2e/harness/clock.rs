//! The wall clock of the clients, and times as they print them.

use std::time::SystemTime;

/// Microseconds since 1970.
pub(crate) fn now() -> i64 {
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap();
    i64::try_from(since.as_micros()).unwrap()
}

/// RFC 3339 in UTC with six fractional digits.
pub(crate) fn iso(micros: i64) -> String {
    let time = jiff::Timestamp::from_microsecond(micros).unwrap();
    format!("{time:.6}")
}

/// Microseconds of a printed time.
pub(crate) fn parse(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
        .as_microsecond()
}
