//! The token in a tracking link: it names one contact and one incident to us,
//! and nothing to anybody else (contract: Escalation, Tracking page).

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::hex;
use crate::ids::{ContactId, IncidentId};

/// The purpose that the signing key is derived for.
pub const TRACKING_PURPOSE: &str = "tracking links";

/// 128 bits.
const TOKEN_BYTES: usize = 16;

/// Begins what is signed, so that no other use of the key makes a token.
const DOMAIN: &[u8] = b"mayday tracking token v1\0";

/// Begins what is hashed to look a token up.
const LOOKUP_DOMAIN: &[u8] = b"mayday tracking lookup v1\0";

/// A tracking token. It is derived when it is needed and lies nowhere in plain
/// text; `Debug` does not show it.
#[derive(Clone, Copy)]
pub struct TrackingToken([u8; TOKEN_BYTES]);

impl TrackingToken {
    /// The token of a contact in an incident: the first 128 bits of HMAC-SHA256
    /// under the key for [`TRACKING_PURPOSE`]. A higher generation revokes the
    /// tokens before it.
    pub fn derive(
        key: &[u8; 32],
        incident: IncidentId,
        contact: ContactId,
        generation: u32,
    ) -> Option<Self> {
        // HMAC takes keys of every length (RFC 2104), so this is never `None`;
        // a constant in its place would be a token that anybody could know.
        let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
        mac.update(DOMAIN);
        // All three have a fixed length, so that no two triples sign alike.
        mac.update(incident.uuid().as_bytes());
        mac.update(contact.uuid().as_bytes());
        mac.update(&generation.to_be_bytes());
        let full: [u8; 32] = mac.finalize().into_bytes().into();
        full.first_chunk().copied().map(Self)
    }

    /// Reads the text form: 32 lower-case hexadecimal digits and nothing else.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 2 * TOKEN_BYTES || text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return None;
        }
        hex::decode(text)?.try_into().ok().map(Self)
    }

    /// The text form. Hexadecimal, because phones cut a link that ends in `-`
    /// or `_` short.
    pub fn to_text(self) -> String {
        hex::encode(&self.0)
    }

    /// Under what a store may keep it: a hash, from which nobody can make a link.
    pub fn lookup_key(self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(LOOKUP_DOMAIN);
        hash.update(self.0);
        hash.finalize().into()
    }
}

/// In constant time.
impl PartialEq for TrackingToken {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for TrackingToken {}

impl fmt::Debug for TrackingToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TrackingToken(..)")
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn token(key: u8, incident: u128, contact: u128, generation: u32) -> TrackingToken {
        let incident = IncidentId(Uuid::from_u128(incident));
        let contact = ContactId(Uuid::from_u128(contact));
        TrackingToken::derive(&[key; 32], incident, contact, generation).unwrap()
    }

    #[test]
    fn it_depends_on_each_part_and_on_nothing_else() {
        assert_eq!(token(1, 2, 3, 4), token(1, 2, 3, 4));
        for other in [
            token(9, 2, 3, 4),
            token(1, 9, 3, 4),
            token(1, 2, 9, 4),
            token(1, 2, 3, 9),
            token(1, 3, 2, 4),
        ] {
            assert_ne!(token(1, 2, 3, 4), other);
        }
    }

    /// Made by an independent implementation of HMAC-SHA256: links that are in
    /// somebody's hands must outlive an upgrade.
    #[test]
    fn it_never_changes() {
        assert_eq!(
            token(1, 2, 3, 4).to_text(),
            "cdc9b7bdc5c7daad786ba75b60948160"
        );
    }

    #[test]
    fn one_spelling_is_read() {
        let text = token(1, 2, 3, 4).to_text();
        assert_eq!(text.len(), 32);
        assert_eq!(TrackingToken::parse(&text), Some(token(1, 2, 3, 4)));
        let short = &text[..30];
        let long = format!("{text}00");
        let foreign = "zz".repeat(16);
        let upper = "AB".repeat(16);
        for bad in ["", short, &long, &foreign, &upper, &"é".repeat(16)] {
            assert_eq!(TrackingToken::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn it_does_not_show_itself() {
        let token = token(1, 2, 3, 4);
        let shown = format!("{token:?}");
        assert!(!shown.contains(&token.to_text()));
        assert_ne!(token.lookup_key()[..16], token.0);
        assert_ne!(token.lookup_key(), self::token(1, 2, 3, 5).lookup_key());
    }
}
