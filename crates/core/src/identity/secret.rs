//! An app's signing secret.

use std::fmt;

use zeroize::Zeroizing;

use crate::clock::Entropy;
use crate::identity::InvalidName;

/// What every secret we generate begins with, so that scanners of source code
/// can find a leaked one.
const PREFIX: &str = "as_";

/// Characters after the prefix: 32 of 62, that is 190 bits.
const LENGTH: usize = 32;

/// The longest text that is taken for a secret, in bytes.
const MAX_BYTES: usize = 512;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// An app's signing secret. The HMAC key is the UTF-8 bytes of the text as
/// printed (contract: Identity, signature). Never shown by `Debug`, wiped when
/// dropped.
#[derive(Clone)]
pub struct AppSecret(Zeroizing<String>);

impl AppSecret {
    /// A new secret, such as `as_7Yk2f0Qm3zvTtN8r1sLw5uXeHcBdGpJa`.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut text = Zeroizing::new(String::with_capacity(PREFIX.len() + LENGTH));
        text.push_str(PREFIX);
        let mut bytes = Zeroizing::new([0_u8; 64]);
        while text.len() < PREFIX.len() + LENGTH {
            entropy.fill(bytes.as_mut_slice());
            for &byte in bytes.iter() {
                // 248 is the largest multiple of 62 in a byte: what lies above
                // would make the first letters likelier.
                if byte < 248
                    && text.len() < PREFIX.len() + LENGTH
                    && let Some(&letter) = ALPHABET.get(usize::from(byte % 62))
                {
                    text.push(char::from(letter));
                }
            }
        }
        Self(text)
    }

    /// Takes a secret as printed. Line ends around it are the habit of files
    /// and are cut off; everything else is part of the key.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() || text.len() > MAX_BYTES {
            return Err(InvalidName("an app secret is 1 to 512 bytes of text"));
        }
        if text.chars().any(char::is_control) {
            return Err(InvalidName("an app secret is one line of text"));
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// A key that signs for nobody: it takes the place of a missing one so that
    /// a check does the same work. What matches it is not let in.
    pub(super) fn decoy() -> Self {
        Self(Zeroizing::new(format!("{PREFIX}{:0LENGTH$}", 0)))
    }

    /// The text as printed. Keep it out of logs, URLs and errors.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AppSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AppSecret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SeededEntropy;

    #[test]
    fn generated_secrets_have_the_printed_form_and_differ() {
        let entropy = SeededEntropy::new(1);
        let first = AppSecret::generate(&entropy);
        let second = AppSecret::generate(&entropy);
        assert_ne!(first.expose(), second.expose());
        let tail = first.expose().strip_prefix("as_").unwrap();
        assert_eq!(tail.len(), 32);
        assert!(tail.bytes().all(|b| b.is_ascii_alphanumeric()));
    }

    #[test]
    fn debug_tells_nothing() {
        let secret = AppSecret::parse("as_very-secret").unwrap();
        assert_eq!(format!("{secret:?}"), "AppSecret(..)");
    }

    #[test]
    fn a_file_s_line_end_is_no_part_of_the_key() {
        assert_eq!(AppSecret::parse("as_x\r\n").unwrap().expose(), "as_x");
        assert_eq!(AppSecret::parse(" as_x ").unwrap().expose(), " as_x ");
        for bad in ["", "\n", "a\nb", "a\0b", &"x".repeat(513)] {
            assert!(AppSecret::parse(bad).is_err(), "{bad:?}");
        }
    }
}
