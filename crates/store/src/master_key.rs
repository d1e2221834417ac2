//! The master key's file: `master.key` in the data directory, mode 0600.
//!
//! One line: the key's id, a space, 64 hexadecimal digits. It is generated only
//! when the database is empty and no file is there; its fingerprint lies in the
//! control row, so that another key is a refusal to start instead of a server
//! that answers 401 to every SOS.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use mayday_core::clock::Entropy;
use zeroize::Zeroizing;

use crate::data_dir::{self, io_error};
use crate::hex;
use crate::open::OpenError;
use crate::secrets::{KEY_BYTES, Vault};

/// The file's name in the data directory.
pub(crate) const FILE: &str = "master.key";
/// Longest file that is read, in bytes; ours has 90.
const FILE_LIMIT: u64 = 1_024;
/// Random bytes in a key's id.
const ID_BYTES: usize = 8;

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

/// The key of the database whose fingerprint is `fingerprint`; `None` means that
/// the database is empty, and only then a key may be made.
pub(crate) fn load(
    directory: &Path,
    fingerprint: Option<&str>,
    need: Need,
    entropy: &dyn Entropy,
) -> Result<Option<Vault>, OpenError> {
    let path = directory.join(FILE);
    match (read(&path)?, fingerprint, need) {
        (_, None, Need::IfThere) => Err(OpenError::Empty),
        (Some(vault), None, Need::Required) => Ok(Some(vault)),
        (Some(vault), Some(wanted), _) if vault.fingerprint() == wanted => Ok(Some(vault)),
        (Some(_), Some(_), _) => Err(OpenError::KeyOther { path }),
        (None, Some(_), Need::IfThere) => Ok(None),
        (None, Some(_), Need::Required) => Err(OpenError::KeyMissing { path }),
        (None, None, Need::Required) => generate(&path, directory, entropy).map(Some),
    }
}

fn read(path: &Path) -> Result<Option<Vault>, OpenError> {
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
    let parsed = text.trim_end().split_once(' ').and_then(|(id, key)| {
        let bytes = Zeroizing::new(hex::decode(key)?);
        let key = <[u8; KEY_BYTES]>::try_from(bytes.as_slice()).ok()?;
        let shaped = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        shaped.then(|| Vault::new(id.to_owned(), &Zeroizing::new(key)))
    });
    parsed.map(Some).ok_or_else(|| {
        unusable(
            path,
            "it does not hold a key id and 64 hexadecimal digits: restore it from its copy",
        )
    })
}

/// Writes a new key beside its place and renames it there, so that no crash
/// leaves half a key.
fn generate(path: &Path, directory: &Path, entropy: &dyn Entropy) -> Result<Vault, OpenError> {
    let mut id = [0_u8; ID_BYTES];
    entropy.fill(&mut id);
    let id = hex::encode(&id);
    let mut key = Zeroizing::new([0_u8; KEY_BYTES]);
    entropy.fill(key.as_mut_slice());
    let digits = Zeroizing::new(hex::encode(key.as_slice()));
    let line = Zeroizing::new(format!("{id} {}\n", digits.as_str()));

    data_dir::prepare(directory)?;
    let draft = directory.join(format!("{FILE}.new"));
    let written = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(data_dir::FILE_MODE)
        .open(&draft)
        .and_then(|mut file| {
            file.write_all(line.as_bytes())?;
            file.sync_all()
        })
        .and_then(|()| std::fs::rename(&draft, path));
    written.map_err(io_error("write the master key", path))?;
    data_dir::sync(directory)?;
    tracing::info!(key.id = %id, "made a new master key: back up the file master.key");
    Ok(Vault::new(id, &key))
}

fn unusable(path: &Path, reason: &str) -> OpenError {
    OpenError::KeyUnusable {
        path: PathBuf::from(path),
        reason: reason.to_owned(),
    }
}
