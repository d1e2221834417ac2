//! Signing and verifying user hashes (contract: Identity, signature and
//! expiring hash; `docs/signing.md` for partners).
//!
//! The partner's server signs with the app's secret, the SDK carries the hash
//! as opaque text, and [`verify`] decides what it still allows:
//!
//! - *static*: hex of HMAC-SHA256(secret, external user id);
//! - *expiring*: `x1.<expiry>.<hex>` over
//!   `NUL "x1" NUL expiry NUL app id NUL external user id`. No external id can
//!   hold a NUL, so nobody's static hash can serve as somebody's expiring one.

use std::fmt;
use std::fmt::Write as _;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::identity::{AppId, AppSecret, ExternalUserId, InvalidName, Standing};
use crate::ids::SecretId;
use crate::time::Timestamp;

/// How many secrets of an app may be live at once, for rotation without a gap.
pub const MAX_LIVE_SECRETS: usize = 2;

/// How long after its expiry an authentic hash still calls for help.
pub const STALE_GRACE: Duration = Duration::from_hours(30 * 24);

/// The expiry has at most this many decimal digits.
const MAX_EXPIRY_DIGITS: usize = 12;

const PREFIX: &str = "x1.";

type Digest = [u8; 32];

/// An identity as claimed, on either transport. Nothing in it is checked yet.
#[derive(Clone, Copy)]
pub struct Proof<'a> {
    /// The app's public id.
    pub app_id: &'a str,
    /// The partner's id of the user.
    pub external_id: &'a str,
    /// The user hash, without `Bearer`.
    pub hash: &'a str,
}

impl fmt::Debug for Proof<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proof")
            .field("app_id", &self.app_id)
            .field("external_id", &self.external_id)
            .finish_non_exhaustive()
    }
}

/// A secret that signs for an app at the moment.
#[derive(Clone, Debug)]
pub struct LiveSecret {
    /// Its id, which is not secret.
    pub id: SecretId,
    /// The key.
    pub secret: AppSecret,
}

/// What [`verify`] found out about an authentic hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Genuine {
    /// Which secret made it.
    pub secret: SecretId,
    /// When it expires or expired; `None` for a static hash.
    pub expires_at: Option<Timestamp>,
    /// What it still allows.
    pub standing: Standing,
}

/// The verdict on a user hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Made with a live secret for this very app and user, and in force or
    /// expired at most [`STALE_GRACE`] ago.
    Genuine(Genuine),
    /// Anything else.
    Invalid,
}

/// The static user hash: lower-case hex of HMAC-SHA256(secret, external id).
pub fn sign_static(secret: &AppSecret, user: &ExternalUserId) -> String {
    hex(&static_mac(secret, user.as_str()))
}

/// The expiring user hash `x1.<expiry>.<hex>`; `expires_at` is cut to seconds.
///
/// Fails when the expiry lies before 1970 or has more than 12 digits.
pub fn sign_expiring(
    secret: &AppSecret,
    app: &AppId,
    user: &ExternalUserId,
    expires_at: Timestamp,
) -> Result<String, InvalidName> {
    let expiry = expires_at.as_secs().to_string();
    if parse_expiry(&expiry).is_none() {
        return Err(InvalidName(
            "an expiry is a time after 1970 of at most 12 digits in unix seconds",
        ));
    }
    let mac = expiring_mac(secret, &expiry, app.as_str(), user.as_str());
    Ok(format!("{PREFIX}{expiry}.{}", hex(&mac)))
}

/// Checks a hash against the live secrets of an app, in constant time.
///
/// The work does not depend on how many secrets there are, so that the time
/// taken does not tell an unknown app (no secrets) from a known one.
pub fn verify(
    secrets: &[LiveSecret],
    app: &AppId,
    user: &ExternalUserId,
    hash: &str,
    now: Timestamp,
) -> Verdict {
    let Some(claim) = Claim::parse(hash) else {
        return Verdict::Invalid;
    };
    let decoy = AppSecret::decoy();
    let mut matched = None;
    for slot in 0..MAX_LIVE_SECRETS {
        let live = secrets.get(slot);
        let key = live.map_or(&decoy, |live| &live.secret);
        let same = bool::from(claim.mac(key, app, user).ct_eq(&claim.digest));
        if same && let Some(live) = live {
            matched = Some(live.id);
        }
    }
    let (Some(secret), Some(standing)) = (matched, standing_at(claim.expires_at, now)) else {
        return Verdict::Invalid;
    };
    Verdict::Genuine(Genuine {
        secret,
        expires_at: claim.expires_at,
        standing,
    })
}

