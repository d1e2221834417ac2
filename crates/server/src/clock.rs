//! The only clock of the process: an anchor plus the system's monotonic time.
//!
//! Incidents are ordered and expire by this clock, so it never jumps. At start
//! it is set to the later of the wall clock and the store's last heartbeat (a
//! machine whose battery-backed clock died must not write times before those
//! already stored). From then on it runs with the monotonic clock, which counts
//! a suspended machine's sleep too. A watcher compares it with the wall clock
//! once a second: drift of up to [`STEP`] is followed by at most [`SLEW`] a
//! second; a greater step is alarmed, not followed.
//!
//! Two starts are special. A wall clock that is more than [`LEAP`] ahead of the
//! last heartbeat may be wrong: it is taken over, but for [`PROBATION`] nothing
//! is deleted for its age and no heartbeat is written, so that a restart with the
//! right time finds everything as it was; a restart meanwhile goes on with what is
//! left of that. A wall clock that is behind the
//! heartbeat by up to [`CATCH_UP_LIMIT`] may be right: the clock begins at the
//! heartbeat and runs a tenth slower until the wall clock has caught up.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use mayday_core::clock::{Clock, ClockDoubt};
use mayday_core::time::Timestamp;
use rustix::time::{ClockId, clock_gettime};
use tokio_util::sync::CancellationToken;

/// A difference to the wall clock beyond which it stepped, rather than drifted.
const STEP: Duration = Duration::from_secs(2);

/// How much of a drift is followed in one second.
const SLEW: Duration = Duration::from_millis(1);

/// A time without a heartbeat beyond which the wall clock may have leapt.
const LEAP: Duration = Duration::from_hours(24);

/// For how long a leap is doubted.
const PROBATION: Duration = Duration::from_hours(24);

/// A clock that began at most this much ahead of the wall clock waits for it.
const CATCH_UP_LIMIT: Duration = Duration::from_hours(24);

/// How much it waits in one second.
const CATCH_UP: Duration = Duration::from_millis(100);

/// How often the wall clock is looked at.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);

/// An anchor plus monotonic time.
#[derive(Debug)]
pub(crate) struct AnchoredClock {
    /// Microseconds to add to the monotonic clock.
    offset: AtomicI64,
    /// The latest time ever shown, in microseconds: time never goes back.
    latest: AtomicI64,
    /// By how many microseconds the wall clock was ahead when it was looked at
    /// last; 0 while it is followed.
    ahead: AtomicI64,
    /// The leap of the start is doubted until then, in microseconds.
    doubted_until: AtomicI64,
    /// The clock began ahead of the wall clock and waits for it.
    waits: AtomicBool,
}

/// What a look at the wall clock found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Drift {
    /// Within [`STEP`]: followed slowly.
    Followed,
    /// Stepped by this many microseconds (positive: the wall clock is ahead):
    /// not followed.
    Stepped(i64),
}

/// How the clock began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// Where it had ended, or a little later.
    Smooth,
    /// So much later that the wall clock may have leapt.
    Leapt(Duration),
    /// This much ahead of the wall clock.
    Behind(Duration),
}

impl AnchoredClock {
    /// A clock that shows the wall clock's time now.
    pub(crate) fn new() -> Self {
        Self::anchored(wall_micros(), monotonic_micros())
    }

    fn anchored(wall: i64, monotonic: i64) -> Self {
        Self {
            offset: AtomicI64::new(wall.saturating_sub(monotonic)),
            latest: AtomicI64::new(wall),
            ahead: AtomicI64::new(0),
            doubted_until: AtomicI64::new(i64::MIN),
            waits: AtomicBool::new(false),
        }
    }

    /// Takes up where `heartbeat` was the last sign of life; answers how that
    /// went. `doubt_left`: a leap since then was doubted before, and for so long of
    /// running it still is; zero: it was not.
    pub(crate) fn take_up(&self, heartbeat: Timestamp, doubt_left: Duration) -> Start {
        let now = self.now();
        let gap = now.since(heartbeat);
        if gap > LEAP {
            let left = if doubt_left.is_zero() {
                PROBATION
            } else {
                doubt_left.min(PROBATION)
            };
            let until = now.plus(left).as_micros();
            self.doubted_until.store(until, Ordering::SeqCst);
            return Start::Leapt(gap);
        }
        let behind = self.raise_to(heartbeat);
        let waits = !behind.is_zero() && behind <= CATCH_UP_LIMIT;
        self.waits.store(waits, Ordering::SeqCst);
        if behind > STEP {
            Start::Behind(behind)
        } else {
            Start::Smooth
        }
    }

