//! When the next attempt is due.

use std::time::Duration;

const fn minutes(count: u64) -> Duration {
    Duration::from_secs(60 * count)
}

const fn hours(count: u64) -> Duration {
    Duration::from_secs(3600 * count)
}

/// The waits before each attempt, counted from the end of the one before
/// (contract: Partner notifications).
const WAITS: [Duration; 10] = [
    Duration::ZERO,
    Duration::from_secs(5),
    minutes(5),
    minutes(30),
    hours(2),
    hours(5),
    hours(10),
    hours(14),
    hours(20),
    hours(24),
];

/// How many attempts there are.
pub const ATTEMPTS: usize = WAITS.len();

/// Jitter adds up to one part in this many to a wait, so that a partner who
/// comes back is not met by everything at once.
const JITTER_PART: u32 = 5;

/// How long to wait after `made` attempts have ended without success; nothing
/// when there are no more. `retry_after` is what the receiver asked for and can
/// only lengthen the wait. `random` is any number; it decides the jitter.
pub fn next_attempt(made: usize, retry_after: Option<Duration>, random: u32) -> Option<Duration> {
    let wait = *WAITS.get(made)?;
    let jitter = (wait / JITTER_PART).mul_f64(f64::from(random) / f64::from(u32::MAX));
    Some((wait + jitter).max(retry_after.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_attempts_over_three_days() {
        let waits: Vec<_> = (0..)
            .map_while(|made| next_attempt(made, None, 0))
            .collect();
        assert_eq!(waits.len(), ATTEMPTS);
        assert_eq!(waits.first(), Some(&Duration::ZERO));
        assert_eq!(waits.get(1), Some(&Duration::from_secs(5)));
        assert_eq!(waits.get(9), Some(&Duration::from_hours(24)));
        assert_eq!(
            waits.iter().sum::<Duration>(),
            Duration::from_secs(5 + 35 * 60 + 75 * 3600)
        );
        assert_eq!(next_attempt(ATTEMPTS, None, 0), None);
    }

    #[test]
    fn jitter_lengthens_by_a_fifth_at_most() {
        assert_eq!(
            next_attempt(2, None, u32::MAX),
            Some(Duration::from_mins(6))
        );
        assert!(
            next_attempt(2, None, 1 << 31)
                .is_some_and(|wait| wait > minutes(5) && wait < minutes(6))
        );
    }

    #[test]
    fn the_receiver_can_ask_for_more_time_only() {
        let asked = |seconds| next_attempt(2, Some(Duration::from_secs(seconds)), 0);
        assert_eq!(asked(1), Some(minutes(5)));
        assert_eq!(asked(3600), Some(hours(1)));
    }
}