/// What a genuine proof of this expiry allows at `now`; `None` when it is
/// past even [`STALE_GRACE`]. A static hash never expires.
pub fn standing_at(expires_at: Option<Timestamp>, now: Timestamp) -> Option<Standing> {
    match expires_at {
        None => Some(Standing::Full),
        Some(expiry) if now < expiry => Some(Standing::Full),
        Some(expiry) if now <= expiry.plus(STALE_GRACE) => Some(Standing::Stale),
        Some(_) => None,
    }
}

/// A well-formed hash.
struct Claim<'a> {
    digest: Digest,
    /// The digits as sent, which are what was signed.
    expiry: Option<&'a str>,
    expires_at: Option<Timestamp>,
}

impl<'a> Claim<'a> {
    fn parse(hash: &'a str) -> Option<Self> {
        let Some(rest) = hash.strip_prefix(PREFIX) else {
            return Some(Self {
                digest: unhex(hash)?,
                expiry: None,
                expires_at: None,
            });
        };
        let (expiry, digest) = rest.split_once('.')?;
        Some(Self {
            digest: unhex(digest)?,
            expiry: Some(expiry),
            expires_at: Some(parse_expiry(expiry)?),
        })
    }

    fn mac(&self, key: &AppSecret, app: &AppId, user: &ExternalUserId) -> Digest {
        match self.expiry {
            None => static_mac(key, user.as_str()),
            Some(expiry) => expiring_mac(key, expiry, app.as_str(), user.as_str()),
        }
    }
}

/// Canonical decimal: digits alone, no leading zero, at most 12 of them.
fn parse_expiry(text: &str) -> Option<Timestamp> {
    let canonical = (1..=MAX_EXPIRY_DIGITS).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_digit())
        && (text.len() == 1 || !text.starts_with('0'));
    if !canonical {
        return None;
    }
    text.parse().ok().map(Timestamp::from_secs)
}

fn static_mac(secret: &AppSecret, user: &str) -> Digest {
    mac(secret, &[user])
}

fn expiring_mac(secret: &AppSecret, expiry: &str, app: &str, user: &str) -> Digest {
    mac(secret, &["\0x1\0", expiry, "\0", app, "\0", user])
}

fn mac(secret: &AppSecret, parts: &[&str]) -> Digest {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()) else {
        // HMAC takes keys of every length (RFC 2104), so this cannot happen;
        // all zeroes match no hash that anybody could have made.
        return Digest::default();
    };
    for part in parts {
        mac.update(part.as_bytes());
    }
    mac.finalize().into_bytes().into()
}

