//! Makes a backup while a server runs.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use mayday_core::time::Timestamp;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::draft::Draft;
use super::files::{self, Content};
use super::manifest::{FORMAT, FileEntry, MANIFEST, Manifest};
use super::restore::require_key;
use super::{BackupError, Progress};
use crate::{master_key, sqlite, telemetry};

/// Pages copied in one step: 1 MiB.
const STEP_PAGES: i32 = 256;
/// Rest after each step, so that the disk is there for others.
const REST: Duration = Duration::from_millis(2);
/// Steps after which what was written is flushed: a large backlog would be flushed
/// together with somebody's commit.
const FLUSH_STEPS: u32 = 8;
/// How long a step waits for a lock.
const BUSY_WAIT: Duration = Duration::from_secs(5);
/// Steps that may meet a lock in a row before it is given up.
const BUSY_STEPS: u32 = 20;
/// The newest positions: copied before the day files, because it says how much of
/// each it has seen, and must never say more than there is.
const LATEST: &str = "latest.db";
/// What is not in its day file yet: copied before the day files, into which it moves.
const JOURNAL: &str = "journal.db";

/// How a backup is made.
#[derive(Clone, Copy, Debug)]
pub struct BackupOptions<'a> {
    /// Whether the master key is put into it.
    pub with_key: bool,
    /// An earlier backup: files that are the same are linked, not kept twice.
    pub since: Option<&'a Path>,
    /// The version of mayday, for the manifest.
    pub version: &'a str,
    /// The time, for the manifest.
    pub now: Timestamp,
}

/// Backs up the data directory `source` to the new directory `target`. Blocks.
pub fn create(
    source: &Path,
    target: &Path,
    options: &BackupOptions<'_>,
    told: &mut dyn FnMut(Progress),
) -> Result<Manifest, BackupError> {
    if !source.join(sqlite::FILE).is_file() {
        return Err(BackupError::NoData {
            path: source.to_owned(),
        });
    }
    refuse_inside(source, target)?;
    let before = options.since.map(Manifest::read).transpose()?;
    let draft = Draft::begin(target)?;
    let mut work = Work {
        source,
        draft: &draft,
        before: options.since.zip(before.as_ref()),
        entries: Vec::new(),
        progress: Progress {
            done_bytes: 0,
            total_bytes: total_bytes(source),
        },
        told,
    };
    let facts = work.state(options.with_key)?;
    work.telemetry()?;
    let manifest = Manifest {
        format: FORMAT,
        mayday: options.version.to_owned(),
        schema: facts.schema,
        created_at: options.now,
        key_fingerprints: facts.key_fingerprints,
        holds_master_key: options.with_key,
        files: work.entries,
    };
    let text = serde_json::to_vec_pretty(&manifest)
        .map_err(|error| BackupError::io("write", target)(std::io::Error::other(error)))?;
    files::write(&draft.path().join(MANIFEST), &text)?;
    draft.finish()?;
    Ok(manifest)
}

/// What the state store says of itself, in the snapshot that is copied.
pub(super) struct Facts {
    schema: i64,
    pub(super) key_fingerprints: Vec<String>,
}

struct Work<'a> {
    source: &'a Path,
    draft: &'a Draft,
    before: Option<(&'a Path, &'a Manifest)>,
    entries: Vec<FileEntry>,
    progress: Progress,
    told: &'a mut dyn FnMut(Progress),
}

