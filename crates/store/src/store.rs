//! The state store: open it, write commands, read snapshots, hear of commits.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use mayday_core::clock::{SharedClock, SharedEntropy};
use mayday_core::time::Timestamp;
use tokio::sync::broadcast;

use crate::command::{Command, Lane};
use crate::dialect::Dialect;
use crate::environment::Environment;
use crate::error::StoreError;
use crate::hint::Hint;
use crate::open::OpenError;
use crate::tx::ReadTx;

/// How many commits a slow listener may lag behind before it must re-read.
pub const COMMIT_BACKLOG: usize = 4_096;

/// Where the state lies.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// The data directory: created with mode 0700 when missing. Holds the master
    /// key, and the database unless `database` is PostgreSQL.
    pub data_dir: PathBuf,
    /// Which database.
    pub database: Database,
}

/// Which database holds the state.
#[derive(Clone)]
pub enum Database {
    /// SQLite in the data directory, which nobody else may have open.
    Embedded,
    /// A PostgreSQL server, by URL (which holds a password).
    Postgres(String),
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Embedded => "Embedded",
            Self::Postgres(_) => "Postgres(..)",
        })
    }
}

/// The state store. Cheap to clone.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    environment: Arc<Environment>,
    commits: broadcast::Sender<Arc<[Hint]>>,
}

impl Store {
    /// Opens the store: directory, lock, master key, migrations.
    pub async fn open(
        config: StoreConfig,
        clock: SharedClock,
        entropy: SharedEntropy,
    ) -> Result<Self, OpenError> {
        let _ = (config, clock, entropy);
        Err(OpenError::InUse {
            path: PathBuf::new(),
        })
    }

    /// Runs a command in its lane; answers after the commit that survives a power
    /// cut. Dropping the future does not stop a command that was taken up.
    pub async fn write<C: Command>(&self, lane: Lane, command: C) -> Result<C::Output, StoreError> {
        let _ = (lane, command);
        Err(StoreError::Closed)
    }

    /// Begins a read: one snapshot, over within 5 s.
    pub async fn read(&self) -> Result<ReadTx, StoreError> {
        Err(StoreError::Closed)
    }

    /// Hints of each commit from now on, in commit order on SQLite. Who lags by
    /// more than [`COMMIT_BACKLOG`] is told so and must re-read.
    pub fn commits(&self) -> broadcast::Receiver<Arc<[Hint]>> {
        self.0.commits.subscribe()
    }

    /// Calls `observer` with the hints of each commit *before* its callers are
    /// answered. It must be quick and must not block.
    pub fn observe(&self, observer: impl Fn(&[Hint]) + Send + Sync + 'static) {
        let _ = observer;
    }

    /// Which database this is.
    pub fn dialect(&self) -> Dialect {
        self.0.environment.dialect
    }

    /// The last time a server on this store was alive; `None` for a new store.
    pub async fn last_heartbeat(&self) -> Result<Option<Timestamp>, StoreError> {
        let mut tx = self.read().await?;
        crate::heartbeat::last(&mut tx).await
    }

    /// Commits what is queued, then closes files and connections.
    pub async fn close(&self) {}
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}
