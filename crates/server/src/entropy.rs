//! The system's random generator.

use mayday_core::clock::Entropy;

/// The system's random generator.
#[derive(Debug)]
pub(crate) struct SystemEntropy(());

impl SystemEntropy {
    /// The generator, after it has answered once.
    pub(crate) fn new() -> Result<Self, getrandom::Error> {
        getrandom::fill(&mut [0_u8; 16])?;
        Ok(Self(()))
    }
}

impl Entropy for SystemEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        if getrandom::fill(buffer).is_err() {
            // It answered at start. Guessable secrets and ids would be worse
            // than an end that loses nothing acknowledged.
            tracing::error!("the system's random generator failed: ending at once");
            std::process::abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_draws_differ() {
        let entropy = SystemEntropy::new().unwrap();
        let (mut one, mut other) = ([0_u8; 32], [0_u8; 32]);
        entropy.fill(&mut one);
        entropy.fill(&mut other);
        assert_ne!(one, other);
        assert_ne!(one, [0_u8; 32]);
    }
}
