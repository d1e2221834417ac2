//! Signed links to artifacts: whoever holds one may fetch, until it expires
//! (contract: HTTP conventions, `/v1/sdk/firmware/download`).

use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use crate::hex;
use crate::ids::RecordId;
use crate::time::Timestamp;

/// The purpose that the signing key is derived for.
pub const PURPOSE: &str = "firmware download links";

/// How long a link is good for.
pub const LIFETIME: Duration = Duration::from_mins(15);

/// Most digits of an expiry: enough until the year 33658.
const EXPIRY_MAX_DIGITS: usize = 12;

/// The signature of a link, in lower-case hex, and its expiry, in unix seconds.
pub fn sign(key: &[u8; 32], release: RecordId, expires_at: Timestamp) -> (String, i64) {
    let expiry = expires_at.as_secs();
    (hex::encode(&mac(key, release, expiry)), expiry)
}

/// Whether this is the signature of a link that is still good. Compared in
/// constant time, before the expiry is looked at.
pub fn verify(
    key: &[u8; 32],
    release: RecordId,
    expiry: &str,
    signature: &str,
    now: Timestamp,
) -> bool {
    let canonical = (1..=EXPIRY_MAX_DIGITS).contains(&expiry.len())
        && !expiry.starts_with('0')
        && expiry.bytes().all(|byte| byte.is_ascii_digit());
    let (true, Ok(expires)) = (canonical, expiry.parse::<i64>()) else {
        return false;
    };
    let Some(given) = hex::decode(signature) else {
        return false;
    };
    let genuine = bool::from(mac(key, release, expires).ct_eq(given.as_slice()));
    genuine && now.as_secs() < expires
}

fn mac(key: &[u8; 32], release: RecordId, expiry: i64) -> [u8; 32] {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        // HMAC takes keys of every length (RFC 2104), so this cannot happen;
        // all zeroes match no signature that anybody could have made.
        return [0; 32];
    };
    mac.update(release.uuid().as_bytes());
    mac.update(&expiry.to_be_bytes());
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const KEY: [u8; 32] = [7; 32];
    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    fn release(n: u128) -> RecordId {
        RecordId(Uuid::from_u128(n))
    }

    #[test]
    fn a_link_is_good_for_its_release_and_its_time_alone() {
        let (signature, expiry) = sign(&KEY, release(1), NOW.plus(LIFETIME));
        let expiry = expiry.to_string();
        let good = |key: &[u8; 32], n, expiry: &str, signature: &str, now| {
            verify(key, release(n), expiry, signature, now)
        };
        assert!(good(&KEY, 1, &expiry, &signature, NOW));
        let last = NOW.plus(LIFETIME).minus(Duration::from_secs(1));
        assert!(good(&KEY, 1, &expiry, &signature, last));
        assert!(!good(&KEY, 1, &expiry, &signature, NOW.plus(LIFETIME)));
        assert!(!good(&KEY, 2, &expiry, &signature, NOW));
        assert!(!good(&[8; 32], 1, &expiry, &signature, NOW));
        let later = (expiry.parse::<i64>().unwrap() + 1).to_string();
        assert!(!good(&KEY, 1, &later, &signature, NOW));
    }

    #[test]
    fn one_spelling_of_a_link_is_good() {
        let (signature, expiry) = sign(&KEY, release(1), NOW.plus(LIFETIME));
        let expiry = expiry.to_string();
        for (expiry, signature) in [
            (format!("0{expiry}"), signature.clone()),
            (format!("+{expiry}"), signature.clone()),
            (format!(" {expiry}"), signature.clone()),
            (String::new(), signature.clone()),
            ("9".repeat(13), signature.clone()),
            (expiry.clone(), String::new()),
            (expiry.clone(), signature[..62].to_owned()),
            (expiry.clone(), format!("{signature}00")),
            (expiry.clone(), "zz".repeat(32)),
        ] {
            assert!(
                !verify(&KEY, release(1), &expiry, &signature, NOW),
                "{expiry} {signature}"
            );
        }
    }
}
