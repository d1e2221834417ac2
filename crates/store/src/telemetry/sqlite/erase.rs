//! Erases a user's rows from the day files.
//!
//! The buckets that hold some are looked up on a reading connection; the rows go
//! a few at a time, each step under the gate that the filing thread takes, so that
//! it never waits for long. The highest row id of a file must never be given out
//! again (the newest positions are caught up by it), so that row is not deleted
//! but emptied.

use std::sync::Arc;

use mayday_core::ids::UserId;
use rusqlite::{Connection, params};
use tokio::time::Instant;

use super::day::{self, FileKey};
use super::schema;
use super::{PRUNE_REST, Shared, SqliteFiles};
use crate::telemetry::queue::lock;
use crate::telemetry::{Swept, TelemetryError};

/// Rows that one step deletes: filing waits meanwhile.
const ERASE_ROWS: i64 = 2_000;

const ERASE_DAY: &str = "DELETE FROM samples WHERE rowid IN
  (SELECT rowid FROM samples WHERE bucket = ?1 AND user_id = ?2
    AND rowid < (SELECT max(rowid) FROM samples) LIMIT ?3)";
const ERASE_LATE: &str = "DELETE FROM samples WHERE rowid IN
  (SELECT rowid FROM samples WHERE user_id = ?1
    AND rowid < (SELECT max(rowid) FROM samples) LIMIT ?2)";
const HOLDS: &str = "SELECT EXISTS (SELECT 1 FROM samples WHERE bucket = ?1 AND user_id = ?2)";
const EMPTY_LAST: &str = "UPDATE OR REPLACE samples SET user_id = zeroblob(16), device = '',
  event_id = '', latitude = 0, longitude = 0, altitude = NULL, accuracy_m = NULL,
  incident_id = NULL, raw = x''
WHERE rowid = (SELECT max(rowid) FROM samples) AND user_id = ?1";

impl SqliteFiles {
    /// See [`crate::telemetry::Telemetry::erase`].
    pub(in crate::telemetry) async fn erase(
        &self,
        user: UserId,
        until: Instant,
    ) -> Result<Swept, TelemetryError> {
        // What the journal holds would be filed after the deletion.
        self.drain().await?;
        let directory = self.shared.directory.clone();
        let files = self.readers.run(move || day::list(&directory)).await?;
        let mut rows = 0;
        let mut unusable = None;
        for key in files {
            match self.erase_in(key, user, until, &mut rows).await {
                Ok(true) => {}
                Ok(false) => return Ok(Swept { rows, all: false }),
                Err(error) if error.is_lasting() => unusable = Some(error),
                Err(error) => return Err(error),
            }
        }
        let table = Arc::clone(&self.table);
        self.readers.run(move || table.remove(user)).await?;
        match unusable {
            // It may hold some: not all is gone before somebody has mended or removed it.
            Some(error) => Err(error),
            None => Ok(Swept { rows, all: true }),
        }
    }

    /// Erases the rows of one file, counting them; answers whether all are gone.
    async fn erase_in(
        &self,
        key: FileKey,
        user: UserId,
        until: Instant,
        rows: &mut u64,
    ) -> Result<bool, TelemetryError> {
        let shared = Arc::clone(&self.shared);
        let find = move || buckets_with(&shared, key, user);
        let mut buckets = self.readers.run(find).await?;
        loop {
            let shared = Arc::clone(&self.shared);
            let step = move || {
                let gone = erase_some(&shared, key, user, &mut buckets)?;
                Ok((gone, buckets))
            };
            let (gone, left) = self.readers.run(step).await?;
            *rows += gone;
            buckets = left;
            if gone == 0 && buckets.is_empty() {
                return Ok(true);
            }
            if Instant::now() >= until {
                return Ok(false);
            }
            tokio::time::sleep(PRUNE_REST).await;
        }
    }
}

/// The buckets of a day file that hold rows of the user; none of `late.db`, which
/// is ordered by users.
fn buckets_with(shared: &Shared, key: FileKey, user: UserId) -> Result<Vec<i64>, TelemetryError> {
    let FileKey::Day(day) = key else {
        return Ok(Vec::new());
    };
    let Some(file) = schema::open_to_read(&shared.directory, key)? else {
        return Ok(Vec::new());
    };
    let look = || -> rusqlite::Result<Vec<i64>> {
        let mut holds = file.prepare(HOLDS)?;
        let (first, last) = day::buckets_of_day(day);
        let mut found = Vec::new();
        for bucket in first..=last {
            if holds.query_row(params![bucket, user.uuid().as_bytes()], |row| row.get(0))? {
                found.push(bucket);
            }
        }
        Ok(found)
    };
    look().map_err(|error| TelemetryError::read_of(&key.path(&shared.directory), &error))
}

/// One step: takes buckets off the list until enough rows went.
fn erase_some(
    shared: &Shared,
    key: FileKey,
    user: UserId,
    buckets: &mut Vec<i64>,
) -> Result<u64, TelemetryError> {
    let _gate = lock(&shared.gate);
    if !key.path(&shared.directory).exists() {
        // Retention was faster.
        buckets.clear();
        return Ok(0);
    }
    let file = schema::open_to_write(&shared.directory, key)?;
    let mut step = || -> rusqlite::Result<u64> {
        // What is deleted is overwritten, too.
        file.pragma_update(None, "secure_delete", true)?;
        let transaction = file.unchecked_transaction()?;
        let mut gone = 0;
        if key == FileKey::Late {
            gone = erase_late(&transaction, user)?;
        }
        while let Some(bucket) = buckets.last() {
            let left = ERASE_ROWS - i64::try_from(gone).unwrap_or(ERASE_ROWS);
            if left <= 0 {
                break;
            }
            let mut erase = transaction.prepare_cached(ERASE_DAY)?;
            let rows = erase.execute(params![bucket, user.uuid().as_bytes(), left])?;
            gone += u64::try_from(rows).unwrap_or(0);
            if i64::try_from(rows).unwrap_or(left) < left {
                buckets.pop();
            }
        }
        // In each step: between two of them other rows may come behind it.
        transaction.execute(EMPTY_LAST, [user.uuid().as_bytes()])?;
        transaction.commit()?;
        Ok(gone)
    };
    step().map_err(|error| TelemetryError::write_of(&key.path(&shared.directory), &error))
}

fn erase_late(transaction: &Connection, user: UserId) -> rusqlite::Result<u64> {
    let mut erase = transaction.prepare_cached(ERASE_LATE)?;
    let rows = erase.execute(params![user.uuid().as_bytes(), ERASE_ROWS])?;
    Ok(u64::try_from(rows).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::sqlite::schema::plan_of;

    #[test]
    fn no_step_scans_a_file() {
        let day = FileKey::Day(20_000);
        for (key, sql) in [(day, ERASE_DAY), (day, HOLDS), (FileKey::Late, ERASE_LATE)] {
            let plan = plan_of(key, sql);
            assert!(!plan.contains("SCAN samples"), "{plan}: {sql}");
        }
    }
}
