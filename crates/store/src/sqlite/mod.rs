//! The embedded database: one file, one writer, a few readers.
//!
//! Callers queue commands in [`crate::lanes`]; the thread in [`writer`] owns the
//! only writing connection and commits them in groups; [`upkeep`] checkpoints
//! from a connection of its own and watches the disk; on a full disk [`room`] is
//! made for an SOS; [`rewind`] is for a disk that fails.

pub(crate) mod connect;
pub(crate) mod direct;
pub(crate) mod readers;
mod rewind;
mod room;
mod upkeep;
mod writer;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use sqlx::Connection as _;
use tokio::sync::{Mutex, oneshot, watch};
use tokio::task::JoinHandle;

use crate::commits::Commits;
use crate::copy::Copier;
use crate::data_dir;
use crate::disk::DiskGuard;
use crate::environment::Environment;
use crate::error::StoreError;
use crate::faults::StateFaults;
use crate::lanes::{self, Lanes};
use crate::master_key;
use crate::migrate::Schema;
use crate::open::OpenError;
use crate::stats::Counters;
use crate::store::{Opening, READ_LIMIT, StoreConfig};
use crate::tx::{Connection, Deadline, ReadTx};

use direct::Direct;
use readers::{Readers, Reading};
use rewind::Checkpoints;

/// The database's name in the data directory.
pub(crate) const FILE: &str = "mayday.db";
/// Reading connections; each is a thread.
const READERS: u32 = 4;
/// One more for the reads that an SOS depends on.
const URGENT_READERS: u32 = 1;

/// The embedded engine.
pub(crate) struct Sqlite {
    pub(crate) lanes: Lanes,
    readers: Readers,
    urgent_readers: Readers,
    environment: Arc<Environment>,
    pub(crate) copier: Option<Copier>,
    /// Keeps the log until the copy has all of it: whoever closes a file last empties it.
    keeper: Mutex<Option<Direct>>,
    checkpoints: Checkpoints,
    /// The copied file, open until the last connection is closed.
    _raw: Option<Arc<File>>,
    closing: watch::Sender<bool>,
    faults: StateFaults,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl Sqlite {
    /// Takes the directory, looks at the database, then brings it up to date.
    pub(crate) async fn open(
        config: &StoreConfig,
        opening: Opening,
        commits: Arc<Commits>,
        counters: Arc<Counters>,
        disk: DiskGuard,
        faults: StateFaults,
    ) -> Result<(Self, Arc<Environment>), OpenError> {
        data_dir::require_writable(&config.data_dir)?;
        let lock = Arc::new(data_dir::lock(&config.data_dir)?);
        let path = config.data_dir.join(FILE);
        connect::require_writable(&path)?;
        refuse_lost(&config.data_dir, &path)?;
        connect::inspect(&path).await?;
        let (connection, environment) = prepare(&path, config, opening).await?;
        // The write-ahead log's name must be on disk before anything in it counts.
        data_dir::sync(&config.data_dir)?;

        let readers = Readers::new(path.clone(), connect::reading, READERS);
        let urgent_readers = Readers::new(path.clone(), connect::reading, URGENT_READERS);
        urgent_readers.open(Deadline::within(READ_LIMIT)).await?;
        let keeper = connect::keeping(&path).map_err(|error| connect::open_error(&path, error))?;
        let (lanes, ends) = lanes::lanes();
        let (closing, closed) = watch::channel(false);
        disk.look();
        let copier = start_copy(config, &path, &environment, &faults)?;
        let checkpoints = Checkpoints::of(&path);
        let writer = writer::Writer {
            path: path.clone(),
            connection: Some(connection),
            lanes: ends,
            environment: Arc::clone(&environment),
            commits,
            counters: Arc::clone(&counters),
            disk: disk.clone(),
            faults: faults.clone(),
            copier: copier.clone(),
            checkpoints: checkpoints.clone(),
            room: room::Room::default(),
            lock: Arc::clone(&lock),
        };
        let raw = copier.as_ref().map(Copier::raw);
        let upkeep = upkeep::Upkeep::new(
            path.clone(),
            counters,
            disk,
            copier.clone(),
            checkpoints.clone(),
            lock,
        );
        let tasks = vec![
            start_writer(writer, closed.clone())
                .map_err(data_dir::io_error("start a thread for", &path))?,
            tokio::spawn(upkeep.run(closed)),
        ];
        let engine = Self {
            lanes,
            readers,
            urgent_readers,
            environment: Arc::clone(&environment),
            copier,
            keeper: Mutex::new(Some(keeper)),
            checkpoints,
            _raw: raw,
            closing,
            faults,
            tasks: Mutex::new(tasks),
        };
        Ok((engine, environment))
    }

    pub(crate) async fn read(&self, deadline: Deadline) -> Result<ReadTx, StoreError> {
        let lent = self.readers.begin(deadline).await?;
        Ok(self.reading(lent, deadline))
    }

    /// A read of one statement, without a transaction.
    pub(crate) async fn read_once(&self, deadline: Deadline) -> Result<ReadTx, StoreError> {
        let lent = self.readers.once(deadline).await?;
        Ok(self.reading(lent, deadline))
    }

    /// A read that an SOS depends on.
    pub(crate) async fn read_urgent(&self, deadline: Deadline) -> Result<ReadTx, StoreError> {
        let lent = self.urgent_readers.begin(deadline).await?;
        Ok(self.reading(lent, deadline))
    }

    fn reading(&self, lent: Reading, deadline: Deadline) -> ReadTx {
        let environment = Arc::clone(&self.environment);
        ReadTx::new(Connection::SqliteRead(lent), environment, deadline)
    }

    /// Commits what is queued, ends the tasks, closes the connections.
    pub(crate) async fn close(&self) {
        self.faults.release();
        let _ = self.closing.send(true);
        for task in self.tasks.lock().await.drain(..) {
            if let Err(error) = task.await {
                tracing::error!(%error, "a task of the store ended badly");
            }
        }
        tokio::join!(self.readers.close(), self.urgent_readers.close());
        // Nobody writes or checkpoints any more, and the keeper still keeps the log.
        let (copier, keeper) = (self.copier.clone(), self.keeper.lock().await.take());
        let checkpoints = self.checkpoints.clone();
        let ended = tokio::task::spawn_blocking(move || {
            if let Some(copier) = copier {
                copier.finish();
            }
            let keeper = keeper?;
            // The next start takes up the whole log.
            let left = if checkpoints.settle() {
                Ok(())
            } else {
                keeper.leave_log()
            };
            Some(left.and_then(|()| keeper.close()))
        });
        if let Ok(Some(Err(error))) = ended.await {
            tracing::warn!(%error, "the database was not closed cleanly; nothing is lost");
        }
    }
}

impl Drop for Sqlite {
    /// Lets the thread of the copy end; whoever wants to wait for it closes the store.
    fn drop(&mut self) {
        if let Some(copier) = &self.copier {
            copier.end();
        }
    }
}

/// Starts the writer on a thread and a runtime of its own: it waits for the disk, and
/// calls SQLite on the spot.
fn start_writer(
    writer: writer::Writer,
    closed: watch::Receiver<bool>,
) -> std::io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()?;
    let (ended, end) = oneshot::channel();
    std::thread::Builder::new()
        .name("store-write".to_owned())
        .spawn(move || {
            runtime.block_on(writer.run(closed));
            let _ = ended.send(());
        })?;
    Ok(tokio::spawn(async move {
        if end.await.is_err() {
            tracing::error!("the writer of the store ended badly");
        }
    }))
}