    /// For how long the leap of the start is still doubted; zero: it is not.
    pub(crate) fn doubt_left(&self) -> Duration {
        let until = Timestamp::from_micros(self.doubted_until.load(Ordering::SeqCst));
        until.since(self.now())
    }

    /// Moves the clock forward to `floor` if it is not there yet; answers by
    /// how much.
    fn raise_to(&self, floor: Timestamp) -> Duration {
        let behind = floor.since(self.now());
        if !behind.is_zero() {
            self.offset.fetch_add(micros(behind), Ordering::SeqCst);
        }
        behind
    }

    /// Compares with the wall clock once.
    pub(crate) fn look(&self, wall: i64, monotonic: i64) -> Drift {
        let ahead = wall
            .saturating_sub(monotonic)
            .saturating_sub(self.offset.load(Ordering::SeqCst));
        if ahead.unsigned_abs() > STEP.as_micros().try_into().unwrap_or(u64::MAX) {
            let waits = ahead < 0 && self.waits.load(Ordering::SeqCst);
            let waited = if waits { micros(CATCH_UP) } else { 0 };
            self.offset.fetch_sub(waited, Ordering::SeqCst);
            self.ahead
                .store(ahead.saturating_add(waited), Ordering::SeqCst);
            return Drift::Stepped(ahead);
        }
        self.waits.store(false, Ordering::SeqCst);
        self.ahead.store(0, Ordering::SeqCst);
        let limit = micros(SLEW);
        self.offset
            .fetch_add(ahead.clamp(-limit, limit), Ordering::SeqCst);
        Drift::Followed
    }

    fn at(&self, monotonic: i64) -> Timestamp {
        let shown = monotonic.saturating_add(self.offset.load(Ordering::SeqCst));
        let before = self.latest.fetch_max(shown, Ordering::SeqCst);
        Timestamp::from_micros(shown.max(before))
    }
}

impl Clock for AnchoredClock {
    fn now(&self) -> Timestamp {
        self.at(monotonic_micros())
    }

    fn doubt(&self) -> ClockDoubt {
        ClockDoubt {
            system_ahead_micros: self.ahead.load(Ordering::SeqCst),
            leapt: self.now().as_micros() < self.doubted_until.load(Ordering::SeqCst),
        }
    }
}

/// Watches the wall clock until `shutdown`, and alarms once per step.
pub(crate) async fn watch(clock: std::sync::Arc<AnchoredClock>, shutdown: CancellationToken) {
    let mut ticks = tokio::time::interval(WATCH_INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut alarmed = false;
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = ticks.tick() => {}
        }
        match clock.look(wall_micros(), monotonic_micros()) {
            Drift::Stepped(ahead) if !alarmed => {
                alarmed = true;
                tracing::error!(clock.ahead_ms = ahead / 1_000, "{}", advice(ahead));
            }
            Drift::Followed if alarmed => {
                alarmed = false;
                tracing::info!("the system's clock agrees with mayday's again");
            }
            Drift::Stepped(_) | Drift::Followed => {}
        }
    }
}

/// What a step means and what to do about it.
const fn advice(ahead: i64) -> &'static str {
    if ahead > 0 {
        "the system's clock is more than 2 s ahead of mayday's and is not followed: set the \
         system's clock right, or restart mayday to take it over if it is right"
    } else {
        "the system's clock is more than 2 s behind mayday's, whose time never goes back: set \
         the system's clock right; if it is right, restart mayday, which then waits for it by \
         running a tenth slower"
    }
}

/// The wall clock, in microseconds since the epoch.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that reads the real clock"
)]
fn wall_micros() -> i64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, micros)
}

