//! The thread beside the writers: checkpoints and the table of newest positions.
//!
//! A checkpoint inside the writer would be the longest wait a sample can meet,
//! so logs are carried into their files from connections of this thread:
//! passively every second, with a last short step while its writer waits once a log
//! is large, and truncated when a file is idle.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use mayday_core::ids::UserId;
use mayday_core::telemetry::Position;
use rusqlite::{Connection, params};
use uuid::Uuid;

use super::Shared;
use super::carry::{CarryError, Log};
use super::day::{self, FileKey};
use super::journal;
use super::latest_table::{LatestTable, read_position};
use super::schema;
use crate::telemetry::TelemetryError;
use crate::telemetry::queue::lock;
use std::sync::atomic::Ordering;

/// How often it works.
const TURN_EVERY: Duration = Duration::from_secs(1);
/// Turns without a write after which a file's log is truncated.
const IDLE_TURNS: u64 = 10;
/// Bytes of samples in the journal's log from which it is carried over: each time costs
/// flushes for which samples may have to wait.
const CARRY_BYTES: u64 = 16 * 1024 * 1024;
/// Turns after which a failed catching up is tried again.
const RETRY_TURNS: u64 = 60;
/// How long truncating a log may wait for readers.
const TRUNCATE_LIMIT: Duration = Duration::from_millis(50);
/// Rows read in one step when catching up after a crash.
const CATCH_UP_ROWS: usize = 20_000;

const NEWER_ROWS: &str =
    "SELECT rowid, user_id, time_us, received_us, latitude, longitude, altitude, accuracy_m
FROM samples WHERE rowid > ?1 ORDER BY rowid LIMIT ?2";
/// Rows of `late.db` deleted at a time: filing waits meanwhile.
const PRUNE_ROWS: i64 = 2_000;
/// The newest row stays: row ids must never be used twice.
const PRUNE_LATE: &str = "DELETE FROM samples WHERE rowid IN
  (SELECT rowid FROM samples WHERE received_us < ?1
    AND rowid < (SELECT max(rowid) FROM samples) LIMIT ?2)";

/// The thread's state.
pub(super) struct Upkeep {
    shared: Arc<Shared>,
    table: Arc<LatestTable>,
    files: Mutex<HashMap<FileKey, Watched>>,
    journal: Mutex<JournalLog>,
    woken: (Mutex<bool>, Condvar),
}

/// What is known about the journal's log.
#[derive(Default)]
struct JournalLog {
    log: Option<Log>,
    /// How much had been written at the last look, and when it was carried over.
    seen_bytes: u64,
    carried_bytes: u64,
    idle_turns: u64,
}

struct Watched {
    log: Log,
    idle_turns: u64,
}

impl Upkeep {
    pub(super) fn new(shared: Arc<Shared>, table: Arc<LatestTable>) -> Self {
        Self {
            shared,
            table,
            files: Mutex::new(HashMap::new()),
            journal: Mutex::new(JournalLog::default()),
            woken: (Mutex::new(false), Condvar::new()),
        }
    }

    /// Ends the wait between two turns.
    pub(super) fn wake(&self) {
        *lock(&self.woken.0) = true;
        self.woken.1.notify_all();
    }

    /// Works until the store closes.
    pub(super) fn run(&self) {
        self.catch_up_all();
        let mut turns = 0;
        while !self.is_stopping() {
            self.wait();
            self.turn();
            turns += 1;
            if turns % RETRY_TURNS == 0 && !self.table.is_complete() {
                self.catch_up_all();
            }
        }
        self.turn();
        let mut files = lock(&self.files);
        for (key, mut file) in files.drain() {
            self.checkpoint(key, &mut file.log, true);
        }
        drop(files);
        self.keep_journal(true);
    }

    fn is_stopping(&self) -> bool {
        self.shared.stopping.load(Ordering::Acquire)
    }

    fn wait(&self) {
        let woken = lock(&self.woken.0);
        let (mut woken, _) = self
            .woken
            .1
            .wait_timeout_while(woken, TURN_EVERY, |woken| !*woken)
            .unwrap_or_else(PoisonError::into_inner);
        *woken = false;
    }

    fn turn(&self) {
        let touched = std::mem::take(&mut *lock(&self.shared.touched));
        self.keep_journal(false);
        self.flush(&touched);
        let mut files = lock(&self.files);
        for key in touched.keys() {
            if let Some(file) = files.get_mut(key) {
                file.idle_turns = 0;
            } else if let Ok(Some(connection)) = schema::open_to_read(&self.shared.directory, *key)
                && may_carry(&connection).is_ok()
            {
                let log = Log::of(&key.path(&self.shared.directory), connection);
                files.insert(*key, Watched { log, idle_turns: 0 });
            }
        }
        files.retain(|key, file| {
            let idle = file.idle_turns >= IDLE_TURNS;
            if file.idle_turns == 0 || idle {
                self.checkpoint(*key, &mut file.log, idle);
            }
            file.idle_turns += 1;
            !idle || file.log.is_doubtful()
        });
    }

