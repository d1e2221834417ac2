//! Sealed values open in their place alone.

use mayday_core::clock::SeededEntropy;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{KEY_BYTES, Place, SealError, Vault};

const PLACE: Place = Place {
    table: "app_secrets",
    row: Uuid::from_u128(7),
    column: "ciphertext",
};

fn vault(id: &str, byte: u8) -> Vault {
    Vault::new(id.to_owned(), &Zeroizing::new([byte; KEY_BYTES]))
}

#[test]
fn a_sealed_value_opens_in_its_place_alone() {
    let vault = vault("k1", 1);
    let sealed = vault
        .seal(PLACE, b"as_secret", &SeededEntropy::new(5))
        .unwrap();
    assert_eq!(vault.open(PLACE, &sealed).unwrap().as_slice(), b"as_secret");
    for place in [
        Place {
            table: "users",
            ..PLACE
        },
        Place {
            row: Uuid::from_u128(8),
            ..PLACE
        },
        Place {
            column: "pin",
            ..PLACE
        },
    ] {
        assert_eq!(vault.open(place, &sealed), Err(SealError::Altered));
    }
}

#[test]
fn every_altered_byte_is_noticed() {
    let vault = vault("k1", 1);
    let sealed = vault
        .seal(PLACE, b"as_secret", &SeededEntropy::new(5))
        .unwrap();
    for index in 0..sealed.bytes.len() {
        let mut altered = sealed.clone();
        altered.bytes[index] ^= 1;
        assert_eq!(
            vault.open(PLACE, &altered),
            Err(SealError::Altered),
            "byte {index}"
        );
    }
    let mut cut = sealed;
    cut.bytes.truncate(10);
    assert_eq!(vault.open(PLACE, &cut), Err(SealError::Altered));
}

#[test]
fn another_key_is_told_apart_by_id_and_by_content() {
    let sealed = vault("k1", 1)
        .seal(PLACE, b"x", &SeededEntropy::new(5))
        .unwrap();
    assert_eq!(
        vault("k2", 1).open(PLACE, &sealed),
        Err(SealError::OtherKey)
    );
    assert_eq!(vault("k1", 2).open(PLACE, &sealed), Err(SealError::Altered));
    assert_ne!(vault("k1", 1).fingerprint(), vault("k1", 2).fingerprint());
    assert_ne!(vault("k1", 1).fingerprint(), vault("k2", 1).fingerprint());
}

#[test]
fn two_seals_of_one_value_differ_and_nothing_shows_in_debug() {
    let (vault, entropy) = (vault("k1", 1), SeededEntropy::new(5));
    let first = vault.seal(PLACE, b"x", &entropy).unwrap();
    assert_ne!(first, vault.seal(PLACE, b"x", &entropy).unwrap());
    assert!(!format!("{vault:?}").contains("cipher"));
}
