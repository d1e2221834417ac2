//! What a session is proved with: opaque, 256 random bits, stored as a digest
//! (contract: Sessions).

use std::fmt;

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::clock::Entropy;
use crate::hex;

/// Random bytes of a token; 64 digits.
const BYTES: usize = 32;

/// The longest partner token that is taken, in bytes. A JWT of a few claims has
/// one kilobyte, the largest that servers pass in a header has eight.
pub const MAX_PARTNER_TOKEN_BYTES: usize = 8_192;

/// What is stored of a token.
pub type TokenDigest = [u8; 32];

/// What a token is for. The prefix tells scanners of source code what leaked, and
/// tells an access token from a user hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// Proves a session to every route.
    Access,
    /// Buys the next pair.
    Refresh,
}

impl TokenKind {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Access => "msa_",
            Self::Refresh => "msr_",
        }
    }

    /// The word in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Refresh => "refresh",
        }
    }
}

/// A token of ours. Never shown by `Debug`, wiped when dropped.
#[derive(Clone)]
pub struct SessionToken(Zeroizing<String>);

impl SessionToken {
    /// A new token.
    pub fn generate(kind: TokenKind, entropy: &dyn Entropy) -> Self {
        let mut bytes = Zeroizing::new([0; BYTES]);
        entropy.fill(bytes.as_mut_slice());
        let digits = Zeroizing::new(hex::encode(bytes.as_slice()));
        Self(Zeroizing::new(format!(
            "{}{}",
            kind.prefix(),
            digits.as_str()
        )))
    }

    /// The text as handed out. Keep it out of logs, URLs and errors.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What is stored of it.
    pub fn digest(&self) -> TokenDigest {
        of_text(&self.0)
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionToken(..)")
    }
}

/// Whether a shown text has the form of a token of this kind, so that anything
/// else costs no query.
pub fn has_form(kind: TokenKind, shown: &str) -> bool {
    shown.strip_prefix(kind.prefix()).is_some_and(|digits| {
        digits.len() == 2 * BYTES
            && digits
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    })
}

/// What is stored of a token of ours that was shown. A hash without salt or
/// stretching is enough: a token is 256 random bits, and looking a digest up
/// tells by its time nothing about the token.
pub fn digest(kind: TokenKind, shown: &str) -> Option<TokenDigest> {
    has_form(kind, shown).then(|| of_text(shown))
}

fn of_text(text: &str) -> TokenDigest {
    let mut hash = Sha256::new();
    hash.update(b"mayday session token\0");
    hash.update(text.as_bytes());
    hash.finalize().into()
}

/// What is stored of a partner's token.
pub fn partner_digest(token: &str) -> TokenDigest {
    let mut hash = Sha256::new();
    hash.update(b"mayday partner token\0");
    hash.update(token.as_bytes());
    hash.finalize().into()
}

/// Whether a text can be a partner's token: visible ASCII, which is what a header
/// and a form carry unharmed.
pub fn is_partner_token(text: &str) -> bool {
    (1..=MAX_PARTNER_TOKEN_BYTES).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SeededEntropy;

    #[test]
    fn tokens_differ_and_only_their_digests_are_kept() {
        let entropy = SeededEntropy::new(3);
        let one = SessionToken::generate(TokenKind::Access, &entropy);
        let two = SessionToken::generate(TokenKind::Access, &entropy);
        assert_ne!(one.expose(), two.expose());
        assert_eq!(digest(TokenKind::Access, one.expose()), Some(one.digest()));
        assert_ne!(one.digest(), two.digest());
        assert_eq!(format!("{one:?}"), "SessionToken(..)");
    }

    #[test]
    fn one_kind_is_not_taken_for_the_other() {
        let refresh = SessionToken::generate(TokenKind::Refresh, &SeededEntropy::new(3));
        assert!(has_form(TokenKind::Refresh, refresh.expose()));
        assert_eq!(digest(TokenKind::Access, refresh.expose()), None);
        let upper = refresh.expose().to_uppercase();
        let short = &refresh.expose()[..67];
        for other in ["", "msr_", &upper, short, &"a".repeat(64)] {
            assert!(!has_form(TokenKind::Refresh, other), "{other}");
        }
    }

    #[test]
    fn a_partners_token_is_one_word_of_visible_ascii() {
        for good in ["a", "eyJ.eyJ.sig", &"x".repeat(8_192)] {
            assert!(is_partner_token(good));
        }
        for bad in ["", "a b", "a\r\nb", "é", &"x".repeat(8_193)] {
            assert!(!is_partner_token(bad));
        }
        assert_ne!(partner_digest("a"), partner_digest("b"));
    }
}
