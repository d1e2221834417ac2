//! Hands out a release's bytes to whoever holds a signed link.

use mayday_core::firmware::link;
use mayday_core::ids::RecordId;
use mayday_store::PurposeKey;
use mayday_store::firmware::{self, CHUNK_BYTES, FirmwareState};

use crate::{App, AppError};

/// Bytes of a piece; only the last one may be shorter.
pub const PIECE_BYTES: u64 = CHUNK_BYTES as u64;

/// The bytes that a link leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirmwareArtifact {
    /// The release.
    pub release: RecordId,
    /// How many bytes.
    pub size_bytes: u64,
    /// Their SHA-256, in lower-case hex.
    pub sha256: String,
}

impl App {
    /// The artifact of a link that is genuine and still good. Anything else is
    /// not found, in the same words, whatever is wrong with it.
    pub async fn open_firmware(
        &self,
        release: RecordId,
        expiry: &str,
        signature: &str,
    ) -> Result<FirmwareArtifact, AppError> {
        const MISSING: AppError = AppError::NotFound {
            what: "this link is not good, or no longer: ask for a new one; firmware",
        };
        let now = self.clock.now();
        let mut tx = self.store.read().await?;
        let keys = tx.purpose_keys(link::PURPOSE).await?;
        let genuine = |key: &PurposeKey| link::verify(key, release, expiry, signature, now);
        if !keys.iter().any(genuine) {
            return Err(MISSING);
        }
        let found = firmware::get(&mut tx, release).await?;
        drop(tx);
        let row = found
            .filter(|row| row.state == FirmwareState::Published)
            .ok_or(MISSING)?;
        Ok(FirmwareArtifact {
            release,
            size_bytes: u64::try_from(row.size_bytes).unwrap_or(0),
            sha256: row.sha256,
        })
    }

    /// A piece of an artifact, counted from 0. A release that was removed
    /// meanwhile has none.
    pub async fn firmware_piece(
        &self,
        release: RecordId,
        ordinal: u32,
    ) -> Result<Vec<u8>, AppError> {
        let mut tx = self.store.read().await?;
        let piece = firmware::chunk(&mut tx, release, ordinal).await?;
        piece.ok_or(AppError::NotFound { what: "firmware" })
    }
}
