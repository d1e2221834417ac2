//! The key that the devices of a radio network share (contract: HTTP
//! conventions, `/v1/sdk/network/psk`): AES-256.

use std::fmt;

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::clock::Entropy;
use crate::hex;

/// Length of the key in bytes.
pub const KEY_BYTES: usize = 32;

/// Digits of a fingerprint: enough to tell two keys apart, too few to be of any
/// other use.
const FINGERPRINT_DIGITS: usize = 16;

/// A network key. Never shown by `Debug`, wiped when dropped.
#[derive(Clone)]
pub struct NetworkKey(Zeroizing<[u8; KEY_BYTES]>);

/// Whose devices a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyScope {
    /// One app's.
    App,
    /// Those of every app that has no key of its own.
    Global,
}

impl KeyScope {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Global => "global",
        }
    }
}

/// A text that is no network key; the text itself is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a network key is 64 hexadecimal digits (32 bytes), and not all the same byte")]
pub struct InvalidNetworkKey;

impl NetworkKey {
    /// A new key.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        entropy.fill(key.as_mut_slice());
        Self(key)
    }

    /// Takes a key in hexadecimal digits of either case, spaces and line ends
    /// around it cut off. A key of one repeated byte is a placeholder.
    pub fn parse(text: &str) -> Result<Self, InvalidNetworkKey> {
        let digits = Zeroizing::new(text.trim_ascii().to_ascii_lowercase());
        let bytes = Zeroizing::new(hex::decode(&digits).ok_or(InvalidNetworkKey)?);
        Self::from_bytes(&bytes)
    }

    /// Takes a key as stored.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidNetworkKey> {
        let key = <[u8; KEY_BYTES]>::try_from(bytes).map_err(|_| InvalidNetworkKey)?;
        let key = Zeroizing::new(key);
        if key.iter().all(|byte| Some(byte) == key.first()) {
            return Err(InvalidNetworkKey);
        }
        Ok(Self(key))
    }

    /// The bytes. Keep them out of logs, URLs and errors.
    pub fn expose(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// The key as it stands on the wire: 64 lower-case digits.
    pub fn to_hex(&self) -> Zeroizing<String> {
        Zeroizing::new(hex::encode(self.0.as_slice()))
    }

    /// What operators compare: 16 digits of a hash that is used for nothing else.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(b"mayday network key fingerprint\0");
        hash.update(self.0.as_slice());
        let mut digits = hex::encode(&hash.finalize());
        digits.truncate(FINGERPRINT_DIGITS);
        digits
    }
}

impl fmt::Debug for NetworkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NetworkKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SeededEntropy;

    #[test]
    fn a_key_is_64_digits_and_no_placeholder() {
        let text = "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF";
        let key = NetworkKey::parse(&format!(" {text}\r\n")).unwrap();
        assert_eq!(*key.to_hex(), text.to_ascii_lowercase());
        for bad in [
            String::new(),
            "0".repeat(64),
            "f".repeat(64),
            text.replace('0', "g"),
            format!("{text}00"),
            text.replacen("00", "0 ", 1),
        ] {
            assert!(NetworkKey::parse(&bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn generated_keys_differ_and_so_do_their_fingerprints() {
        let entropy = SeededEntropy::new(3);
        let (one, two) = (
            NetworkKey::generate(&entropy),
            NetworkKey::generate(&entropy),
        );
        assert_ne!(one.expose(), two.expose());
        assert_ne!(one.fingerprint(), two.fingerprint());
        assert_eq!(one.fingerprint().len(), 16);
        assert!(!one.to_hex().contains(&one.fingerprint()));
    }

    #[test]
    fn debug_tells_nothing() {
        let key = NetworkKey::generate(&SeededEntropy::new(1));
        assert_eq!(format!("{key:?}"), "NetworkKey(..)");
    }
}
