//! Keys with which an operator's programs call the admin API.

use std::fmt;

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::clock::Entropy;
use crate::hex;

/// What every key begins with, so that scanners of source code can find a
/// leaked one.
const PREFIX: &str = "ak_";

/// Random bytes of a key; 64 digits.
const KEY_BYTES: usize = 32;

/// An operator's key. Never shown by `Debug`, wiped when dropped.
#[derive(Clone)]
pub struct AdminKey(Zeroizing<String>);

impl AdminKey {
    /// A new key, such as `ak_3f..`.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        entropy.fill(bytes.as_mut_slice());
        let digits = Zeroizing::new(hex::encode(bytes.as_slice()));
        Self(Zeroizing::new(format!("{PREFIX}{}", digits.as_str())))
    }

    /// The text as printed. Keep it out of logs, URLs and errors.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What is stored of it.
    pub fn digest(&self) -> String {
        digest(&self.0)
    }
}

/// What is stored of the key that an operator showed. A hash without salt or
/// stretching is enough: a key is 256 random bits, and looking a digest up tells
/// by its time nothing about the key.
pub fn digest(shown: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(b"mayday admin key\0");
    hash.update(shown.as_bytes());
    hex::encode(&hash.finalize())
}

/// Whether a text could be a key at all: what is not costs no look-up.
pub fn is_shaped(shown: &str) -> bool {
    let digits = shown.strip_prefix(PREFIX).unwrap_or_default();
    digits.len() == 2 * KEY_BYTES && digits.bytes().all(|b| b.is_ascii_hexdigit())
}

impl fmt::Debug for AdminKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SeededEntropy;

    #[test]
    fn keys_differ_and_only_their_digests_are_kept() {
        let entropy = SeededEntropy::new(5);
        let (one, two) = (AdminKey::generate(&entropy), AdminKey::generate(&entropy));
        assert_ne!(one.expose(), two.expose());
        assert_eq!(one.digest(), digest(one.expose()));
        assert_ne!(one.digest(), two.digest());
        assert_eq!(one.expose().len(), 3 + 64);
        assert!(is_shaped(one.expose()));
        for other in [
            "",
            "ak_",
            "ak_00",
            &one.expose()[3..],
            &format!("{}0", one.expose()),
        ] {
            assert!(!is_shaped(other), "{other}");
        }
        assert_eq!(format!("{one:?}"), "AdminKey(..)");
    }
}