    /// Carries a file's log into it; empties the log if `truncate`, and lets the
    /// writer begin it anew once it has grown large.
    fn checkpoint(&self, key: FileKey, log: &mut Log, truncate: bool) {
        if let Err(error) = log.carry(truncate, || lock(&self.shared.gate)) {
            tracing::warn!(error = %error, file = %key.name(), "a telemetry checkpoint failed");
        }
    }

    /// Carries the journal's log over once it is large, and empties it when writing
    /// pauses or if `last`.
    fn keep_journal(&self, last: bool) {
        if let Err(error) = self.shared.read_journal() {
            tracing::warn!(%error, "the telemetry journal cannot be read yet");
            return;
        }
        let mut log = lock(&self.journal);
        let written = lock(&self.shared.journal).written_bytes();
        let is_idle = log.seen_bytes == written;
        log.idle_turns = if is_idle { log.idle_turns + 1 } else { 0 };
        log.seen_bytes = written;
        let truncate = last || log.idle_turns == IDLE_TURNS;
        if written - log.carried_bytes < CARRY_BYTES && !truncate {
            return;
        }
        log.carried_bytes = written;
        if let Err(error) = log.carry(&self.shared, truncate) {
            tracing::warn!(error = %error, "the checkpoint of the telemetry journal failed");
            // One in doubt keeps the index that it has open.
            drop(log.log.take_if(|log| !log.is_doubtful()));
        }
    }

    /// Stores the positions that moved since the last turn.
    fn flush(&self, touched: &HashMap<FileKey, i64>) {
        let (positions, overflowed) = self.shared.latest.start_flush();
        // What is missing is read back from the files, from where they are covered.
        let missing = overflowed || !self.table.is_complete();
        let nothing = HashMap::new();
        let covered = if missing { &nothing } else { touched };
        let moved = positions.iter().map(|(user, position)| (*user, position));
        let stored = self.table.put(moved, covered);
        self.shared.latest.end_flush(stored.is_ok());
        if let Err(error) = stored {
            tracing::warn!(error = %error, "the newest positions were not flushed");
        }
        if overflowed {
            self.table.set_complete(false);
            self.catch_up_all();
        }
    }

    /// Reads the rows that the table of newest positions has not seen.
    fn catch_up_all(&self) {
        // Rows that come into the files later count as seen.
        let drained = if self.shared.backlog.drain() {
            Ok(())
        } else {
            Err(TelemetryError::Busy)
        };
        let catch_up = |key| match self.catch_up(key) {
            // Nothing can be had from it until somebody mends it.
            Err(error) if error.is_lasting() => {
                tracing::error!(%error, "a telemetry file is passed over");
                Ok(())
            }
            result => result,
        };
        let result = drained
            .and_then(|()| day::list(&self.shared.directory))
            .and_then(|keys| keys.into_iter().try_for_each(catch_up));
        match result {
            Ok(()) => self.table.set_complete(!self.is_stopping()),
            // Look-ups go on searching the files themselves.
            Err(error) => tracing::warn!(error = %error, "the newest positions are not complete"),
        }
    }

    fn catch_up(&self, key: FileKey) -> Result<(), TelemetryError> {
        let Some(connection) = schema::open_to_read(&self.shared.directory, key)? else {
            return Ok(());
        };
        let path = key.path(&self.shared.directory);
        let mut covered = self.table.covered(key)?;
        while !self.is_stopping() {
            let rows =
                newer_rows(&connection, covered).map_err(|e| TelemetryError::read_of(&path, &e))?;
            let Some((last, _, _)) = rows.last() else {
                break;
            };
            covered = *last;
            let mut newest: HashMap<UserId, Position> = HashMap::new();
            for (_, user, position) in rows {
                let place = newest.entry(user).or_insert(position);
                if position.replaces(place) {
                    *place = position;
                }
            }
            let moved = newest.iter().map(|(user, position)| (*user, position));
            self.table.put(moved, &HashMap::from([(key, covered)]))?;
        }
        Ok(())
    }

    /// Lets go of a file that is about to be removed.
    pub(super) fn forget(&self, key: FileKey) {
        lock(&self.files).remove(&key);
        if let Err(error) = self.table.uncover(key) {
            tracing::warn!(error = %error, file = %key.name(), "a removed file is still covered");
        }
    }

