//! A store as the next process finds it after a crash.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use super::TestStore;
use crate::store::{Store, StoreConfig};

impl TestStore {
    /// The store that a process opens after this one was killed: on SQLite on a
    /// copy of the files as they lie there now, on PostgreSQL on new connections.
    /// No command may run meanwhile.
    pub async fn after_crash(self) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let config = StoreConfig {
            data_dir: directory.path().join("data"),
            ..self.config.clone()
        };
        // The log before the pages: a checkpoint in between only repeats itself.
        copy(&self.config.data_dir, &config.data_dir, &|name| {
            name.ends_with("-wal")
        });
        copy(&self.config.data_dir, &config.data_dir, &|name| {
            !name.ends_with("-wal") && !name.ends_with("-shm")
        });
        self.store.close().await;
        let (clock, entropy) = (self.clock.clone(), self.entropy.clone());
        let store = Store::open(config.clone(), clock, entropy)
            .await
            .expect("a store opens after a crash");
        Self {
            store,
            config,
            directory,
            ..self
        }
    }
}

/// Copies the files whose names fit, of directories within too.
fn copy(from: &Path, to: &Path, fits: &dyn Fn(&str) -> bool) {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(to);
    made.expect("a directory for the copy");
    let Ok(entries) = fs::read_dir(from) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let place = to.join(&name);
        if entry.path().is_dir() {
            copy(&entry.path(), &place, fits);
        } else if name.to_str().is_some_and(fits) {
            fs::copy(entry.path(), place).expect("a copy of a file");
        }
    }
}