impl Work<'_> {
    /// The key is taken as soon as the snapshot is: a rotation that ends while the
    /// rest is copied takes from the file what the snapshot is sealed with.
    fn state(&mut self, with_key: bool) -> Result<Facts, BackupError> {
        let path = self.source.join(sqlite::FILE);
        let connection = open(&path)?;
        let facts = facts(&connection).map_err(BackupError::sqlite(&path))?;
        if with_key {
            self.key(&facts)?;
        }
        self.database(&connection, sqlite::FILE.to_owned())?;
        Ok(facts)
    }

    /// `latest.db`, then the journal, then every day file. One that is gone when its turn comes was
    /// older than retention.
    fn telemetry(&mut self) -> Result<(), BackupError> {
        let name = telemetry::config::DIRECTORY;
        let directory = self.source.join(name);
        let target = self.draft.directory(name)?;
        for file in [LATEST, JOURNAL] {
            self.telemetry_file(&directory, file)?;
        }
        // Listed only now: what has left the journal may lie in a file that was just made.
        let mut days = databases_in(&directory)?;
        days.retain(|file| file != LATEST && file != JOURNAL);
        days.sort_unstable();
        for file in days {
            self.telemetry_file(&directory, &file)?;
        }
        files::sync_directory(&target)
    }

    fn telemetry_file(&mut self, directory: &Path, file: &str) -> Result<(), BackupError> {
        let path = directory.join(file);
        let connection = match open(&path) {
            Err(_) if !path.exists() => return Ok(()),
            opened => opened?,
        };
        self.database(
            &connection,
            format!("{}/{file}", telemetry::config::DIRECTORY),
        )
    }

    fn key(&mut self, facts: &Facts) -> Result<(), BackupError> {
        let path = self.source.join(master_key::FILE);
        let target = self.draft.path().join(master_key::FILE);
        let content = files::copy(&path, &target)?;
        require_key(&target, &facts.key_fingerprints)?;
        let name = master_key::FILE.to_owned();
        self.entries.push(FileEntry::new(name, content));
        Ok(())
    }

    /// Copies a database from the snapshot that `from` holds.
    fn database(&mut self, from: &Connection, name: String) -> Result<(), BackupError> {
        let target = self.draft.path().join(&name);
        // SQLite would make it as open to others as it is let.
        files::write(&target, b"")?;
        let written = fs::File::open(&target).map_err(BackupError::io("read", &target))?;
        self.steps(from, &target, &written)
            .map_err(BackupError::sqlite(&self.source.join(&name)))?;
        files::sync(&target)?;
        let content = files::content(&target)?;
        self.reuse(&name, &target, &content)?;
        self.entries.push(FileEntry::new(name, content));
        Ok(())
    }

    fn steps(
        &mut self,
        from: &Connection,
        target: &Path,
        written: &fs::File,
    ) -> rusqlite::Result<()> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut to = Connection::open_with_flags(target, flags)?;
        // It is flushed as a whole afterwards; a crash leaves nothing of use anyway.
        to.pragma_update_and_check(None, "journal_mode", "OFF", |_| Ok(()))?;
        to.pragma_update(None, "synchronous", "OFF")?;
        let page: i64 = from.pragma_query_value(None, "page_size", |row| row.get(0))?;
        let page = u64::try_from(page).unwrap_or(0);
        let before = self.progress.done_bytes;
        {
            let backup = Backup::new(from, &mut to)?;
            let mut busy = 0;
            let mut steps: u32 = 0;
            loop {
                match backup.step(STEP_PAGES)? {
                    StepResult::Done => break,
                    StepResult::More => busy = 0,
                    _ if busy >= BUSY_STEPS => {
                        return Err(rusqlite::Error::SqliteFailure(
                            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY),
                            Some("it stays locked".to_owned()),
                        ));
                    }
                    _ => busy += 1,
                }
                let at = backup.progress();
                let copied = u64::try_from(at.pagecount - at.remaining).unwrap_or(0);
                self.progress.done_bytes = before.saturating_add(copied.saturating_mul(page));
                (self.told)(self.progress);
                steps = steps.wrapping_add(1);
                if steps.is_multiple_of(FLUSH_STEPS) {
                    // The flush that counts comes last, and its error is told.
                    let _ = written.sync_data();
                }
                thread::park_timeout(REST);
            }
            let all = u64::try_from(backup.progress().pagecount).unwrap_or(0);
            self.progress.done_bytes = before.saturating_add(all.saturating_mul(page));
        }
        (self.told)(self.progress);
        to.close().map_err(|(_, error)| error)
    }

    /// Puts a link to the same file of the earlier backup in the copy's place. Where
    /// that cannot be, as across file systems, the copy stays.
    fn reuse(&self, name: &str, target: &Path, content: &Content) -> Result<(), BackupError> {
        let Some((before, manifest)) = self.before else {
            return Ok(());
        };
        let same = |file: &&FileEntry| file.path == name && file.holds(content);
        if manifest.files.iter().find(same).is_none() {
            return Ok(());
        }
        let old = before.join(name);
        // What is linked must be what the manifest says, not what became of it.
        if !files::content(&old).is_ok_and(|found| found == *content) {
            return Ok(());
        }
        let link = target.with_extension("link");
        if fs::hard_link(&old, &link).is_ok() {
            fs::rename(&link, target).map_err(BackupError::io("link", target))?;
        }
        Ok(())
    }
}

/// Opens a database to read one snapshot of it, beside whoever writes.
fn open(path: &Path) -> Result<Connection, BackupError> {
    let opened = || -> rusqlite::Result<Connection> {
        // Read-write, because a reader of a log must be able to make its index.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY_WAIT)?;
        // Nothing of the original is changed, not even when nobody else has it open.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        connection.pragma_update(None, "query_only", true)?;
        connection.execute_batch("BEGIN")?;
        // The first read takes the snapshot.
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        Ok(connection)
    };
    opened().map_err(BackupError::sqlite(path))
}

pub(super) fn facts(connection: &Connection) -> rusqlite::Result<Facts> {
    let schema = connection.query_row(
        "SELECT COALESCE(MAX(number), 0) FROM schema_migrations",
        [],
        |row| row.get(0),
    )?;
    // A database of an older version lacks the second column.
    let key_fingerprints =
        connection.query_row("SELECT * FROM control WHERE id = 1", [], |row| {
            let in_use: String = row.get("key_fingerprint")?;
            let next: Option<String> = row.get("next_key_fingerprint").unwrap_or(None);
            Ok(std::iter::once(in_use).chain(next).collect())
        })?;
    Ok(Facts {
        schema,
        key_fingerprints,
    })
}

/// The names of the databases in a directory.
fn databases_in(directory: &Path) -> Result<Vec<String>, BackupError> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(BackupError::io("read", directory)(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(BackupError::io("read", directory))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if Path::new(&name)
            .extension()
            .is_some_and(|kind| kind == "db")
        {
            names.push(name);
        }
    }
    Ok(names)
}

/// About how much there is to copy.
fn total_bytes(source: &Path) -> u64 {
    let directory = source.join(telemetry::config::DIRECTORY);
    let names = databases_in(&directory).unwrap_or_default();
    let days = names.iter().map(|name| directory.join(name));
    let all = days.chain([source.join(sqlite::FILE)]);
    all.filter_map(|path| path.metadata().ok())
        .map(|file| file.len())
        .sum()
}

fn refuse_inside(source: &Path, target: &Path) -> Result<(), BackupError> {
    let real = |path: &Path| path.canonicalize().ok();
    let parent = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    match (real(source), real(&parent)) {
        (Some(source), Some(parent)) if parent.starts_with(&source) => Err(BackupError::Inside {
            path: target.to_owned(),
        }),
        _ => Ok(()),
    }
}
