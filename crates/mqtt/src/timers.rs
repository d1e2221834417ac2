//! Everything on a connection that happens because time passes, on one timer.

use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use crate::settings::CHATTER_WINDOW;

/// Later than any deadline that matters.
const FAR: Duration = Duration::from_hours(24);

/// The deadlines of one connection.
pub(crate) struct Timers {
    sleep: Pin<Box<Sleep>>,
    /// How long the client may be silent: one and a half times its keep-alive.
    silence: Option<Duration>,
    heard: Instant,
    /// Whether the client was listened to when the timer was set last.
    listened: bool,
    write_timeout: Duration,
    /// Since when unwritten bytes have not become fewer.
    stalled: Option<Instant>,
    spill_at: Option<Instant>,
    drain_by: Option<Instant>,
    /// Packets that move nothing since `chatter_since`, and how many may.
    chatter: u32,
    chatter_limit: u32,
    chatter_since: Instant,
    /// The client is not listened to until then.
    rest_until: Option<Instant>,
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
    pub(crate) fn new(keep_alive: u16, write_timeout: Duration, chatter_limit: u32) -> Self {
        let now = Instant::now();
        let silence = Duration::from_secs(u64::from(keep_alive)) * 3 / 2;
        Self {
            sleep: Box::pin(sleep_until(now + FAR)),
            silence: (!silence.is_zero()).then_some(silence),
            heard: now,
            listened: true,
            write_timeout,
            stalled: None,
            spill_at: None,
            drain_by: None,
            chatter: 0,
            chatter_limit,
            chatter_since: now,
            rest_until: None,
        }
    }

    /// The client sent a packet that moves nothing, such as PINGREQ. Who sends more of
    /// them than any client has reason to is not listened to for the rest of the second:
    /// a crowd that does nothing else would keep every thread from everybody.
    pub(crate) fn chatted(&mut self) {
        let now = Instant::now();
        if now.duration_since(self.chatter_since) >= CHATTER_WINDOW {
            (self.chatter, self.chatter_since) = (0, now);
        }
        self.chatter += 1;
        if self.chatter >= self.chatter_limit {
            self.rest_until = Some(self.chatter_since + CHATTER_WINDOW);
        }
    }

    /// Whether the client has said too much to be listened to now.
    pub(crate) fn is_resting(&self) -> bool {
        self.rest_until.is_some_and(|until| Instant::now() < until)
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
    /// heard, so its keep-alive stands still, until the moment at which it is
    /// listened to again.
    pub(crate) fn arm(&mut self, listened: bool) {
        if !listened || !self.listened {
            self.heard();
        }
        self.listened = listened;
        let silence = self.silence.filter(|_| listened);
        let next = [
            silence.map(|silence| self.heard + silence),
            self.stalled.map(|since| since + self.write_timeout),
            self.spill_at,
            self.drain_by,
            self.rest_until,
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
        if is_due(self.rest_until) {
            self.rest_until = None;
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const CHATTER: u32 = 8;

    fn timers() -> Timers {
        Timers::new(30, 10 * SECOND, CHATTER)
    }

    /// Waits as the loop does, and says what was due and after how long.
    async fn wait(timers: &mut Timers, listened: bool) -> (Due, Duration) {
        let since = Instant::now();
        loop {
            timers.arm(listened);
            timers.elapsed().await;
            match timers.due(listened) {
                Due::Nothing => {}
                due => return (due, since.elapsed()),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_allowed_for_one_and_a_half_keep_alives() {
        let mut timers = timers();
        assert_eq!(wait(&mut timers, true).await, (Due::KeepAlive, 45 * SECOND));
    }

    #[tokio::test(start_paused = true)]
    async fn each_packet_begins_the_silence_anew() {
        let mut timers = timers();
        timers.arm(true);
        for _ in 0..5 {
            tokio::time::advance(40 * SECOND).await;
            assert_eq!(timers.due(true), Due::Nothing);
            timers.heard();
        }
        assert_eq!(wait(&mut timers, true).await, (Due::KeepAlive, 45 * SECOND));
    }

    #[tokio::test(start_paused = true)]
    async fn the_keep_alive_stands_still_while_nobody_listens() {
        let mut timers = timers();
        tokio::time::advance(40 * SECOND).await;
        // A slow disk: the queue is full for ten minutes.
        timers.arm(false);
        tokio::time::advance(600 * SECOND).await;
        assert_eq!(timers.due(false), Due::Nothing);
        // The loop slept until the queue had room again.
        assert_eq!(wait(&mut timers, true).await, (Due::KeepAlive, 45 * SECOND));
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_keep_alive_there_is_no_deadline() {
        let mut timers = Timers::new(0, 10 * SECOND, CHATTER);
        timers.arm(true);
        tokio::time::advance(600 * SECOND).await;
        assert_eq!(timers.due(true), Due::Nothing);
    }

    #[tokio::test(start_paused = true)]
    async fn who_chats_too_much_is_not_listened_to_for_the_rest_of_the_second() {
        let mut timers = timers();
        for _ in 1..CHATTER {
            timers.chatted();
        }
        assert!(!timers.is_resting());
        tokio::time::advance(SECOND / 4).await;
        timers.chatted();
        assert!(timers.is_resting());
        timers.arm(false);
        let since = Instant::now();
        timers.elapsed().await;
        assert_eq!(timers.due(false), Due::Nothing);
        assert!(!timers.is_resting() && since.elapsed() >= SECOND * 3 / 4);
        // The next second is another one.
        for _ in 1..CHATTER {
            timers.chatted();
        }
        assert!(!timers.is_resting());
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_that_makes_no_progress_is_due() {
        let mut timers = timers();
        timers.unwritten();
        tokio::time::advance(9 * SECOND).await;
        // Some bytes went out, so it starts anew.
        timers.wrote(false);
        timers.unwritten();
        assert_eq!(wait(&mut timers, true).await, (Due::Write, 10 * SECOND));
        timers.wrote(true);
        assert_eq!(timers.due(true), Due::Nothing);
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_stored_cry_sets_the_time_of_the_spill() {
        let mut timers = timers();
        timers.spill_in(Duration::from_millis(50));
        tokio::time::advance(Duration::from_millis(30)).await;
        timers.spill_in(Duration::from_millis(50));
        let (due, after) = wait(&mut timers, true).await;
        assert_eq!(due, Due::Spill);
        assert!(after <= Duration::from_millis(21), "{after:?}");
        timers.spill_in(SECOND);
        timers.no_spill();
        assert_eq!(timers.due(true), Due::Nothing);
    }
}
