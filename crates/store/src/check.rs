//! `mayday check`: looks for what is wrong, and changes nothing.
//!
//! Three things can be looked at: a data directory (beside its server), a backup,
//! a PostgreSQL database. [`files`] has SQLite check its own files; [`invariants`]
//! asks the same questions of either database. Each [`Finding`] says what is wrong
//! and what to do.

mod files;
pub(crate) mod invariants;
mod snapshot;

use std::path::{Path, PathBuf};

use mayday_core::clock::{SharedClock, SharedEntropy};
use mayday_core::time::Timestamp;
use serde::Serialize;

use crate::backup::{BackupError, LaidOut, Manifest, lay_out, verify};
use crate::dialect::Dialect;
use crate::error::StoreError;
use crate::master_key::Need;
use crate::migrations::{MIGRATIONS, Migration};
use crate::open::OpenError;
use crate::secrets::Vault;
use crate::store::Opening;
use crate::{master_key, sqlite, telemetry};
use snapshot::Snapshot;

/// What is looked at.
#[derive(Clone, Debug)]
pub enum Subject {
    /// A data directory with the embedded database.
    DataDir(PathBuf),
    /// A directory that [`crate::backup::create()`] made, or in which a server keeps its
    /// second copy.
    Backup {
        /// The directory.
        directory: PathBuf,
        /// A directory to be made and removed, for the copy, which is not touched.
        scratch: PathBuf,
    },
    /// A PostgreSQL database by URL, with the directory of its master key.
    Postgres {
        /// The URL, which holds a password.
        url: String,
        /// Where `master.key` lies.
        data_dir: PathBuf,
    },
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// A word for programs.
    pub code: &'static str,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub advice: &'static str,
}

impl Finding {
    fn new(code: &'static str, what: impl Into<String>, advice: &'static str) -> Self {
        Self {
            code,
            what: what.into(),
            advice,
        }
    }
}

/// What a check saw.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    /// What was checked, in words.
    pub checked: Vec<String>,
    /// What could not be checked, and why; nothing wrong by itself.
    pub left_out: Vec<String>,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

/// Why nothing could be checked at all.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// There is nothing there.
    #[error("there is no mayday data in {path}: name the directory with --data-dir", path = path.display())]
    NoData {
        /// The directory.
        path: PathBuf,
    },
    /// The backup cannot be read.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A question could not be asked.
    #[error("the database cannot be read: {0}")]
    Store(#[from] StoreError),
}

/// Looks at `subject`. `kinds` are the kinds of jobs that this version knows.
pub async fn check(
    subject: &Subject,
    kinds: &[&str],
    clock: SharedClock,
    entropy: SharedEntropy,
) -> Result<CheckReport, CheckError> {
    let mut report = CheckReport::default();
    let opening = Opening {
        clock,
        entropy,
        need: Need::IfThere,
    };
    match subject {
        Subject::DataDir(directory) => {
            let database = directory.join(sqlite::FILE);
            if !database.is_file() {
                return Err(CheckError::NoData {
                    path: directory.clone(),
                });
            }
            if report.sqlite_files(directory, files::Kind::Live).await {
                let snapshot = Snapshot::live(&database).await?;
                report.state(snapshot, directory, kinds, opening).await?;
            }
            report.require_key(directory);
        }
        Subject::Backup { directory, scratch } => {
            let (place, of) = (directory.clone(), scratch.clone());
            let laid_out = tokio::task::spawn_blocking(move || lay_out(&place, &of));
            let laid_out = laid_out.await.unwrap_or(Ok(None))?;
            let directory = laid_out.as_ref().map_or(directory.as_path(), LaidOut::path);
            match &laid_out {
                Some(copy) => report.copy(copy.as_of),
                None => report.manifest(directory).await?,
            }
            if report.sqlite_files(directory, files::Kind::Still).await {
                let snapshot = Snapshot::still(&directory.join(sqlite::FILE));
                report.state(snapshot, directory, kinds, opening).await?;
            }
        }
        Subject::Postgres { url, data_dir } => {
            let snapshot = Snapshot::postgres(url).await?;
            report.state(snapshot, data_dir, kinds, opening).await?;
            report.require_key(data_dir);
            report
                .left_out
                .push("the pages of PostgreSQL's files: `pg_amcheck` checks those".to_owned());
        }
    }
    Ok(report)
}

impl CheckReport {
    fn find(&mut self, code: &'static str, what: impl Into<String>, advice: &'static str) {
        self.findings.push(Finding::new(code, what, advice));
    }

    /// What a server's second copy is.
    fn copy(&mut self, as_of: Timestamp) {
        self.checked.push(format!(
            "a server's copy, with everything acknowledged before {as_of}"
        ));
        self.left_out
            .push("telemetry: it is not in the copy".to_owned());
    }

