//! Sealed values open in their place alone.

use mayday_core::clock::SeededEntropy;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{KEY_BYTES, MasterKey, Place, SealError, Sealed, Vault};

const PLACE: Place = Place {
    table: "app_secrets",
    row: Uuid::from_u128(7),
    column: "ciphertext",
};

fn key(id: &str, byte: u8) -> MasterKey {
    MasterKey::new(id.to_owned(), &Zeroizing::new([byte; KEY_BYTES]))
}

fn vault(id: &str, byte: u8) -> Vault {
    Vault::new(vec![key(id, byte)], None)
}

fn seal(vault: &Vault, plain: &[u8], entropy: &SeededEntropy) -> Sealed {
    let fingerprint = vault.keys().first().unwrap().fingerprint().to_owned();
    vault.seal(&fingerprint, PLACE, plain, entropy).unwrap()
}

#[test]
fn a_sealed_value_opens_in_its_place_alone() {
    let vault = vault("k1", 1);
    let sealed = seal(&vault, b"as_secret", &SeededEntropy::new(5));
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
    let sealed = seal(&vault, b"as_secret", &SeededEntropy::new(5));
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
    let sealed = seal(&vault("k1", 1), b"x", &SeededEntropy::new(5));
    assert_eq!(
        vault("k2", 1).open(PLACE, &sealed),
        Err(SealError::OtherKey)
    );
    assert_eq!(vault("k1", 2).open(PLACE, &sealed), Err(SealError::Altered));
    assert_ne!(key("k1", 1).fingerprint(), key("k1", 2).fingerprint());
    assert_ne!(key("k1", 1).fingerprint(), key("k2", 1).fingerprint());
    let unknown = vault("k1", 1).seal("another", PLACE, b"x", &SeededEntropy::new(5));
    assert_eq!(unknown, Err(SealError::OtherKey));
}

#[test]
fn two_seals_of_one_value_differ_and_nothing_shows_in_debug() {
    let (vault, entropy) = (vault("k1", 1), SeededEntropy::new(5));
    let first = seal(&vault, b"x", &entropy);
    assert_ne!(first, seal(&vault, b"x", &entropy));
    assert!(!format!("{vault:?}").contains("cipher"));
}

#[test]
fn two_keys_open_what_each_has_sealed() {
    let (old, new) = (vault("k1", 1), vault("k2", 2));
    let both = Vault::new(vec![key("k1", 1), key("k2", 2)], None);
    let entropy = SeededEntropy::new(5);
    for sealed in [seal(&old, b"x", &entropy), seal(&new, b"x", &entropy)] {
        assert_eq!(both.open(PLACE, &sealed).unwrap().as_slice(), b"x");
    }
    let sealed = both.seal(key("k2", 2).fingerprint(), PLACE, b"x", &entropy);
    assert_eq!(sealed.unwrap().key_id, "k2");
}
