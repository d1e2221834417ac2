//! Repeatable randomness: a run is told by its seed, which every failure prints.

/// `SplitMix64`: tiny, and good enough to choose what happens next.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    /// The same seed gives the same run.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The seed from `MAYDAY_TEST_SEED`, else one from the process id and the
    /// address of a fresh allocation. Printed, so that a failure can be repeated.
    pub(crate) fn seed() -> u64 {
        let seed = std::env::var("MAYDAY_TEST_SEED")
            .ok()
            .and_then(|seed| seed.parse().ok())
            .unwrap_or_else(|| {
                let fresh = Box::new(0_u8);
                let address = std::ptr::from_ref(&*fresh).addr() as u64;
                Self(address ^ (u64::from(std::process::id()) << 32)).roll() % 1_000_000
            });
        println!("MAYDAY_TEST_SEED={seed} repeats this run");
        seed
    }

    /// The next 64 bits.
    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A number below `limit`, which must not be 0.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.roll() % limit
    }

    /// One of a few.
    pub(crate) fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::try_from(self.below(choices.len() as u64)).unwrap()]
    }
}
