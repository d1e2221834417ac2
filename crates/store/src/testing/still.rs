//! A clock that stands still, for tests in which no limit of the product's may pass.

use std::sync::mpsc;
use std::time::Duration;

/// After so long a test that hangs gets its limits back.
const LIMIT: Duration = Duration::from_mins(1);

/// Tokio's clock stands still while this lives: nothing happens because time passes,
/// however slow the machine is. Sockets and the store go on.
pub struct Still(#[expect(dead_code, reason = "the thread waits for its end")] mpsc::Sender<()>);

impl Still {
    /// From now on. Needs a current-thread runtime.
    #[must_use]
    pub fn now() -> Self {
        tokio::time::pause();
        let (held, end) = mpsc::channel();
        // A paused clock leaps to the next timer once nobody has anything to do, but not
        // while such a thread is at work.
        drop(tokio::task::spawn_blocking(move || end.recv_timeout(LIMIT)));
        Self(held)
    }
}

impl Drop for Still {
    fn drop(&mut self) {
        tokio::time::resume();
    }
}