/// Time since the machine started, its sleep included, in microseconds.
fn monotonic_micros() -> i64 {
    #[cfg(target_os = "linux")]
    let id = ClockId::Boottime;
    #[cfg(not(target_os = "linux"))]
    let id = ClockId::Monotonic;
    let time = clock_gettime(id);
    time.tv_sec
        .saturating_mul(1_000_000)
        .saturating_add(time.tv_nsec / 1_000)
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    #[test]
    fn runs_with_the_monotonic_clock_and_not_with_the_wall() {
        let clock = AnchoredClock::anchored(1_000 * SECOND, 5 * SECOND);
        assert_eq!(clock.at(7 * SECOND).as_secs(), 1_002);
        let stepped = clock.look(90_000 * SECOND, 7 * SECOND);
        assert_eq!(stepped, Drift::Stepped((90_000 - 1_002) * SECOND));
        assert_eq!(clock.at(8 * SECOND).as_secs(), 1_003);
        let back = clock.look(10 * SECOND, 8 * SECOND);
        assert_eq!(back, Drift::Stepped((10 - 1_003) * SECOND));
        assert_eq!(clock.at(9 * SECOND).as_secs(), 1_004);
    }

    #[test]
    fn a_restart_is_advised_with_what_it_does() {
        assert!(advice(3 * SECOND).contains("restart mayday to take it over"));
        assert!(advice(-3 * SECOND).contains("running a tenth slower"));
    }

    #[test]
    fn a_leap_is_taken_over_and_doubted_for_a_day() {
        let clock = AnchoredClock::new();
        let now = clock.now();
        let day = Duration::from_hours(24);
        assert_eq!(
            clock.take_up(now.minus(day / 2), Duration::ZERO),
            Start::Smooth
        );
        assert!(!clock.doubt().leapt);
        let start = clock.take_up(now.minus(day * 30), Duration::ZERO);
        assert!(
            matches!(start, Start::Leapt(gap) if gap >= day * 30),
            "{start:?}"
        );
        assert!(clock.doubt().leapt);
        assert!(
            clock.now().since(now) < Duration::from_mins(1),
            "not held back"
        );
        clock.raise_to(now.plus(PROBATION * 2));
        assert!(!clock.doubt().leapt, "for a day");
    }

    #[test]
    fn a_restart_goes_on_with_what_is_left_of_the_doubt() {
        let clock = AnchoredClock::new();
        let now = clock.now();
        assert_eq!(clock.doubt_left(), Duration::ZERO);
        let long_ago = now.minus(Duration::from_hours(24 * 3));
        clock.take_up(long_ago, Duration::from_hours(2));
        assert!(clock.doubt().leapt);
        let left = clock.doubt_left();
        assert!(left <= Duration::from_hours(2) && left > Duration::from_mins(119));
        clock.raise_to(now.plus(Duration::from_mins(121)));
        assert!(!clock.doubt().leapt, "once the two hours are over");
        assert_eq!(clock.doubt_left(), Duration::ZERO);
        // No note makes a doubt longer than one that begins.
        clock.take_up(long_ago, Duration::from_hours(1_000));
        assert!(clock.doubt_left() <= PROBATION);
    }

    #[test]
    fn a_clock_that_began_ahead_waits_for_the_wall_and_never_goes_back() {
        let clock = AnchoredClock::new();
        let heartbeat = clock.now().plus(Duration::from_mins(1));
        assert!(matches!(
            clock.take_up(heartbeat, Duration::ZERO),
            Start::Behind(_)
        ));
        let (wall, monotonic) = (wall_micros(), monotonic_micros());
        let mut looks = 0;
        let mut shown = clock.now();
        // A minute is made up for in less than ten and a bit.
        while matches!(
            clock.look(wall + looks * SECOND, monotonic + looks * SECOND),
            Drift::Stepped(_)
        ) {
            looks += 1;
            let now = clock.at(monotonic + looks * SECOND);
            assert!(now >= shown);
            shown = now;
            assert!(looks < 620, "never caught up");
        }
        assert!(looks > 500, "{looks}");
        assert_eq!(clock.doubt(), ClockDoubt::default());
        // One that stepped while running is not followed.
        let ahead = clock.look(wall - 3_600 * SECOND, monotonic);
        let again = clock.look(wall - 3_600 * SECOND, monotonic);
        assert_eq!(ahead, again);
        assert!(clock.doubt().system_ahead_micros < -3_000 * SECOND);
    }

    #[test]
    fn follows_a_drift_slowly_and_never_goes_back() {
        let clock = AnchoredClock::anchored(1_000 * SECOND, 0);
        assert_eq!(clock.look(999 * SECOND, 0), Drift::Followed);
        assert_eq!(clock.at(0).as_micros(), 1_000 * SECOND);
        assert_eq!(clock.at(SECOND).as_micros(), 1_001 * SECOND - 1_000);
        let before = clock.at(SECOND);
        assert_eq!(clock.look(1_000 * SECOND, SECOND), Drift::Followed);
        assert_eq!(clock.at(SECOND), before, "held, not turned back");
    }

    #[test]
    fn starts_no_earlier_than_the_last_heartbeat() {
        let clock = AnchoredClock::new();
        let heartbeat = clock.now().plus(Duration::from_hours(1));
        assert!(clock.raise_to(heartbeat) > Duration::from_secs(3_599));
        assert!(clock.now() >= heartbeat);
        let past = Timestamp::from_secs(1_000);
        assert_eq!(clock.raise_to(past), Duration::ZERO);
        assert!(clock.now() >= heartbeat);
    }

    #[test]
    fn shows_the_wall_clock_at_first() {
        let clock = AnchoredClock::new();
        let apart = clock
            .now()
            .micros_after(Timestamp::from_micros(wall_micros()));
        assert!(apart.abs() < SECOND, "{apart}");
    }
}
