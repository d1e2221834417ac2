//! What a backup says of itself.

use std::path::{Component, Path};

use mayday_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::files::{self, Content};
use super::{BackupError, Progress};
use crate::migrations::MIGRATIONS;

/// The file's name in a backup. It is the last one written.
pub const MANIFEST: &str = "manifest.json";
/// Raised when the layout of a backup changes its meaning.
pub(super) const FORMAT: u32 = 1;
/// Longest manifest that is read, in bytes: ten years of day files take a fifth.
const MANIFEST_LIMIT: u64 = 4 << 20;
/// How much of a fingerprint an error names.
const FINGERPRINT_START: usize = 16;

/// What a backup holds, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The layout's version.
    pub format: u32,
    /// The mayday that made it.
    pub mayday: String,
    /// The number of the last step of the state store's schema.
    pub schema: i64,
    /// When it was begun: everything acknowledged before is in it.
    pub created_at: Timestamp,
    /// Fingerprints of the master keys that open its secrets: two while the key was
    /// being rotated.
    pub key_fingerprints: Vec<String>,
    /// Whether the master key is in it.
    pub holds_master_key: bool,
    /// Its files.
    pub files: Vec<FileEntry>,
}

/// A file of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Its place in the backup and in the data directory, with `/`.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 in lower-case hexadecimal.
    pub sha256: String,
}

impl FileEntry {
    pub(super) fn new(path: String, content: Content) -> Self {
        Self {
            path,
            bytes: content.bytes,
            sha256: content.sha256,
        }
    }

    pub(super) fn holds(&self, content: &Content) -> bool {
        self.bytes == content.bytes && self.sha256 == content.sha256
    }
}

impl Manifest {
    /// Reads a backup's manifest; refuses what this version cannot understand.
    pub fn read(backup: &Path) -> Result<Self, BackupError> {
        let path = backup.join(MANIFEST);
        let size = path.metadata().map_err(|_| {
            BackupError::not_whole(
                backup,
                "it holds no manifest.json: name the directory that `mayday backup` made",
            )
        })?;
        if size.len() > MANIFEST_LIMIT {
            return Err(BackupError::not_whole(backup, "its manifest is too long"));
        }
        let text = std::fs::read(&path).map_err(BackupError::io("read", &path))?;
        let manifest: Self = serde_json::from_slice(&text).map_err(|error| {
            BackupError::not_whole(backup, format!("its manifest cannot be read: {error}"))
        })?;
        manifest.refuse_newer()?;
        if let Some(file) = manifest.files.iter().find(|file| !is_inside(&file.path)) {
            return Err(BackupError::not_whole(
                backup,
                format!(
                    "its manifest names {:?}, which is no file of ours",
                    file.path
                ),
            ));
        }
        Ok(manifest)
    }

    fn refuse_newer(&self) -> Result<(), BackupError> {
        let known = MIGRATIONS.last().map_or(0, |migration| migration.number);
        let what = if self.format > FORMAT {
            "layout"
        } else if self.schema > known {
            "schema"
        } else {
            return Ok(());
        };
        Err(BackupError::Newer {
            by: self.mayday.clone(),
            what,
        })
    }

    /// The length of all its files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// The beginning of the fingerprint of the key that opens it.
    pub(super) fn wanted_key(&self) -> String {
        let first = self.key_fingerprints.first().map_or("", String::as_str);
        first.chars().take(FINGERPRINT_START).collect()
    }
}

/// Reads every file of a backup; answers what is wrong with each faulty one.
pub(crate) fn verify(
    backup: &Path,
    manifest: &Manifest,
    told: &mut dyn FnMut(Progress),
) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut progress = Progress {
        done_bytes: 0,
        total_bytes: manifest.bytes(),
    };
    for file in &manifest.files {
        match files::content(&backup.join(&file.path)) {
            Ok(content) if file.holds(&content) => {}
            Ok(content) if content.bytes != file.bytes => wrong.push(format!(
                "{} holds {} bytes where it held {}",
                file.path, content.bytes, file.bytes
            )),
            Ok(_) => wrong.push(format!("{} was changed since it was written", file.path)),
            Err(error) => wrong.push(error.to_string()),
        }
        progress.done_bytes = progress.done_bytes.saturating_add(file.bytes);
        told(progress);
    }
    wrong
}

/// Whether a path leads to nowhere but below where it begins.
fn is_inside(path: &str) -> bool {
    let mut parts = Path::new(path).components();
    !path.is_empty() && parts.all(|part| matches!(part, Component::Normal(_)))
}
