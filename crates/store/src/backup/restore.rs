//! Makes a data directory of a backup.

use std::path::Path;

use mayday_core::time::Timestamp;
use rusqlite::Connection;

use super::draft::Draft;
use super::manifest::{FileEntry, Manifest};
use super::{BackupError, Progress, create, files, verify};
use crate::copy::current_in;
use crate::{master_key, sqlite, telemetry};

/// How often a copy is read that changes meanwhile.
const COPY_TRIES: u32 = 5;

/// What was restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Everything acknowledged before this is there.
    pub as_of: Timestamp,
    /// How many files there are.
    pub files: usize,
    /// Their length.
    pub bytes: u64,
}

/// Makes the new data directory `target` of the backup `source`, or of the copy that
/// a server keeps there, with the master key in `key`, or in the backup. Everything is verified before anything is written.
/// Blocks.
pub fn restore(
    source: &Path,
    target: &Path,
    key: Option<&Path>,
    told: &mut dyn FnMut(Progress),
) -> Result<Restored, BackupError> {
    if let Some(copy) = current_in(source).map_err(BackupError::io("read", source))? {
        return of_copy(&copy, target, key);
    }
    let manifest = Manifest::read(source)?;
    let key = match key {
        Some(key) => key.to_owned(),
        None if manifest.holds_master_key => source.join(master_key::FILE),
        None => {
            return Err(BackupError::KeyNeeded {
                wanted: manifest.wanted_key(),
            });
        }
    };
    require_key(&key, &manifest.key_fingerprints)?;
    let draft = Draft::begin(target)?;
    // Twice the length: it is read once to verify it, and once to copy it.
    let total_bytes = manifest.bytes().saturating_mul(2);
    let mut verified = 0;
    let wrong = verify(source, &manifest, &mut |progress| {
        verified = progress.done_bytes;
        told(Progress {
            total_bytes,
            ..progress
        });
    });
    if let Some(first) = wrong.first() {
        return Err(BackupError::not_whole(
            source,
            format!("{first}: take another backup"),
        ));
    }
    let telemetry = draft.directory(telemetry::config::DIRECTORY)?;
    let mut done_bytes = verified;
    for file in manifest
        .files
        .iter()
        .filter(|file| file.path != master_key::FILE)
    {
        bring(source, draft.path(), file)?;
        done_bytes = done_bytes.saturating_add(file.bytes);
        told(Progress {
            done_bytes,
            total_bytes,
        });
    }
    files::copy(&key, &draft.path().join(master_key::FILE))?;
    files::sync_directory(&telemetry)?;
    draft.finish()?;
    Ok(Restored {
        as_of: manifest.created_at,
        files: manifest.files.len(),
        bytes: manifest.bytes(),
    })
}

/// Makes a data directory of the state store's copy. Telemetry is not in it, and
/// neither is the key.
fn of_copy(copy: &Path, target: &Path, key: Option<&Path>) -> Result<Restored, BackupError> {
    let draft = Draft::begin(target)?;
    let database = draft.path().join(sqlite::FILE);
    let facts = bring_whole(copy, draft.path())?;
    if let Some(damage) = facts.damage {
        return Err(BackupError::not_whole(copy, damage));
    }
    let wanted = facts.key_fingerprints;
    let key = key.ok_or_else(|| BackupError::KeyNeeded {
        wanted: wanted
            .first()
            .map_or("", String::as_str)
            .chars()
            .take(16)
            .collect(),
    })?;
    require_key(key, &wanted)?;
    files::copy(key, &draft.path().join(master_key::FILE))?;
    let bytes = files::content(&database)?.bytes;
    draft.finish()?;
    Ok(Restored {
        as_of: facts.last_heartbeat,
        files: 1,
        bytes,
    })
}

/// What a server keeps in `store.copy_dir`, laid out to be looked at; dropped, it goes.
pub(crate) struct LaidOut {
    draft: Draft,
    /// Everything acknowledged before this is in it.
    pub(crate) as_of: Timestamp,
}

