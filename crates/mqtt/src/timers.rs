//! Everything on a connection that happens because time passes, on one timer.

use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// Later than any deadline that matters.
const FAR: Duration = Duration::from_hours(24);

/// The deadlines of one connection.
pub(crate) struct Timers {
    sleep: Pin<Box<Sleep>>,
    /// How long the client may be silent: one and a half times its keep-alive.
    silence: Option<Duration>,
    heard: Instant,
    write_timeout: Duration,
    /// Since when unwritten bytes have not become fewer.
    stalled: Option<Instant>,
    spill_at: Option<Instant>,
    drain_by: Option<Instant>,
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Nothing yet.
    Nothing,
    /// The client was silent for too long.
    KeepAlive,
    /// The client took no byte for too long.
    Write,
    /// A stored cry for help has waited long enough.
    Spill,
    /// Commits in flight were waited for long enough.
    Drain,
}

impl Timers {
    /// `keep_alive` in seconds; 0 is none.
    pub(crate) fn new(keep_alive: u16, write_timeout: Duration) -> Self {
        let now = Instant::now();
        let silence = Duration::from_secs(u64::from(keep_alive)) * 3 / 2;
        Self {
            sleep: Box::pin(sleep_until(now + FAR)),
            silence: (!silence.is_zero()).then_some(silence),
            heard: now,
            write_timeout,
            stalled: None,
            spill_at: None,
            drain_by: None,
        }
    }

    /// The client sent something, or was not listened to until now.
    pub(crate) fn heard(&mut self) {
        self.heard = Instant::now();
    }

    /// The client took something, or there is nothing to take.
    pub(crate) fn wrote(&mut self, is_empty: bool) {
        self.stalled = (!is_empty).then(Instant::now);
    }

    /// There is something to take.
    pub(crate) fn unwritten(&mut self) {
        if self.stalled.is_none() {
            self.stalled = Some(Instant::now());
        }
    }

    /// A cry for help was stored behind others.
    pub(crate) fn spill_in(&mut self, after: Duration) {
        if self.spill_at.is_none() {
            self.spill_at = Some(Instant::now() + after);
        }
    }

    /// The cry had its turn.
    pub(crate) fn no_spill(&mut self) {
        self.spill_at = None;
    }

    /// The server stops.
    pub(crate) fn drain_in(&mut self, limit: Duration) {
        self.drain_by = Some(Instant::now() + limit);
    }

    /// Sets the timer. While the client is not `listened` to, it cannot be
    /// heard, so its keep-alive stands still.
    pub(crate) fn arm(&mut self, listened: bool) {
        if !listened {
            self.heard();
        }
        let silence = self.silence.filter(|_| listened);
        let next = [
            silence.map(|silence| self.heard + silence),
            self.stalled.map(|since| since + self.write_timeout),
            self.spill_at,
            self.drain_by,
        ]
        .into_iter()
        .flatten()
        .min();
        // A timer that fires too early is set again; one that would fire too
        // late is set now. Hence most packets leave it alone.
        if let Some(next) = next
            && (next < self.sleep.deadline() || self.sleep.is_elapsed())
        {
            self.sleep.as_mut().reset(next);
        }
    }

    /// Waits for the timer; cancel-safe.
    pub(crate) async fn elapsed(&mut self) {
        self.sleep.as_mut().await;
        // Until it is armed again.
        self.sleep.as_mut().reset(Instant::now() + FAR);
    }

    /// What is due now; each deadline is named once.
    pub(crate) fn due(&mut self, listened: bool) -> Due {
        let now = Instant::now();
        let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if is_due(self.spill_at) {
            self.spill_at = None;
            return Due::Spill;
        }
        if is_due(self.drain_by) {
            return Due::Drain;
        }
        if is_due(self.stalled.map(|since| since + self.write_timeout)) {
            return Due::Write;
        }
        let silence = self.silence.filter(|_| listened);
        if is_due(silence.map(|silence| self.heard + silence)) {
            return Due::KeepAlive;
        }
        Due::Nothing
    }
}