/// Starts to keep a second copy, where one is wanted.
fn start_copy(
    config: &StoreConfig,
    path: &Path,
    environment: &Environment,
    faults: &StateFaults,
) -> Result<Option<Copier>, OpenError> {
    let Some(settings) = config.copy.clone() else {
        return Ok(None);
    };
    let clock = Arc::clone(&environment.clock);
    Copier::start(settings, path, clock, faults.clone())
        .map(Some)
        .map_err(data_dir::io_error("copy", path))
}

/// Refuses to begin anew beside what only a database leaves: telemetry, and an
/// emptied file beside a key. A key alone may have been put there for a new
/// node. The file is no longer empty before the key and the telemetry are made,
/// so a kill between them leaves nothing that is refused here.
fn refuse_lost(data_dir: &Path, path: &Path) -> Result<(), OpenError> {
    let telemetry = crate::telemetry::config::DIRECTORY;
    let witnesses: &[&'static str] = match path.metadata() {
        Ok(file) if file.len() > 0 => return Ok(()),
        Ok(_) => &[master_key::FILE, telemetry],
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => &[telemetry],
        Err(error) => return Err(data_dir::io_error("open", path)(error)),
    };
    let witness = witnesses
        .iter()
        .copied()
        .find(|name| data_dir.join(name).exists());
    witness.map_or(Ok(()), |witness| {
        Err(OpenError::Lost {
            path: path.to_owned(),
            witness,
        })
    })
}

/// Looks, finds the key, migrates, and opens the writing connection.
async fn prepare(
    path: &Path,
    config: &StoreConfig,
    opening: Opening,
) -> Result<(Direct, Arc<Environment>), OpenError> {
    let mut first = connect::migrating(path).await?;
    let prepared = upgrade(&mut first, &config.data_dir, opening).await;
    // Opened before the other is closed: the last to close empties the log.
    let prepared = prepared.and_then(|environment| {
        let connection = connect::writing(path)?;
        Ok((connection, Arc::new(environment)))
    });
    // Closed now, or its files would lie around after a refusal.
    let _ = first.close().await;
    prepared
}

/// Looks, finds the key, migrates.
async fn upgrade(
    connection: &mut sqlx::SqliteConnection,
    data_dir: &Path,
    opening: Opening,
) -> Result<Environment, OpenError> {
    let mut schema = Schema::Sqlite(connection);
    let found = schema
        .look()
        .await
        .map_err(|error| connect::corrupt_or(&data_dir.join(FILE), error))?;
    let fingerprint = found.fingerprint.as_deref();
    let vault = opening.master_key(data_dir, fingerprint)?;
    let now = opening.clock.now();
    schema.upgrade(&found, vault.as_ref(), now).await?;
    master_key::require_next(vault.as_ref(), schema.next_fingerprint().await?)?;
    Ok(opening.environment(crate::dialect::Dialect::Sqlite, vault))
}

/// Opens the writing connection anew, after a failure of the old one.
fn reopen(path: &Path) -> Result<Direct, OpenError> {
    let connection = connect::writing(path)?;
    // It may have made the write-ahead log anew.
    if let Some(directory) = path.parent() {
        data_dir::sync(directory)?;
    }
    Ok(connection)
}

#[cfg(test)]
mod tests;