impl LaidOut {
    pub(crate) fn path(&self) -> &Path {
        self.draft.path()
    }
}

/// Lays out in `scratch`, which must not exist, the copy that a server keeps in
/// `source`; `None` when that is no such directory. Blocks.
pub(crate) fn lay_out(source: &Path, scratch: &Path) -> Result<Option<LaidOut>, BackupError> {
    let Some(copy) = current_in(source).map_err(BackupError::io("read", source))? else {
        return Ok(None);
    };
    let draft = Draft::begin(scratch)?;
    let facts = bring_whole(&copy, draft.path())?;
    Ok(Some(LaidOut {
        draft,
        as_of: facts.last_heartbeat,
    }))
}

/// Copies the database with its log, and carries the log over into it.
fn bring_whole(copy: &Path, target: &Path) -> Result<CopyFacts, BackupError> {
    let mut tries = 0;
    while !bring_copy(copy, target)? {
        tries += 1;
        if tries >= COPY_TRIES {
            return Err(BackupError::not_whole(
                copy,
                "its server is still writing it: stop that server first",
            ));
        }
        for name in copy_files() {
            let _ = std::fs::remove_file(target.join(name));
        }
    }
    settle(&target.join(sqlite::FILE)).map_err(BackupError::sqlite(copy))
}

/// The files of a copy: the database, then its log, so that the log is the newer.
fn copy_files() -> [String; 2] {
    [sqlite::FILE.to_owned(), format!("{}-wal", sqlite::FILE)]
}

/// Copies the database and its log; answers whether the database stayed as it was
/// meanwhile.
fn bring_copy(copy: &Path, target: &Path) -> Result<bool, BackupError> {
    let state = || {
        let database = copy.join(sqlite::FILE).metadata().ok()?;
        Some((database.len(), database.modified().ok()?))
    };
    let before = state();
    for name in copy_files() {
        let from = copy.join(&name);
        if from.exists() || name == sqlite::FILE {
            files::copy(&from, &target.join(&name))?;
        }
    }
    Ok(before.is_some() && state() == before)
}

/// What a copy says of itself, once its log was carried into it.
struct CopyFacts {
    key_fingerprints: Vec<String>,
    last_heartbeat: Timestamp,
    damage: Option<String>,
}

fn settle(database: &Path) -> rusqlite::Result<CopyFacts> {
    let connection = Connection::open(database)?;
    connection.pragma_update_and_check(None, "locking_mode", "EXCLUSIVE", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    let verdict: String =
        connection.pragma_query_value(None, "integrity_check", |row| row.get(0))?;
    let facts = CopyFacts {
        key_fingerprints: create::facts(&connection)?.key_fingerprints,
        last_heartbeat: connection.query_row(
            "SELECT at FROM heartbeat WHERE id = 1",
            [],
            |row| row.get(0).map(Timestamp::from_micros),
        )?,
        damage: (verdict != "ok").then_some(verdict),
    };
    connection.close().map_err(|(_, error)| error)?;
    Ok(facts)
}

/// Copies a file, which must still be what was verified.
fn bring(source: &Path, target: &Path, file: &FileEntry) -> Result<(), BackupError> {
    let content = files::copy(&source.join(&file.path), &target.join(&file.path))?;
    if file.holds(&content) {
        Ok(())
    } else {
        Err(BackupError::not_whole(
            source,
            format!("{} changed while it was read", file.path),
        ))
    }
}

/// Refuses a key's file without one of these keys.
pub(super) fn require_key(path: &Path, wanted: &[String]) -> Result<(), BackupError> {
    let found = master_key::names_in(path)?;
    let missing = wanted
        .iter()
        .find(|wanted| found.iter().all(|key| key.fingerprint != **wanted));
    match missing {
        None => Ok(()),
        Some(missing) => Err(BackupError::KeyOther {
            path: path.to_owned(),
            wanted: missing.chars().take(16).collect(),
        }),
    }
}
