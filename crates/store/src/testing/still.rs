//! A clock that stands still, for tests in which no limit of the product's may pass.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

/// After so long a test that hangs gets its limits back, and fails.
const LIMIT: Duration = Duration::from_mins(2);

/// Tokio's clock stands still while this lives: nothing happens because time passes,
/// however slow the machine is. Sockets and the store go on.
pub struct Still {
    #[expect(dead_code, reason = "the thread waits for its end")]
    held: mpsc::Sender<()>,
    /// Whether the thread waited in vain.
    lapsed: Arc<AtomicBool>,
}

impl Still {
    /// From now on. Needs a current-thread runtime.
    #[must_use]
    pub fn now() -> Self {
        tokio::time::pause();
        let (held, end) = mpsc::channel();
        // A paused clock leaps to the next timer once nobody has anything to do, but not
        // while such a thread is at work.
        let lapsed = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&lapsed);
        drop(tokio::task::spawn_blocking(move || {
            if end.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout) {
                told.store(true, Ordering::SeqCst);
            }
        }));
        Self { held, lapsed }
    }
}

impl Drop for Still {
    fn drop(&mut self) {
        tokio::time::resume();
        let lapsed = self.lapsed.load(Ordering::SeqCst);
        assert!(
            std::thread::panicking() || !lapsed,
            "the clock had to be let go"
        );
    }
}
