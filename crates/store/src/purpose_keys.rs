//! Keys that are derived from the master key, one per purpose: what is signed
//! with one says nothing about another, nor about the master key.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::secrets::KEY_BYTES;

/// A key for one purpose.
pub type PurposeKey = Zeroizing<[u8; KEY_BYTES]>;

/// Derives keys. Holds a derived key itself, never the master key.
pub(crate) struct PurposeKeys(Zeroizing<[u8; KEY_BYTES]>);

impl PurposeKeys {
    pub(crate) fn new(master: &Zeroizing<[u8; KEY_BYTES]>) -> Self {
        Self(derive(master, "mayday purpose keys"))
    }

    /// The key for a purpose.
    pub(crate) fn of(&self, purpose: &str) -> PurposeKey {
        derive(&self.0, purpose)
    }
}

/// HMAC-SHA256 as a key derivation with one block of output (RFC 5869, 2.3,
/// from a key that is uniformly random already).
fn derive(key: &Zeroizing<[u8; KEY_BYTES]>, purpose: &str) -> PurposeKey {
    let mut derived = Zeroizing::new([0; KEY_BYTES]);
    // HMAC takes keys of every length, so that this branch is always taken.
    if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.as_slice()) {
        mac.update(purpose.as_bytes());
        mac.update(&[1]);
        derived.copy_from_slice(&mac.finalize().into_bytes());
    }
    derived
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_purpose_and_each_master_key_has_its_own() {
        let keys = |byte| PurposeKeys::new(&Zeroizing::new([byte; KEY_BYTES]));
        assert_eq!(keys(1).of("links"), keys(1).of("links"));
        assert_ne!(keys(1).of("links"), keys(1).of("pages"));
        assert_ne!(keys(1).of("links"), keys(2).of("links"));
        assert_ne!(*keys(1).of("links"), [0; KEY_BYTES]);
        assert_ne!(keys(1).of(""), keys(1).0);
    }
}