    /// Deletes some of the rows of `late.db` that were received before the window;
    /// returns how many.
    pub(super) fn prune_late(&self) -> Result<usize, TelemetryError> {
        let directory: &Path = &self.shared.directory;
        if self.is_stopping() || !FileKey::Late.path(directory).exists() {
            return Ok(0);
        }
        let kept = Duration::from_hours(24 * u64::from(self.shared.retention_days));
        let oldest = self.shared.clock.now().minus(kept);
        let _gate = lock(&self.shared.gate);
        let connection = schema::open_to_write(directory, FileKey::Late)?;
        connection
            .execute(PRUNE_LATE, params![oldest.as_micros(), PRUNE_ROWS])
            .map_err(|e| TelemetryError::write(&e))
    }
}

impl JournalLog {
    fn carry(&mut self, shared: &Shared, truncate: bool) -> Result<(), CarryError> {
        let log = if let Some(log) = self.log.take() {
            log
        } else {
            let connection = journal::open_beside(&shared.directory)?;
            may_carry(&connection)?;
            Log::of(&shared.directory.join(journal::FILE), connection)
        };
        let log = self.log.insert(log);
        log.carry(truncate, || lock(&shared.journal))
    }
}

/// A checkpoint is no change of the content, yet it writes. It gives up quickly,
/// because the writer waits while a log is truncated.
fn may_carry(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "query_only", false)?;
    connection.busy_timeout(TRUNCATE_LIMIT)
}

type NewerRow = (i64, UserId, Position);

fn newer_rows(connection: &Connection, after: i64) -> rusqlite::Result<Vec<NewerRow>> {
    let mut statement = connection.prepare_cached(NEWER_ROWS)?;
    let limit = i64::try_from(CATCH_UP_ROWS).unwrap_or(i64::MAX);
    let rows = statement.query_map(params![after, limit], |row| {
        let user = UserId(Uuid::from_bytes(row.get(1)?));
        Ok((row.get(0)?, user, read_position(row, 2)?))
    })?;
    rows.collect()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::telemetry::tests::{all_of, sample, store_all, until, user};
    use crate::telemetry::{Engine, Telemetry};
    use crate::testing::TestStore;

    fn upkeep_of(telemetry: &Telemetry) -> Arc<Upkeep> {
        match &telemetry.0.engine {
            Engine::Sqlite(files) => Arc::clone(&files.upkeep),
            Engine::Postgres(_) => unreachable!("the test opened files"),
        }
    }

    #[tokio::test]
    async fn a_file_is_let_go_before_the_gate_is_taken() {
        let store = TestStore::sqlite().await;
        let telemetry = store.telemetry().await;
        let upkeep = upkeep_of(&telemetry);
        store_all(&telemetry, [sample(user(0), -29 * 86_400)])
            .await
            .unwrap();
        upkeep.wake();
        until("the file is watched", || !lock(&upkeep.files).is_empty()).await;
        store.clock.advance(Duration::from_hours(2 * 24));
        let (held, holds) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let shared = Arc::clone(&upkeep.shared);
        let holder = std::thread::spawn(move || {
            let _gate = lock(&shared.gate);
            held.send(()).unwrap();
            released.recv().unwrap();
        });
        holds.recv().unwrap();
        let pruned = telemetry.clone();
        let pruning = tokio::spawn(async move { pruned.prune().await });
        until("the file is let go", || {
            upkeep.files.try_lock().is_ok_and(|files| files.is_empty())
        })
        .await;
        release.send(()).unwrap();
        holder.join().unwrap();
        assert_eq!(pruning.await.unwrap().unwrap(), 1);
        telemetry.close().await;
    }

    #[tokio::test]
    async fn late_rows_go_in_steps_until_none_is_old() {
        let store = TestStore::sqlite().await;
        let telemetry = store.telemetry().await;
        let rows = PRUNE_ROWS + PRUNE_ROWS / 2;
        let late = (0..rows).map(|n| sample(user(0), n - 900 * 86_400));
        store_all(&telemetry, late).await.unwrap();
        telemetry.filed().await;
        store.clock.advance(Duration::from_hours(40 * 24));
        let first = upkeep_of(&telemetry).prune_late().unwrap();
        assert_eq!(i64::try_from(first).unwrap(), PRUNE_ROWS);
        telemetry.prune().await.unwrap();
        // The newest row stays.
        assert_eq!(all_of(&telemetry, user(0)).await.len(), 1);
        telemetry.close().await;
    }
}
