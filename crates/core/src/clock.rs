//! Time and randomness as parameters.
//!
//! Nothing below the server crate reads the system's clock or generator; the
//! clippy configuration bans the globals. Tests pass [`ManualClock`] and
//! [`SeededEntropy`].

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::time::Timestamp;

/// Where the current time comes from.
pub trait Clock: Send + Sync {
    /// The current time.
    fn now(&self) -> Timestamp;

    /// What the clock is unsure of. Only a real one is ever unsure.
    fn doubt(&self) -> ClockDoubt {
        ClockDoubt::default()
    }
}

/// What a clock is unsure of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClockDoubt {
    /// By how many microseconds the system's clock is ahead of this one
    /// (negative: behind) since it stepped; 0 while the two agree.
    pub system_ahead_micros: i64,
    /// Between the last sign of life and the start lies so much time that the
    /// system's clock may have leapt. Nothing may be deleted for its age.
    pub leapt: bool,
}

/// Where unpredictable bytes come from.
pub trait Entropy: Send + Sync {
    /// Fills `buffer` with unpredictable bytes.
    fn fill(&self, buffer: &mut [u8]);
}

/// A clock that many tasks share.
pub type SharedClock = Arc<dyn Clock>;

/// A generator that many tasks share.
pub type SharedEntropy = Arc<dyn Entropy>;

/// A clock that stands still until it is told to move.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows `start`.
    pub const fn new(start: Timestamp) -> Self {
        Self(AtomicI64::new(start.as_micros()))
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.0.fetch_add(by, Ordering::SeqCst);
    }

    /// Sets the clock, backwards too.
    pub fn set(&self, to: Timestamp) {
        self.0.store(to.as_micros(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// A reproducible generator for tests: SHA-256 over a seed and a counter.
pub struct SeededEntropy {
    seed: u64,
    counter: AtomicU64,
}

impl SeededEntropy {
    /// A generator whose output depends on `seed` alone.
    pub const fn new(seed: u64) -> Self {
        Self {
            seed,
            counter: AtomicU64::new(0),
        }
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(32) {
            let turn = self.counter.fetch_add(1, Ordering::SeqCst);
            let mut hash = Sha256::new();
            hash.update(self.seed.to_le_bytes());
            hash.update(turn.to_le_bytes());
            for (to, from) in chunk.iter_mut().zip(hash.finalize()) {
                *to = from;
            }
        }
    }
}

impl fmt::Debug for SeededEntropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SeededEntropy").finish_non_exhaustive()
    }
}
