//! The signature of Standard Webhooks: HMAC-SHA256 over id, time and body.

use std::fmt;
use std::time::Duration;

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

    /// Whether `shown` is this secret's signature, in constant time.
    fn signed(&self, content: &[&[u8]], shown: &str) -> bool {
        let shown = shown.strip_prefix("v1,").map(|text| STANDARD.decode(text));
        let (Some(Ok(shown)), Ok(mut mac)) = (shown, Hmac::<Sha256>::new_from_slice(&self.0))
        else {
            return false;
        };
        for part in content {
            mac.update(part);
        }
        mac.verify_slice(&shown).is_ok()
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

/// How far a delivery's time may be from the receiver's (Standard Webhooks).
const TOLERANCE: Duration = Duration::from_mins(5);

/// Signatures of one delivery that are looked at; two are sent during a rotation.
const MAX_SIGNATURES: usize = 8;

/// A delivery as a receiver gets it, nothing of it checked. Headers that are missing
/// are empty.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    /// `webhook-id`.
    pub id: &'a str,
    /// `webhook-timestamp`.
    pub timestamp: &'a str,
    /// `webhook-signature`.
    pub signature: &'a str,
    /// The body as it came.
    pub body: &'a [u8],
}

/// Why a delivery is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// No id, or a time that is no number.
    Malformed,
    /// Signed more than five minutes ago, or ahead: perhaps somebody else's replay.
    Stale,
    /// No signature is of one of the secrets.
    Signature,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "the headers of Standard Webhooks are missing",
            Self::Stale => "the timestamp is stale",
            Self::Signature => "the signature is wrong",
        })
    }
}

impl std::error::Error for Refused {}

/// Whether a delivery is believed: what a receiver does before it reads the body.
pub fn verify(
    secrets: &[WebhookSecret],
    signed: &Signed<'_>,
    now: Timestamp,
) -> Result<(), Refused> {
    let at: i64 = signed.timestamp.parse().map_err(|_| Refused::Malformed)?;
    if signed.id.is_empty() {
        return Err(Refused::Malformed);
    }
    let at = Timestamp::from_secs(at);
    if now.since(at) > TOLERANCE || at.since(now) > TOLERANCE {
        return Err(Refused::Stale);
    }
    let content: [&[u8]; 5] = [
        signed.id.as_bytes(),
        b".",
        signed.timestamp.as_bytes(),
        b".",
        signed.body,
    ];
    let shown = signed.signature.split(' ').take(MAX_SIGNATURES);
    let believed = shown
        .flat_map(|shown| secrets.iter().map(move |secret| (shown, secret)))
        .any(|(shown, secret)| secret.signed(&content, shown));
    if believed {
        Ok(())
    } else {
        Err(Refused::Signature)
    }
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

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    fn secret(seed: u64) -> WebhookSecret {
        WebhookSecret::generate(&SeededEntropy::new(seed))
    }

    /// What the secrets of the seeds 1 and 2 sign together, as during a rotation.
    fn signed_by_two() -> String {
        sign(&[secret(1), secret(2)], "msg_1", NOW, b"{}")
    }

    fn told(signature: &str) -> Signed<'_> {
        Signed {
            id: "msg_1",
            timestamp: "1800000000",
            signature,
            body: b"{}",
        }
    }

    #[test]
    fn a_receiver_believes_either_secret_for_five_minutes() {
        let signature = signed_by_two();
        let told = told(&signature);
        for known in [vec![secret(1)], vec![secret(2)], vec![secret(3), secret(1)]] {
            assert_eq!(verify(&known, &told, NOW), Ok(()));
        }
        for (minutes, believed) in [(5, Ok(())), (6, Err(Refused::Stale))] {
            let off = Duration::from_mins(minutes);
            for at in [NOW.plus(off), NOW.minus(off)] {
                assert_eq!(verify(&[secret(1)], &told, at), believed);
            }
        }
    }

    #[test]
    fn a_receiver_believes_nothing_else() {
        let signature = signed_by_two();
        let told = told(&signature);
        let as_of = |timestamp| Signed { timestamp, ..told };
        let with = |signature| Signed { signature, ..told };
        let called = |id| Signed { id, ..told };
        let known = [secret(1)];
        for forged in [
            called("msg_2"),
            Signed { body: b"", ..told },
            as_of("1800000001"),
            with(""),
            with("v1,"),
            with("v1,!"),
            with(&signature[1..]),
        ] {
            let judged = verify(&known, &forged, NOW);
            assert_eq!(judged, Err(Refused::Signature), "{forged:?}");
        }
        assert_eq!(verify(&[], &told, NOW), Err(Refused::Signature));
        assert_eq!(verify(&[secret(3)], &told, NOW), Err(Refused::Signature));
        for odd in [called(""), as_of(""), as_of("soon")] {
            assert_eq!(verify(&known, &odd, NOW), Err(Refused::Malformed));
        }
    }
}
