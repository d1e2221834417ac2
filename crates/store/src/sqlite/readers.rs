//! Connections that read: each has a thread, and is lent to one transaction at a time.
//!
//! A statement goes to the connection's thread, and all its rows come back at once: reads
//! that wait for a disk never hold up the runtime. A transaction begins with its first
//! statement and ends when it is dropped. Who goes away before the answer interrupts the
//! statement, so that the next one does not wait for it.

use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use rusqlite::InterruptHandle;
use rusqlite::types::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::{timeout, timeout_at};

use super::direct::{Direct, NONE};
use crate::arg::Arg;
use crate::error::StoreError;
use crate::failure;
use crate::store::READ_LIMIT;
use crate::tx::Deadline;

/// A first read, with which a connection takes part.
pub(super) const SCHEMA: &str = "SELECT COUNT(*) FROM sqlite_schema";

/// How a connection is opened.
pub(crate) type Opener = fn(&Path) -> Result<Direct, sqlx::Error>;

/// Connections to one file, opened as they are needed.
#[derive(Clone)]
pub(crate) struct Readers(Arc<Pool>);

struct Pool {
    path: PathBuf,
    opener: Opener,
    size: u32,
    places: Arc<Semaphore>,
    idle: Mutex<Vec<Line>>,
}

/// The way to one connection's thread.
struct Line {
    asks: mpsc::Sender<Ask>,
    running: Running,
    thread: JoinHandle<()>,
}

/// What interrupts the thread's connection, while it has one.
type Running = Arc<Mutex<Option<InterruptHandle>>>;

/// What a thread is asked for.
enum Ask {
    Fetch(Question),
    /// The transaction is over, if there is one.
    End,
}

struct Question {
    statement: &'static str,
    values: Vec<Value>,
    stage: Stage,
    answer: oneshot::Sender<Result<Vec<Vec<Value>>, sqlx::Error>>,
}

/// Where in its transaction a statement stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// There is no transaction around it.
    Alone,
    /// It is the first one.
    First,
    /// It sees what the first one saw.
    Later,
}

/// A connection that is lent; dropped, it is given back.
pub(crate) struct Reading {
    pool: Arc<Pool>,
    line: Option<Line>,
    stage: Stage,
    /// A statement was asked for and its answer has not come.
    asking: bool,
    /// Given back after the connection.
    _place: OwnedSemaphorePermit,
}

impl Readers {
    /// At most `size` connections to a file.
    pub(crate) fn new(path: PathBuf, opener: Opener, size: u32) -> Self {
        let places = usize::try_from(size).unwrap_or(1);
        Self(Arc::new(Pool {
            path,
            opener,
            size,
            places: Arc::new(Semaphore::new(places)),
            idle: Mutex::default(),
        }))
    }

    /// Lends a connection for a transaction.
    pub(crate) async fn begin(&self, deadline: Deadline) -> Result<Reading, StoreError> {
        self.lend(deadline, Stage::First).await
    }

    /// Lends a connection for statements that stand alone.
    pub(super) async fn once(&self, deadline: Deadline) -> Result<Reading, StoreError> {
        self.lend(deadline, Stage::Alone).await
    }

    async fn lend(&self, deadline: Deadline, stage: Stage) -> Result<Reading, StoreError> {
        let pool = &self.0;
        let place = timeout_at(deadline.at, Arc::clone(&pool.places).acquire_owned())
            .await
            .map_err(|_| StoreError::TimedOut {
                limit: deadline.limit,
            })?
            .map_err(|_| StoreError::Closed)?;
        let idle = pool.idle().pop();
        // One whose thread ended badly is nobody's.
        let line = match idle.filter(|line| !line.thread.is_finished()) {
            Some(line) => line,
            None => Line::start(pool)
                .map_err(|error| StoreError::of_statement("connect", sqlx::Error::Io(error)))?,
        };
        Ok(Reading {
            pool: Arc::clone(pool),
            line: Some(line),
            stage,
            asking: false,
            _place: place,
        })
    }

    /// Opens a connection now, for whoever cannot wait until there is one.
    pub(super) async fn open(&self, deadline: Deadline) -> Result<(), StoreError> {
        let mut lent = self.once(deadline).await?;
        let opened = lent.fetch_all(SCHEMA, &[]).await;
        opened
            .map(drop)
            .map_err(|error| StoreError::of_statement(SCHEMA, error))
    }

    /// Waits for those who read, then closes the connections.
    pub(crate) async fn close(&self) {
        let pool = &self.0;
        let _all = timeout(READ_LIMIT, pool.places.acquire_many(pool.size)).await;
        pool.places.close();
        let idle = std::mem::take(&mut *pool.idle());
        let closed = tokio::task::spawn_blocking(|| idle.into_iter().for_each(Line::end));
        let _ = closed.await;
    }
}