fn hex(digest: &Digest) -> String {
    let mut text = String::with_capacity(64);
    for byte in digest {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// 64 hex digits of either case.
fn unhex(text: &str) -> Option<Digest> {
    if text.len() != 64 {
        return None;
    }
    let mut digest = Digest::default();
    for (byte, pair) in digest.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let &[high, low] = pair else { return None };
        *byte = nibble(high)? << 4 | nibble(low)?;
    }
    Some(digest)
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    fn live(id: u128, secret: &str) -> LiveSecret {
        LiveSecret {
            id: SecretId(Uuid::from_u128(id)),
            secret: AppSecret::parse(secret).unwrap(),
        }
    }

    fn app() -> AppId {
        AppId::parse("partner-app").unwrap()
    }

    fn user() -> ExternalUserId {
        ExternalUserId::parse("ana").unwrap()
    }

    fn check(secrets: &[LiveSecret], hash: &str, now: Timestamp) -> Option<Genuine> {
        match verify(secrets, &app(), &user(), hash, now) {
            Verdict::Genuine(genuine) => Some(genuine),
            Verdict::Invalid => None,
        }
    }

    #[test]
    fn either_live_secret_signs_and_the_verdict_names_it() {
        let both = [live(1, "as_one"), live(2, "as_two")];
        for secret in &both {
            let hash = sign_static(&secret.secret, &user());
            assert_eq!(check(&both, &hash, NOW).unwrap().secret, secret.id);
            assert_eq!(
                check(&both, &hash.to_uppercase(), NOW).unwrap().secret,
                secret.id
            );
        }
        let retired = sign_static(&live(3, "as_three").secret, &user());
        assert_eq!(check(&both, &retired, NOW), None);
    }

    #[test]
    fn nothing_is_let_in_without_a_secret_not_even_what_the_decoy_signed() {
        let hash = sign_static(&AppSecret::decoy(), &user());
        assert_eq!(check(&[], &hash, NOW), None);
        assert_eq!(check(&[live(1, "as_one")], &hash, NOW), None);
    }

    #[test]
    fn an_expiring_hash_is_full_then_stale_for_30_days_then_nothing() {
        let secret = [live(1, "as_one")];
        let expiry = NOW;
        let hash = sign_expiring(&secret[0].secret, &app(), &user(), expiry).unwrap();
        let standing = |now| check(&secret, &hash, now).map(|g| g.standing);
        let tick = Duration::from_micros(1);
        assert_eq!(standing(expiry.minus(tick)), Some(Standing::Full));
        assert_eq!(standing(expiry), Some(Standing::Stale));
        assert_eq!(standing(expiry.plus(STALE_GRACE)), Some(Standing::Stale));
        assert_eq!(standing(expiry.plus(STALE_GRACE).plus(tick)), None);
        assert_eq!(check(&secret, &hash, NOW).unwrap().expires_at, Some(expiry));
    }

    #[test]
    fn an_expiry_is_canonical_decimal_of_at_most_12_digits() {
        for good in ["0", "1", "1800000000", "999999999999"] {
            assert!(parse_expiry(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "00",
            "01",
            "+1",
            "-1",
            "1 ",
            " 1",
            "1.0",
            "1e9",
            "١",
            "1000000000000",
        ] {
            assert!(parse_expiry(bad).is_none(), "{bad}");
        }
        let beyond = Timestamp::from_secs(1_000_000_000_000);
        assert!(sign_expiring(&live(1, "s").secret, &app(), &user(), beyond).is_err());
        let before = Timestamp::from_secs(-1);
        assert!(sign_expiring(&live(1, "s").secret, &app(), &user(), before).is_err());
    }

    #[test]
    fn malformed_hashes_are_refused() {
        let secret = [live(1, "as_one")];
        let good = sign_static(&secret[0].secret, &user());
        let x1 = sign_expiring(&secret[0].secret, &app(), &user(), NOW.plus(STALE_GRACE)).unwrap();
        let tail = &x1[x1.len() - 64..];
        for bad in [
            format!(" {good}"),
            format!("{good} "),
            format!("{good}0"),
            format!("+{}", &good[1..]),
            format!("é{}", &good[2..]),
            format!("X1{}", &x1[2..]),
            format!("x1..{tail}"),
            format!("x1.{tail}"),
            format!("{x1}.00"),
            "x1.".to_owned(),
        ] {
            assert_eq!(check(&secret, &bad, NOW), None, "{bad}");
        }
        assert!(check(&secret, &x1, NOW).is_some());
    }

    #[test]
    fn the_mac_itself_is_right_for_ids_that_are_refused_at_the_door() {
        let secret = AppSecret::parse("as_7Yk2f0Qm3zvTtN8r1sLw5uXeHcBdGpJa").unwrap();
        assert_eq!(
            hex(&static_mac(&secret, " lead")),
            "e525934797199484cc715d281f558548e32fee492b40ce67b503a6817073d701"
        );
    }

    #[test]
    fn debug_of_a_proof_hides_the_hash() {
        let proof = Proof {
            app_id: "app",
            external_id: "ana",
            hash: "c0ffee",
        };
        assert!(!format!("{proof:?}").contains("c0ffee"));
    }
}
