//! A certificate and its key, read from PEM files.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;

use rustls::Error;
use rustls::InconsistentKeys::KeyMismatch;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::validity::{self, Validity};
use crate::config::CertificateFiles;
use crate::failure::Failure;

/// The largest file that is read, in bytes: a chain of dozens of certificates.
const MAX_FILE_BYTES: u64 = 256 * 1024;

/// Tells whether the files have changed.
pub(super) type Digest = [u8; 32];

/// A usable pair.
pub(super) struct Certificate {
    pub(super) key: Arc<CertifiedKey>,
    /// SHA-256 of the server's own certificate, as clients show it.
    pub(super) fingerprint: String,
    /// Unknown when the certificate states it in a way that is not the standard's.
    pub(super) validity: Option<Validity>,
    /// Of both files.
    pub(super) digest: Digest,
}

/// Why a pair is no use.
pub(super) enum Unusable {
    /// A file is not there, or what they hold is no pair.
    Wrong(Failure),
    /// A file is there and could not be read, now.
    Unreadable(Failure),
}

impl From<Unusable> for Failure {
    fn from(unusable: Unusable) -> Self {
        match unusable {
            Unusable::Wrong(failure) | Unusable::Unreadable(failure) => failure,
        }
    }
}

/// What both files hold.
struct Contents {
    certificate: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

/// The digest of both files.
pub(super) fn digest(files: &CertificateFiles) -> Result<Digest, Failure> {
    Ok(Contents::read(files)?.digest())
}

/// Reads and checks a pair. The error says which file is wrong, how, and which
/// flag names it.
pub(super) fn load(files: &CertificateFiles) -> Result<Certificate, Failure> {
    Ok(examine(files)?)
}

/// As [`load`], and tells files that cannot be read from those that are wrong.
pub(super) fn examine(files: &CertificateFiles) -> Result<Certificate, Unusable> {
    let contents = Contents::read(files)?;
    pair(files, &contents).map_err(Unusable::Wrong)
}

fn pair(files: &CertificateFiles, contents: &Contents) -> Result<Certificate, Failure> {
    let (certificate, key) = (files.certificate.display(), files.key.display());
    let chain = CertificateDer::pem_slice_iter(&contents.certificate)
        .collect::<Result<Vec<_>, _>>()
        .ok()
        .filter(|chain| !chain.is_empty())
        .ok_or_else(|| {
            Failure::new(format!(
                "{certificate} holds no certificate in PEM form; check --tls-cert"
            ))
        })?;
    let private = PrivateKeyDer::from_pem_slice(&contents.key).map_err(|_| {
        Failure::new(format!(
            "{key} holds no private key in PEM form without a password; check --tls-key"
        ))
    })?;
    let own = chain.first().cloned();
    let pair = CertifiedKey::from_der(chain, private, &super::provider()).map_err(|error| {
        Failure::new(match error {
            Error::InconsistentKeys(KeyMismatch) => format!(
                "the key in {key} does not belong to the first certificate in {certificate}; \
                 check --tls-cert and --tls-key"
            ),
            error => format!(
                "{certificate} and {key} cannot be used: {error}; take an ECDSA, Ed25519 or RSA \
                 key of at least 2048 bits, and check --tls-cert and --tls-key"
            ),
        })
    })?;
    let own = own.unwrap_or_else(|| CertificateDer::from_slice(&[]));
    Ok(Certificate {
        key: Arc::new(pair),
        fingerprint: fingerprint(&own),
        validity: validity::read(&own),
        digest: contents.digest(),
    })
}

impl Contents {
    fn read(files: &CertificateFiles) -> Result<Self, Unusable> {
        let told = |what: &str, path: &Path, flag: &str, error: &io::Error| {
            let failure = Failure::new(format!(
                "the {what} {} cannot be read: {error}; check {flag}",
                path.display()
            ));
            match error.kind() {
                io::ErrorKind::NotFound => Unusable::Wrong(failure),
                _ => Unusable::Unreadable(failure),
            }
        };
        let certificate = read_bounded(&files.certificate)
            .map_err(|error| told("certificate", &files.certificate, "--tls-cert", &error))?;
        let key = read_bounded(&files.key)
            .map_err(|error| told("private key", &files.key, "--tls-key", &error))?;
        Ok(Self {
            certificate,
            key: Zeroizing::new(key),
        })
    }

    fn digest(&self) -> Digest {
        let certificate = Sha256::digest(&self.certificate);
        let key = Sha256::digest(&self.key);
        Sha256::new()
            .chain_update(certificate)
            .chain_update(key)
            .finalize()
            .into()
    }
}

fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = File::open(path)?
        .take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)?;
    if u64::try_from(read).is_ok_and(|read| read > MAX_FILE_BYTES) {
        return Err(io::Error::other("it is too large for one"));
    }
    Ok(bytes)
}

/// As `openssl x509 -fingerprint -sha256` prints it.
fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    let pairs: Vec<String> = Sha256::digest(certificate)
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect();
    pairs.join(":")
}