    /// Every file of a backup is what its manifest says.
    async fn manifest(&mut self, directory: &Path) -> Result<(), CheckError> {
        let manifest = Manifest::read(directory)?;
        let (place, of) = (directory.to_owned(), manifest.clone());
        let verified = tokio::task::spawn_blocking(move || verify(&place, &of, &mut |_| {}));
        let wrong = verified.await.unwrap_or_default();
        self.checked.push(format!(
            "{} files of the manifest, made by mayday {} at {}",
            manifest.files.len(),
            manifest.mayday,
            manifest.created_at
        ));
        for what in wrong {
            self.find(
                "file_changed",
                what,
                "this backup is not whole: take another, and look at the disk it lies on",
            );
        }
        Ok(())
    }

    /// SQLite's own check of each file. Answers whether the state store is sound
    /// enough to be asked more.
    async fn sqlite_files(&mut self, directory: &Path, kind: files::Kind) -> bool {
        let place = directory.to_owned();
        let looked = tokio::task::spawn_blocking(move || files::check(&place, kind));
        let Ok(looked) = looked.await else {
            return false;
        };
        let mut sound = true;
        for (name, wrong) in looked {
            for what in wrong {
                let of_state = name == sqlite::FILE;
                sound &= !of_state;
                let advice = if of_state {
                    "restore the last good backup (docs/backup.md), and look at the disk"
                } else {
                    "stop the server, move this telemetry file away or take it from a backup"
                };
                self.find("damaged", format!("{name}: {what}"), advice);
            }
            self.checked.push(format!("{name}: every page and index"));
        }
        sound
    }

    /// What holds of either database.
    async fn state(
        &mut self,
        mut snapshot: Snapshot,
        key_dir: &Path,
        kinds: &[&str],
        opening: Opening,
    ) -> Result<(), CheckError> {
        let found = match snapshot.look().await {
            Ok(found) => found,
            Err(error @ (OpenError::Newer { .. } | OpenError::Altered { .. })) => {
                self.find(
                    "schema",
                    error.to_string(),
                    "use the mayday that wrote it; nothing else was checked",
                );
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        let number = |steps: &[Migration]| steps.last().map_or(0, |step| step.number);
        let newest = number(MIGRATIONS);
        if found.applied < MIGRATIONS.len() {
            let last = MIGRATIONS.get(..found.applied);
            let what = format!(
                "the schema ends with step {}, and this version's with step {newest}",
                last.map_or(0, number)
            );
            self.find(
                "schema_old",
                what,
                "start `mayday serve` of this version on it once, then check again",
            );
            return Ok(());
        }
        self.checked
            .push(format!("schema: every step, up to {newest}"));
        let vault = self.key(
            &key_dir.join(master_key::FILE),
            found.fingerprint.as_deref(),
        );
        let openable = vault.is_some();
        let dialect = snapshot.dialect();
        let mut tx = snapshot.read(opening.environment(dialect, vault)).await?;
        invariants::check(self, &mut tx, kinds).await?;
        if openable {
            invariants::sealed(self, &mut tx).await?;
        } else {
            self.left_out
                .push("sealed secrets: there is no master key to open them".to_owned());
        }
        drop(tx);
        snapshot.close().await;
        if dialect == Dialect::Postgres {
            self.left_out.push(format!(
                "telemetry: it lies in the same database, not in {}",
                telemetry::config::DIRECTORY
            ));
        }
        Ok(())
    }

    /// Where a server is to start the key must lie.
    fn require_key(&mut self, directory: &Path) {
        let path = directory.join(master_key::FILE);
        if !path.exists() {
            let what = format!("{} is missing", path.display());
            self.find("key", what, "put your copy of master.key there");
        }
    }

    /// The master key, if it is there and the right one.
    fn key(&mut self, path: &Path, fingerprint: Option<&str>) -> Option<Vault> {
        let lines = match master_key::read(path) {
            Ok(lines) => lines?,
            Err(error) => {
                self.find(
                    "key",
                    error.to_string(),
                    "put your copy of master.key there",
                );
                return None;
            }
        };
        if let Some(wanted) = fingerprint
            && lines.position(wanted).is_none()
        {
            self.find(
                "key",
                format!(
                    "{} is not the key that sealed this database",
                    path.display()
                ),
                "put the right master.key there; `mayday key fingerprint` tells keys apart",
            );
            return None;
        }
        self.checked.push("master key: the right one".to_owned());
        let keys = lines.keys().collect();
        Some(Vault::new(keys, Some(path.to_owned())))
    }
}

#[cfg(test)]
mod tests;
