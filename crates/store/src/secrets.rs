//! Secrets at rest: XChaCha20-Poly1305 under a master key that never lies in
//! the database.
//!
//! Every sealed value is bound to its place (table, row, column) as associated
//! data, so that a value copied to another row does not open. Beside it stands
//! the id of the key it was sealed with.

use std::fmt;
use std::sync::Arc;

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use mayday_core::clock::Entropy;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

/// Length of the master key in bytes.
pub(crate) const KEY_BYTES: usize = 32;
/// Length of the nonce before each ciphertext in bytes.
const NONCE_BYTES: usize = 24;

/// Where a sealed value lies; it opens nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The table.
    pub table: &'static str,
    /// The row's id.
    pub row: Uuid,
    /// The column.
    pub column: &'static str,
}

/// A sealed value: two columns of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Which master key sealed it.
    pub key_id: String,
    /// Nonce and ciphertext.
    pub bytes: Vec<u8>,
}

/// Why a value could not be sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The store was opened without the master key.
    #[error("the master key is not here: name with --data-dir the directory where it lies")]
    NoKey,
    /// Sealed with a key that is not here.
    #[error("a secret was sealed with another master key: restore that master.key")]
    OtherKey,
    /// It was altered, or copied from elsewhere.
    #[error("a sealed secret does not open: the database was altered")]
    Altered,
    /// The value is too long to seal.
    #[error("a value is too long to be sealed")]
    TooLong,
}

/// The master key, ready for use. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Vault(Arc<VaultKey>);

struct VaultKey {
    id: String,
    fingerprint: String,
    cipher: XChaCha20Poly1305,
}

impl fmt::Debug for Vault {
    /// The id alone: the key is secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault")
            .field("key_id", &self.0.id)
            .finish_non_exhaustive()
    }
}

impl Vault {
    pub(crate) fn new(id: String, key: &Zeroizing<[u8; KEY_BYTES]>) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"mayday master key fingerprint\0");
        hash.update(id.as_bytes());
        hash.update([0]);
        hash.update(key.as_slice());
        let fingerprint = crate::hex::encode(&hash.finalize());
        Self(Arc::new(VaultKey {
            id,
            fingerprint,
            cipher: XChaCha20Poly1305::new(&Key::from(**key)),
        }))
    }

    /// What the database remembers of the key: enough to tell another one.
    pub(crate) fn fingerprint(&self) -> &str {
        &self.0.fingerprint
    }

    pub(crate) fn seal(
        &self,
        place: Place,
        plain: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<Sealed, SealError> {
        let mut nonce = [0_u8; NONCE_BYTES];
        entropy.fill(&mut nonce);
        let aad = place.associated_data();
        let payload = Payload {
            msg: plain,
            aad: &aad,
        };
        let ciphertext = self
            .0
            .cipher
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| SealError::TooLong)?;
        let mut bytes = nonce.to_vec();
        bytes.extend_from_slice(&ciphertext);
        Ok(Sealed {
            key_id: self.0.id.clone(),
            bytes,
        })
    }

    pub(crate) fn open(
        &self,
        place: Place,
        sealed: &Sealed,
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        if sealed.key_id != self.0.id {
            return Err(SealError::OtherKey);
        }
        let (nonce, ciphertext) = sealed
            .bytes
            .split_first_chunk::<NONCE_BYTES>()
            .ok_or(SealError::Altered)?;
        let aad = place.associated_data();
        let payload = Payload {
            msg: ciphertext,
            aad: &aad,
        };
        self.0
            .cipher
            .decrypt(&XNonce::from(*nonce), payload)
            .map(Zeroizing::new)
            .map_err(|_| SealError::Altered)
    }
}

impl Place {
    /// Table, row and column, with NULs between them, which no name can hold.
    fn associated_data(&self) -> Vec<u8> {
        let mut data = Vec::with_capacity(64);
        data.extend_from_slice(self.table.as_bytes());
        data.push(0);
        data.extend_from_slice(self.row.as_bytes());
        data.push(0);
        data.extend_from_slice(self.column.as_bytes());
        data
    }
}

#[cfg(test)]
mod tests;
