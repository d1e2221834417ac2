//! The partner's own tokens: random texts that only this process knows.

use std::collections::HashMap;
use std::time::Duration;

use mayday_core::clock::Entropy;
use mayday_core::identity::ExternalUserId;
use mayday_core::time::Timestamp;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// Bytes of randomness in a token.
const TOKEN_BYTES: usize = 32;

/// Tokens that are known at once; the oldest is forgotten for one more.
const MAX_TOKENS: usize = 10_000;

/// What a token says of its user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Minted {
    /// `sub`: the partner's id of the user, the same at each log-in.
    pub(super) user: ExternalUserId,
    /// `iat`.
    pub(super) issued_at: Timestamp,
    /// `exp`.
    pub(super) expires_at: Timestamp,
}

/// SHA-256 of a token: who can read the table has no token, and looking one up
/// tells nothing about others by the time that it takes.
type Digest = [u8; 32];

/// The tokens that were given out and still live.
#[derive(Default)]
pub(super) struct Tokens {
    known: HashMap<Digest, Minted>,
}

impl Tokens {
    /// A new token for a user. Every log-in gets one of its own: two with the same
    /// token would be one session.
    pub(super) fn mint(
        &mut self,
        user: ExternalUserId,
        now: Timestamp,
        life: Duration,
        entropy: &dyn Entropy,
    ) -> (Zeroizing<String>, Minted) {
        if self.known.len() >= MAX_TOKENS {
            self.known.retain(|_, minted| minted.expires_at > now);
        }
        if self.known.len() >= MAX_TOKENS {
            let oldest = self.known.iter().min_by_key(|(_, one)| one.issued_at);
            if let Some(oldest) = oldest.map(|(digest, _)| *digest) {
                self.known.remove(&oldest);
            }
        }
        let mut bytes = Zeroizing::new([0; TOKEN_BYTES]);
        entropy.fill(bytes.as_mut_slice());
        let token = Zeroizing::new(format!("pt_{}", mayday_core::hex::encode(&*bytes)));
        let minted = Minted {
            user,
            issued_at: now,
            expires_at: now.plus(life),
        };
        self.known.insert(digest(&token), minted.clone());
        (token, minted)
    }

    /// What a live token says; `None` for one that has ended or never was.
    pub(super) fn find(&self, token: &str, now: Timestamp) -> Option<&Minted> {
        let minted = self.known.get(&digest(token));
        minted.filter(|minted| minted.expires_at > now)
    }

    /// Ends all tokens of a user.
    pub(super) fn end(&mut self, user: &str) {
        self.known.retain(|_, minted| minted.user.as_str() != user);
    }
}

fn digest(token: &str) -> Digest {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use mayday_core::clock::SeededEntropy;

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
    const LIFE: Duration = Duration::from_mins(10);

    fn ana() -> ExternalUserId {
        ExternalUserId::parse("ana").unwrap()
    }

    #[test]
    fn a_token_lives_as_long_as_it_says_and_each_log_in_has_its_own() {
        let entropy = SeededEntropy::new(7);
        let mut tokens = Tokens::default();
        let (one, minted) = tokens.mint(ana(), NOW, LIFE, &entropy);
        let (other, _) = tokens.mint(ana(), NOW, LIFE, &entropy);
        assert_ne!(one, other);
        assert_eq!(tokens.find(&one, NOW), Some(&minted));
        assert_eq!(tokens.find(&one, NOW.plus(LIFE)), None);
        assert_eq!(tokens.find("pt_", NOW), None);
        tokens.end("ana");
        assert_eq!(tokens.find(&other, NOW), None);
    }

    #[test]
    fn only_so_many_are_kept() {
        let entropy = SeededEntropy::new(7);
        let mut tokens = Tokens::default();
        let (first, _) = tokens.mint(ana(), NOW.minus(LIFE / 2), LIFE, &entropy);
        for _ in 0..MAX_TOKENS {
            tokens.mint(ana(), NOW, LIFE, &entropy);
        }
        assert_eq!(tokens.known.len(), MAX_TOKENS);
        assert_eq!(tokens.find(&first, NOW), None);
    }
}
