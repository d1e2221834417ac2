//! The signature of Standard Webhooks: HMAC-SHA256 over id, time and body.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use mayday_core::clock::Entropy;
use mayday_core::time::Timestamp;
use sha2::Sha256;
use zeroize::Zeroizing;

/// What a secret begins with, so that scanners of source code find a leaked one.
const PREFIX: &str = "whsec_";

/// Bytes of a generated secret.
const BYTES: usize = 32;

/// Bytes that a secret may have (Standard Webhooks, signature scheme).
const ALLOWED_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// An endpoint's signing secret. Never shown by `Debug`, wiped when dropped.
#[derive(Clone)]
pub struct WebhookSecret(Zeroizing<Vec<u8>>);

/// A text that is no secret of Standard Webhooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidSecret;

impl fmt::Display for InvalidSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a webhook secret is whsec_ and the base64 of 24 to 64 bytes")
    }
}

impl std::error::Error for InvalidSecret {}

impl WebhookSecret {
    /// A new secret of 256 bits.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut bytes = Zeroizing::new(vec![0; BYTES]);
        entropy.fill(&mut bytes);
        Self(bytes)
    }

    /// Reads `whsec_<base64>`.
    pub fn parse(text: &str) -> Result<Self, InvalidSecret> {
        let encoded = text.strip_prefix(PREFIX).ok_or(InvalidSecret)?;
        let bytes = Zeroizing::new(STANDARD.decode(encoded).map_err(|_| InvalidSecret)?);
        if ALLOWED_BYTES.contains(&bytes.len()) {
            Ok(Self(bytes))
        } else {
            Err(InvalidSecret)
        }
    }

    /// The text that the partner is given. Keep it out of logs, URLs and errors.
    pub fn expose(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{PREFIX}{}", STANDARD.encode(&*self.0)))
    }

    fn sign(&self, content: &[&[u8]]) -> String {
        // An HMAC takes a key of any length, so the error cannot occur; an
        // empty signature would be refused by every receiver.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else {
            return String::new();
        };
        for part in content {
            mac.update(part);
        }
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret([secret])")
    }
}

/// The value of `webhook-signature`: one signature per secret, separated by
/// spaces. During a rotation both the new and the old secret sign.
pub fn sign(secrets: &[WebhookSecret], id: &str, at: Timestamp, body: &[u8]) -> String {
    let seconds = at.as_secs().to_string();
    let content: [&[u8]; 5] = [id.as_bytes(), b".", seconds.as_bytes(), b".", body];
    let signatures: Vec<String> = secrets.iter().map(|secret| secret.sign(&content)).collect();
    signatures.join(" ")
}

#[cfg(test)]
mod tests {
    use mayday_core::clock::SeededEntropy;

    use super::*;

    /// The example of the specification.
    #[test]
    fn the_published_vector() {
        let secret = WebhookSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed = sign(
            &[secret],
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            Timestamp::from_secs(1_614_265_330),
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn secrets_are_read_as_they_are_printed() {
        let secret = WebhookSecret::generate(&SeededEntropy::new(7));
        let again = WebhookSecret::parse(&secret.expose()).unwrap();
        assert_eq!(*again.expose(), *secret.expose());
        assert_eq!(format!("{secret:?}"), "WebhookSecret([secret])");
        for wrong in [
            "",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_",
            "whsec_c2hvcnQ=",
            "whsec_!",
        ] {
            assert_eq!(WebhookSecret::parse(wrong).err(), Some(InvalidSecret));
        }
    }
}
