//! Secrets at rest: XChaCha20-Poly1305 under a master key that never lies in
//! the database.
//!
//! Every sealed value is bound to its place (table, row, column) as associated
//! data, so that a value copied to another row does not open. Beside it stands
//! the id of the key it was sealed with, so that two keys may be in use while one
//! replaces the other ([`crate::master_key`]). Which columns are sealed stands in
//! [`columns`]; nothing can be sealed anywhere else.

pub(crate) mod columns;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use mayday_core::clock::Entropy;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::purpose_keys::{PurposeKey, PurposeKeys};

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
    /// Sealed, or to be sealed, with a key that is not here.
    #[error(
        "a secret needs a master key that is not here: copy master.key from the node where `mayday key rotate` was run, or restore it"
    )]
    OtherKey,
    /// No such column is on the list of those that are sealed anew when the key is
    /// rotated: a fault of ours.
    #[error("this column is not on the list of sealed columns")]
    Unlisted,
    /// It was altered, or copied from elsewhere.
    #[error("a sealed secret does not open: the database was altered")]
    Altered,
    /// The value is too long to seal.
    #[error("a value is too long to be sealed")]
    TooLong,
}

/// The master keys of a data directory, ready for use: one, or two while one
/// replaces the other. Cheap to clone; clones share.
#[derive(Clone)]
pub(crate) struct Vault(Arc<Inner>);

struct Inner {
    /// Where keys that are not known yet are looked for.
    file: Option<PathBuf>,
    keys: RwLock<Vec<Arc<MasterKey>>>,
}

/// One master key.
pub(crate) struct MasterKey {
    id: String,
    fingerprint: String,
    cipher: XChaCha20Poly1305,
    purposes: PurposeKeys,
}

impl MasterKey {
    pub(crate) fn new(id: String, key: &Zeroizing<[u8; KEY_BYTES]>) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"mayday master key fingerprint\0");
        hash.update(id.as_bytes());
        hash.update([0]);
        hash.update(key.as_slice());
        let fingerprint = crate::hex::encode(&hash.finalize());
        Self {
            id,
            fingerprint,
            cipher: XChaCha20Poly1305::new(&Key::from(**key)),
            purposes: PurposeKeys::new(key),
        }
    }

    /// Its id, as it stands beside what it sealed.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// What the database remembers of it: enough to tell another one.
    pub(crate) fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
}

impl fmt::Debug for MasterKey {
    /// The id alone: the key is secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MasterKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Vault {
    /// The ids alone: the keys are secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault")
            .field("keys", &self.keys())
            .finish_non_exhaustive()
    }
}

impl Vault {
    /// These keys; more are looked for in `file` when one is asked for that is not
    /// among them.
    pub(crate) fn new(keys: Vec<MasterKey>, file: Option<PathBuf>) -> Self {
        Self(Arc::new(Inner {
            file,
            keys: RwLock::new(keys.into_iter().map(Arc::new).collect()),
        }))
    }

    /// The file that the keys came from.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.0.file.as_deref()
    }

    /// The fingerprint of the newest key, which an empty database begins with.
    pub(crate) fn newest(&self) -> String {
        let newest = self.keys().pop();
        newest.map_or_else(String::new, |key| key.fingerprint.clone())
    }

    /// The id of the key of this fingerprint, if it is here.
    pub(crate) fn id_of(&self, fingerprint: &str) -> Option<String> {
        let key = self.find(|key| key.fingerprint == fingerprint)?;
        Some(key.id.clone())
    }

    /// A key derived for a purpose from the key of this fingerprint.
    pub(crate) fn purpose_key(
        &self,
        fingerprint: &str,
        purpose: &str,
    ) -> Result<PurposeKey, SealError> {
        let key = self.find(|key| key.fingerprint == fingerprint);
        Ok(key.ok_or(SealError::OtherKey)?.purposes.of(purpose))
    }

    /// Keys derived for a purpose from every key that is here.
    pub(crate) fn purpose_keys(&self, purpose: &str) -> Vec<PurposeKey> {
        let keys = self.keys();
        keys.iter().map(|key| key.purposes.of(purpose)).collect()
    }

    /// Encrypts with the key of this fingerprint.
    pub(crate) fn seal(
        &self,
        fingerprint: &str,
        place: Place,
        plain: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<Sealed, SealError> {
        let key = self
            .find(|key| key.fingerprint == fingerprint)
            .ok_or(SealError::OtherKey)?;
        let mut nonce = [0_u8; NONCE_BYTES];
        entropy.fill(&mut nonce);
        let aad = place.associated_data();
        let payload = Payload {
            msg: plain,
            aad: &aad,
        };
        let ciphertext = key
            .cipher
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| SealError::TooLong)?;
        let mut bytes = nonce.to_vec();
        bytes.extend_from_slice(&ciphertext);
        Ok(Sealed {
            key_id: key.id.clone(),
            bytes,
        })
    }

    /// Decrypts with the key that the value names.
    pub(crate) fn open(
        &self,
        place: Place,
        sealed: &Sealed,
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let key = self
            .find(|key| key.id == sealed.key_id)
            .ok_or(SealError::OtherKey)?;
        let (nonce, ciphertext) = sealed
            .bytes
            .split_first_chunk::<NONCE_BYTES>()
            .ok_or(SealError::Altered)?;
        let aad = place.associated_data();
        let payload = Payload {
            msg: ciphertext,
            aad: &aad,
        };
        key.cipher
            .decrypt(&XNonce::from(*nonce), payload)
            .map(Zeroizing::new)
            .map_err(|_| SealError::Altered)
    }

    /// The key that fits. Where none does the file is read again: it may have been
    /// replaced because the key was rotated, here or by another node. That is a
    /// hundred bytes from a local disk, and rare.
    fn find(&self, fits: impl Fn(&MasterKey) -> bool) -> Option<Arc<MasterKey>> {
        let known = self.keys().into_iter().find(|key| fits(key));
        if known.is_some() {
            return known;
        }
        let file = self.file()?;
        match crate::master_key::read(file) {
            Ok(Some(lines)) => {
                let fresh: Vec<_> = lines.keys().map(Arc::new).collect();
                let mut keys = self.0.keys.write().unwrap_or_else(PoisonError::into_inner);
                // What was known stays: it may still be on its way out.
                for key in fresh {
                    if keys.iter().all(|old| old.fingerprint != key.fingerprint) {
                        keys.push(key);
                    }
                }
                drop(keys);
                self.keys().into_iter().find(|key| fits(key))
            }
            Ok(None) => None,
            Err(error) => {
                tracing::warn!(%error, "the master key's file cannot be read again");
                None
            }
        }
    }

    fn keys(&self) -> Vec<Arc<MasterKey>> {
        let keys = self.0.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.clone()
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
