//! The state store: open it, write commands, read snapshots, hear of commits.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use mayday_core::clock::{SharedClock, SharedEntropy};
use mayday_core::time::Timestamp;
use tokio::sync::broadcast;

use crate::command::{Command, Lane};
use crate::commits::Commits;
use crate::copy::{Copier, CopySettings, CopyStats};
use crate::data_dir;
use crate::dialect::Dialect;
use crate::disk::{DiskGuard, DiskLimits};
use crate::environment::Environment;
use crate::error::StoreError;
use crate::faults::StateFaults;
use crate::hint::Hint;
use crate::master_key::{self, Need};
use crate::open::OpenError;
use crate::postgres::Postgres;
use crate::queued::Entry;
use crate::secrets::{SealError, Vault};
use crate::sqlite::Sqlite;
use crate::stats::{Counters, StoreStats};
use crate::tx::{Deadline, ReadTx};

/// How many commits a slow listener may lag behind before it must re-read.
pub const COMMIT_BACKLOG: usize = 4_096;

/// How long a read transaction may last, the wait for a connection included.
pub const READ_LIMIT: Duration = Duration::from_secs(5);

/// Where the state lies.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// The data directory: created with mode 0700 when missing. Holds the master
    /// key, and the database unless `database` is PostgreSQL.
    pub data_dir: PathBuf,
    /// Which database.
    pub database: Database,
    /// When the disk counts as nearly full.
    pub disk: DiskLimits,
    /// Where a second copy of the embedded database is kept, if anywhere.
    pub copy: Option<CopySettings>,
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

/// The clock and the generator that a store is opened with, and for what.
pub(crate) struct Opening {
    pub(crate) clock: SharedClock,
    pub(crate) entropy: SharedEntropy,
    pub(crate) need: Need,
}

impl Opening {
    /// The master key of the database with this fingerprint.
    pub(crate) fn master_key(
        &self,
        data_dir: &Path,
        fingerprint: Option<&str>,
    ) -> Result<Option<Vault>, OpenError> {
        master_key::load(data_dir, fingerprint, self.need, self.entropy.as_ref())
    }

    pub(crate) fn environment(self, dialect: Dialect, vault: Option<Vault>) -> Environment {
        Environment {
            dialect,
            clock: self.clock,
            entropy: self.entropy,
            vault,
        }
    }
}

/// The state store. Cheap to clone.
///
/// Dropping the last clone lets what is queued commit in the background; call
/// [`Store::close`] to wait for it.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    engine: Engine,
    environment: Arc<Environment>,
    commits: Arc<Commits>,
    counters: Arc<Counters>,
    disk: DiskGuard,
    #[cfg_attr(
        not(any(test, feature = "fault-points")),
        expect(dead_code, reason = "asked for by tests alone")
    )]
    faults: StateFaults,
}

enum Engine {
    Sqlite(Box<Sqlite>),
    Postgres(Postgres),
}

impl Store {
    /// Opens the store: directory, lock, master key, migrations. What is refused
    /// is left as it was.
    pub async fn open(
        config: StoreConfig,
        clock: SharedClock,
        entropy: SharedEntropy,
    ) -> Result<Self, OpenError> {
        let need = Need::Required;
        let opening = Opening {
            clock,
            entropy,
            need,
        };
        Self::open_for(config, opening).await
    }

    /// Opens a store that is there already for commands that seal and open
    /// nothing: without its master key where that does not lie in the data
    /// directory (see [`Store::has_master_key`]). Another database's key there is a
    /// refusal all the same, and so is an empty database. Beside PostgreSQL it
    /// makes no file and no directory.
    pub async fn open_keyless(
        config: StoreConfig,
        clock: SharedClock,
        entropy: SharedEntropy,
    ) -> Result<Self, OpenError> {
        let need = Need::IfThere;
        let opening = Opening {
            clock,
            entropy,
            need,
        };
        Self::open_for(config, opening).await
    }

    async fn open_for(config: StoreConfig, opening: Opening) -> Result<Self, OpenError> {
        // Beside PostgreSQL it is made for a new key alone.
        if matches!(config.database, Database::Embedded) {
            data_dir::prepare(&config.data_dir)?;
        }
        let commits = Arc::new(Commits::new());
        let counters = Arc::new(Counters::default());
        let disk = DiskGuard::new(&config.data_dir, config.disk);
        let faults = StateFaults::default();
        let (engine, environment) = match &config.database {
            Database::Embedded => {
                let (engine, environment) = Sqlite::open(
                    &config,
                    opening,
                    Arc::clone(&commits),
                    Arc::clone(&counters),
                    disk.clone(),
                    faults.clone(),
                )
                .await?;
                (Engine::Sqlite(Box::new(engine)), environment)
            }
            Database::Postgres(url) => {
                let (engine, environment) = Postgres::open(
                    &config,
                    url,
                    opening,
                    Arc::clone(&commits),
                    Arc::clone(&counters),
                )
                .await?;
                (Engine::Postgres(engine), environment)
            }
        };
        Ok(Self(Arc::new(Inner {
            engine,
            environment,
            commits,
            counters,
            disk,
            faults,
        })))
    }