impl Pool {
    fn idle(&self) -> MutexGuard<'_, Vec<Line>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a connection back, unless the store was closed meanwhile. One that may be
    /// `busy` yet is lent last.
    fn give_back(&self, line: Line, busy: bool) {
        let mut idle = self.idle();
        if self.places.is_closed() {
            return;
        }
        let place = if busy { 0 } else { idle.len() };
        idle.insert(place, line);
    }
}

impl Line {
    fn start(pool: &Pool) -> std::io::Result<Self> {
        let (asks, asked) = mpsc::channel();
        let running = Running::default();
        let mut served = Served {
            path: pool.path.clone(),
            opener: pool.opener,
            connection: None,
            running: Arc::clone(&running),
        };
        let thread = thread::Builder::new()
            .name("store-read".to_owned())
            .spawn(move || served.serve(&asked))?;
        Ok(Self {
            asks,
            running,
            thread,
        })
    }

    fn interrupt(&self) {
        let running = self.running.lock();
        if let Some(handle) = running.unwrap_or_else(PoisonError::into_inner).as_ref() {
            handle.interrupt();
        }
    }

    fn end(self) {
        self.interrupt();
        drop(self.asks);
        if self.thread.join().is_err() {
            tracing::error!("a reader of the store ended badly");
        }
    }
}

impl Reading {
    /// Every row of the statement's result.
    pub(crate) async fn fetch_all(
        &mut self,
        statement: &'static str,
        args: &[Arg<'_>],
    ) -> Result<Vec<Vec<Value>>, sqlx::Error> {
        let (answer, answered) = oneshot::channel();
        let question = Question {
            statement,
            values: args.iter().map(Arg::to_value).collect(),
            stage: self.stage,
            answer,
        };
        let line = self.line.as_ref().ok_or(sqlx::Error::WorkerCrashed)?;
        let is_asked = line.asks.send(Ask::Fetch(question)).is_ok();
        self.asking = true;
        if self.stage == Stage::First {
            self.stage = Stage::Later;
        }
        // A question that was not taken is dropped, and its answer with it.
        let answer = answered.await;
        self.asking = false;
        answer.unwrap_or_else(|_| {
            // Its thread is gone; another one takes its place.
            self.line = None;
            tracing::error!(is_asked, "a reader of the store ended badly");
            Err(sqlx::Error::WorkerCrashed)
        })
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        let Some(line) = self.line.take() else { return };
        if self.asking {
            line.interrupt();
        }
        let is_served = self.stage != Stage::Later || line.asks.send(Ask::End).is_ok();
        if is_served {
            self.pool.give_back(line, self.asking);
        }
    }
}

/// A connection with its thread.
struct Served {
    path: PathBuf,
    opener: Opener,
    connection: Option<Direct>,
    running: Running,
}

impl Served {
    /// Answers until nobody can ask any more.
    fn serve(&mut self, asked: &mpsc::Receiver<Ask>) {
        while let Ok(ask) = asked.recv() {
            match ask {
                Ask::Fetch(question) if question.answer.is_closed() => {}
                Ask::Fetch(question) => {
                    let rows = self.fetch(&question);
                    let lost = rows.as_ref().is_err_and(|error| {
                        failure::is_of_connection(error) && !failure::is_held(error)
                    });
                    if lost {
                        self.keep(None);
                    }
                    // Who went away needs no answer.
                    let _ = question.answer.send(rows);
                }
                Ask::End => {
                    let ended = self.connection.as_mut().map(Direct::roll_back);
                    if let Some(Err(error)) = ended {
                        tracing::debug!(%error, "a reading connection is opened anew");
                        self.keep(None);
                    }
                }
            }
        }
        self.keep(None);
    }

    fn fetch(&mut self, question: &Question) -> Result<Vec<Vec<Value>>, sqlx::Error> {
        if self.connection.is_none() {
            if question.stage == Stage::Later {
                let lost = "the connection was lost in the middle of a transaction";
                return Err(sqlx::Error::Protocol(lost.to_owned()));
            }
            let opened = (self.opener)(&self.path)?;
            self.keep(Some(opened));
        }
        let connection = self.connection.as_mut().ok_or(sqlx::Error::WorkerCrashed)?;
        if question.stage == Stage::First {
            connection.execute("BEGIN", NONE)?;
        }
        connection.fetch_all(question.statement, &question.values)
    }

    fn keep(&mut self, connection: Option<Direct>) {
        let handle = connection.as_ref().map(Direct::interrupt_handle);
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = handle;
        self.connection = connection;
    }
}

#[cfg(test)]
mod tests;
