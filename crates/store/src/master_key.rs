//! The master key's file: `master.key` in the data directory, mode 0600.
//!
//! One line: the key's id, a space, 64 hexadecimal digits. It is generated only
//! when the database is empty and no file is there; its fingerprint lies in the
//! control row, so that another key is a refusal to start instead of a server
//! that answers 401 to every SOS.
//!
//! While one key replaces another ([`rotate`]) the file holds both. Which of them
//! is in use the control row says: lines above that one are of keys that were
//! replaced, lines below it of keys to come.

pub(crate) mod rotate;

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use mayday_core::clock::Entropy;
use zeroize::Zeroizing;

use crate::data_dir::{self, io_error};
use crate::files;
use crate::hex;
use crate::open::OpenError;
use crate::secrets::{KEY_BYTES, MasterKey, Vault};

/// The file's name in the data directory.
pub(crate) const FILE: &str = "master.key";
/// Longest file that is read, in bytes; a key takes about 90.
const FILE_LIMIT: u64 = 1_024;
/// Random bytes in a key's id.
const ID_BYTES: usize = 8;

/// A line of the file.
#[derive(Clone)]
pub(crate) struct Line {
    id: String,
    key: Zeroizing<[u8; KEY_BYTES]>,
}

impl Line {
    fn parse(line: &str) -> Option<Self> {
        let (id, key) = line.split_once(' ')?;
        let bytes = Zeroizing::new(hex::decode(key)?);
        let key = <[u8; KEY_BYTES]>::try_from(bytes.as_slice()).ok()?;
        let shaped = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        shaped.then(|| Self {
            id: id.to_owned(),
            key: Zeroizing::new(key),
        })
    }

    /// A new key.
    pub(crate) fn generate(entropy: &dyn Entropy) -> Self {
        let mut id = [0_u8; ID_BYTES];
        entropy.fill(&mut id);
        let mut key = Zeroizing::new([0_u8; KEY_BYTES]);
        entropy.fill(key.as_mut_slice());
        Self {
            id: hex::encode(&id),
            key,
        }
    }

    fn key(&self) -> MasterKey {
        MasterKey::new(self.id.clone(), &self.key)
    }
}

/// The file's content, in its order.
#[derive(Clone)]
pub(crate) struct Lines(Vec<Line>);

impl Lines {
    /// The keys.
    pub(crate) fn keys(&self) -> impl Iterator<Item = MasterKey> {
        self.0.iter().map(Line::key)
    }

    /// Where the key of this fingerprint stands.
    pub(crate) fn position(&self, fingerprint: &str) -> Option<usize> {
        self.keys().position(|key| key.fingerprint() == fingerprint)
    }

    /// Writes the lines beside the file and renames them there, so that no crash
    /// leaves half a key.
    pub(crate) fn write(&self, path: &Path) -> Result<(), OpenError> {
        let mut text = Zeroizing::new(String::new());
        for line in &self.0 {
            let digits = Zeroizing::new(hex::encode(line.key.as_slice()));
            text.push_str(&line.id);
            text.push(' ');
            text.push_str(&digits);
            text.push('\n');
        }
        files::replace(path, text.as_bytes()).map_err(io_error("write the master key", path))
    }
}

/// What a store needs its master key for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Secrets are sealed or opened: the key must be there, and is made for an
    /// empty database.
    Required,
    /// Nothing is sealed or opened. A key that is there must still be the right
    /// one: another says that this is not the database that was meant. Nothing is
    /// made, so an empty database is refused.
    IfThere,
}

/// The keys of the database whose key in use has this `fingerprint`; `None` means
/// that the database is empty, and only then a key may be made.
pub(crate) fn load(
    directory: &Path,
    fingerprint: Option<&str>,
    need: Need,
    entropy: &dyn Entropy,
) -> Result<Option<Vault>, OpenError> {
    let path = directory.join(FILE);
    let lines = match (read(&path)?, fingerprint, need) {
        (_, None, Need::IfThere) => return Err(OpenError::Empty),
        (Some(lines), None, Need::Required) => lines,
        (Some(lines), Some(wanted), _) if lines.position(wanted).is_some() => lines,
        (Some(_), Some(_), _) => return Err(OpenError::KeyOther { path }),
        (None, Some(_), Need::IfThere) => return Ok(None),
        (None, Some(_), Need::Required) => return Err(OpenError::KeyMissing { path }),
        (None, None, Need::Required) => generate(&path, directory, entropy)?,
    };
    Ok(Some(Vault::new(lines.keys().collect(), Some(path))))
}

/// Refuses keys without the one that a rotation under way seals with.
pub(crate) fn require_next(vault: Option<&Vault>, next: Option<String>) -> Result<(), OpenError> {
    let (Some(vault), Some(next)) = (vault, next) else {
        return Ok(());
    };
    match vault.file() {
        Some(file) if vault.id_of(&next).is_none() => Err(OpenError::KeyNext {
            path: file.to_owned(),
        }),
        _ => Ok(()),
    }
}

/// Reads the file; `None` when there is none.
pub(crate) fn read(path: &Path) -> Result<Option<Lines>, OpenError> {
    let file = match OpenOptions::new().read(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(io_error("read the master key", path)(source)),
    };
    let found = file
        .metadata()
        .map_err(io_error("read the master key", path))?;
    if !found.is_file() {
        return Err(unusable(path, "it is not a file: restore it from its copy"));
    }
    if found.mode() & 0o077 != 0 {
        return Err(unusable(path, "others may read it: run chmod 600 on it"));
    }
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(FILE_LIMIT)
        .read_to_end(&mut bytes)
        .map_err(io_error("read the master key", path))?;
    let text = std::str::from_utf8(&bytes).unwrap_or_default();
    let lines: Option<Vec<Line>> = text.trim_end().lines().map(Line::parse).collect();
    match lines {
        Some(lines) if !lines.is_empty() => Ok(Some(Lines(lines))),
        _ => Err(unusable(
            path,
            "it does not hold a key id and 64 hexadecimal digits a line: restore it from its copy",
        )),
    }
}

fn generate(path: &Path, directory: &Path, entropy: &dyn Entropy) -> Result<Lines, OpenError> {
    let line = Line::generate(entropy);
    let id = line.id.clone();
    let lines = Lines(vec![line]);
    data_dir::prepare(directory)?;
    lines.write(path)?;
    tracing::info!(key.id = %id, "made a new master key: back up the file master.key");
    Ok(lines)
}

fn unusable(path: &Path, reason: &str) -> OpenError {
    OpenError::KeyUnusable {
        path: PathBuf::from(path),
        reason: reason.to_owned(),
    }
}

/// A key of a `master.key`, without the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyName {
    /// Its id, as it stands beside what it sealed.
    pub id: String,
    /// What databases and backups remember of it: SHA-256 in lower-case
    /// hexadecimal. Not secret.
    pub fingerprint: String,
}

/// The keys in a file, in its order: the one in use, and another while it is
/// being rotated.
pub fn names_in(path: &Path) -> Result<Vec<KeyName>, OpenError> {
    let lines = read(path)?.ok_or_else(|| OpenError::KeyMissing {
        path: path.to_owned(),
    })?;
    let name = |key: MasterKey| KeyName {
        id: key.id().to_owned(),
        fingerprint: key.fingerprint().to_owned(),
    };
    Ok(lines.keys().map(name).collect())
}