    /// Runs a command in its lane; answers after the commit that survives a power
    /// cut. Dropping the future does not stop a command that was taken up.
    pub async fn write<C: Command>(&self, lane: Lane, command: C) -> Result<C::Output, StoreError> {
        match &self.0.engine {
            Engine::Sqlite(engine) => {
                if matches!(lane, Lane::Rest | Lane::Session) && self.0.disk.refuses_rest() {
                    return Err(StoreError::DiskFull {
                        free_bytes: self.0.disk.free_bytes(),
                    });
                }
                let (entry, answer) = Entry::new(command);
                engine.lanes.push(lane, Box::new(entry)).await?;
                answer.await.unwrap_or(Err(StoreError::Closed))
            }
            Engine::Postgres(engine) => engine.write(lane, command).await,
        }
    }

    /// Begins a read: one snapshot, over within [`READ_LIMIT`].
    pub async fn read(&self) -> Result<ReadTx, StoreError> {
        let deadline = Deadline::within(READ_LIMIT);
        match &self.0.engine {
            Engine::Sqlite(engine) => engine.read(deadline).await,
            Engine::Postgres(engine) => engine.read(deadline).await,
        }
    }

    /// A read of one statement, which is a snapshot by itself: on SQLite it saves
    /// the two round trips of a transaction. For several statements take
    /// [`Store::read`].
    pub async fn read_once(&self) -> Result<ReadTx, StoreError> {
        let deadline = Deadline::within(READ_LIMIT);
        match &self.0.engine {
            Engine::Sqlite(engine) => engine.read_once(deadline).await,
            // Its beginning finds out which connections a restart of the server
            // left dead.
            Engine::Postgres(engine) => engine.read(deadline).await,
        }
    }

    /// Begins a read that a cry for help depends on: like [`Store::read`], on
    /// connections that ordinary work never holds.
    pub async fn read_urgent(&self) -> Result<ReadTx, StoreError> {
        let deadline = Deadline::within(READ_LIMIT);
        match &self.0.engine {
            Engine::Sqlite(engine) => engine.read_urgent(deadline).await,
            Engine::Postgres(engine) => engine.read_urgent(deadline).await,
        }
    }

    /// Hints of each commit from now on, in commit order on SQLite. Who lags by
    /// more than [`COMMIT_BACKLOG`] is told so and must re-read.
    pub fn commits(&self) -> broadcast::Receiver<Arc<[Hint]>> {
        self.0.commits.subscribe()
    }

    /// Calls `observer` with the hints of each commit *before* its callers are
    /// answered. It must be quick and must not block.
    pub fn observe(&self, observer: impl Fn(&[Hint]) + Send + Sync + 'static) {
        self.0.commits.observe(Arc::new(observer));
    }

    /// Which database this is.
    pub fn dialect(&self) -> Dialect {
        self.0.environment.dialect
    }

    /// Whether it can seal and open secrets. A server's always can.
    pub fn has_master_key(&self) -> bool {
        self.0.environment.vault.is_some()
    }

    /// The generator that it was opened with.
    pub(crate) fn entropy(&self) -> SharedEntropy {
        Arc::clone(&self.0.environment.entropy)
    }

    /// The file that its master keys came from.
    pub(crate) fn key_file(&self) -> Result<PathBuf, SealError> {
        let vault = self.0.environment.vault.as_ref();
        let file = vault.ok_or(SealError::NoKey)?.file();
        file.map(PathBuf::from).ok_or(SealError::NoKey)
    }

    /// The disk under the data directory. Only the embedded database measures it
    /// again each second.
    pub fn disk(&self) -> &DiskGuard {
        &self.0.disk
    }

    /// The faults of the embedded database's writer, for tests. On PostgreSQL
    /// they have no effect.
    #[cfg(any(test, feature = "fault-points"))]
    pub fn faults(&self) -> &StateFaults {
        &self.0.faults
    }

    /// How its copy is; `None` when none is kept.
    pub fn copy_stats(&self) -> Option<CopyStats> {
        match &self.0.engine {
            Engine::Sqlite(engine) => engine.copier.as_ref().map(Copier::stats),
            Engine::Postgres(_) => None,
        }
    }

    /// What the store has done and how it is.
    pub fn stats(&self) -> StoreStats {
        let (queued, open) = match &self.0.engine {
            Engine::Sqlite(engine) => (engine.lanes.waiting(), engine.lanes.is_open()),
            Engine::Postgres(engine) => (engine.waiting(), engine.is_open()),
        };
        self.0.counters.read(queued, open)
    }

    /// The last time a server on this store was alive; `None` for a new store.
    pub async fn last_heartbeat(&self) -> Result<Option<Timestamp>, StoreError> {
        let mut tx = self.read().await?;
        crate::heartbeat::last(&mut tx).await
    }

    /// For how long of running the clock's leap was still doubted when a server on
    /// this store was last alive; zero: it was not.
    pub async fn doubt_left(&self) -> Result<Duration, StoreError> {
        let mut tx = self.read().await?;
        crate::heartbeat::doubt_left(&mut tx).await
    }

    /// Commits what is queued, then closes files and connections. Later calls
    /// answer [`StoreError::Closed`] or [`StoreError::Unavailable`].
    pub async fn close(&self) {
        match &self.0.engine {
            Engine::Sqlite(engine) => engine.close().await,
            Engine::Postgres(engine) => engine.close().await,
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("dialect", &self.dialect())
            .finish_non_exhaustive()
    }
}
