//! Deletes what apps keep for less time than the server, from the files.
//!
//! A walk goes through each file in the order of its index. A step looks up the
//! next users, asks the state store whose samples go, and deletes theirs under the
//! gate that the filing thread takes, a bounded number. A file in which nothing has
//! changed since is passed over by the next walk; one that holds no sample any more
//! is removed, as its room is given back only then.

use std::collections::HashMap;
use std::sync::Arc;

use mayday_core::ids::{AppUuid, UserId};
use mayday_core::time::Timestamp;
use rusqlite::{Connection, params};
use uuid::Uuid;

use super::day::{self, FileKey, bucket_of, day_of};
use super::{Shared, SqliteFiles, remove_file, schema};
use crate::telemetry::TelemetryError;
use crate::telemetry::expire::{Expired, Rules, WALK_EVERY};
use crate::telemetry::queue::lock;

/// Users of a bucket that one step looks at.
const STEP_USERS: i64 = 500;
/// Rows that one step deletes: filing waits meanwhile.
const STEP_ROWS: i64 = 2_000;

const NEXT_IN_DAY: &str = "SELECT bucket, user_id FROM samples
WHERE (bucket, user_id) > (?1, ?2) GROUP BY bucket, user_id ORDER BY bucket, user_id LIMIT ?3";
const NEXT_IN_LATE: &str = "SELECT 0, user_id FROM samples
WHERE user_id > ?2 AND ?1 IS NOT NULL GROUP BY user_id ORDER BY user_id LIMIT ?3";
const EXPIRE_DAY: &str = "DELETE FROM samples WHERE rowid IN
  (SELECT rowid FROM samples WHERE bucket = ?1 AND user_id = ?2 AND received_us < ?3
    AND rowid < (SELECT max(rowid) FROM samples) LIMIT ?4)";
const EXPIRE_LATE: &str = "DELETE FROM samples WHERE rowid IN
  (SELECT rowid FROM samples WHERE user_id = ?2 AND bucket < ?1 AND received_us < ?3
    AND rowid < (SELECT max(rowid) FROM samples) LIMIT ?4)";
const HOLDS_DAY: &str = "SELECT EXISTS (SELECT 1 FROM samples WHERE bucket = ?1 AND user_id = ?2)";
const HOLDS_LATE: &str =
    "SELECT EXISTS (SELECT 1 FROM samples WHERE user_id = ?2 AND ?1 IS NOT NULL)";
/// The highest row id is never given out again: that row is emptied.
const EMPTY_LAST: &str = "UPDATE OR REPLACE samples SET user_id = zeroblob(16), device = '',
  event_id = '', latitude = 0, longitude = 0, altitude = NULL, accuracy_m = NULL,
  incident_id = NULL, raw = x''
WHERE rowid = (SELECT max(rowid) FROM samples) AND user_id = ?1 AND time_us < ?2
  AND received_us < ?2";
const HOLDS_ANY: &str = "SELECT EXISTS (SELECT 1 FROM samples WHERE user_id <> zeroblob(16))";

/// What a walk remembers.
#[derive(Default)]
pub(super) struct Walk {
    resting_until: Option<Timestamp>,
    place: Option<Place>,
    /// Files that were walked to the end.
    done: HashMap<FileKey, Done>,
}

/// Where it is.
struct Place {
    key: FileKey,
    after: Pair,
    done: Done,
}

/// How a file was when it was walked.
struct Done {
    last_row: i64,
    rules: Vec<(AppUuid, u32)>,
    /// Samples of the rules' apps are left: spared, or received a short time ago.
    has_leftovers: bool,
    today: i64,
}

/// A bucket and a user who has samples in it; in `late.db` the bucket is 0.
type Pair = (i64, UserId);

/// Before the first pair.
const BEFORE_ALL: Pair = (i64::MIN, UserId(Uuid::nil()));

/// What goes: of a pair, whatever was received (in `late.db`: and measured) before.
struct Doomed {
    pair: Pair,
    before: Timestamp,
}

impl Walk {
    /// Goes on without a file that cannot be used; tomorrow it is looked at again.
    fn leave(&mut self, place: Place) -> Expired {
        let done = Done {
            has_leftovers: true,
            ..place.done
        };
        self.done.insert(place.key, done);
        Expired {
            rows: 0,
            more: true,
        }
    }
}

/// What a step on a file found; nothing where the file is damaged, which must not keep
/// the others.
fn passed_over<T>(step: Result<T, TelemetryError>) -> Result<Option<T>, TelemetryError> {
    match step {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is_lasting() => {
            tracing::warn!(%error, "a telemetry file is passed over");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// What deleting did.
#[derive(Default)]
struct Deleted {
    rows: u64,
    /// The first pair that was not dealt with to the end.
    stopped_at: Option<usize>,
    has_leftovers: bool,
}

impl SqliteFiles {
    /// See [`crate::telemetry::Telemetry::expire`].
    pub(in crate::telemetry) async fn expire(
        &self,
        rules: &Rules<'_>,
    ) -> Result<Expired, TelemetryError> {
        let mut walk = self.walk.lock().await;
        if walk.resting_until.is_some_and(|until| rules.now < until) {
            return Ok(Expired::NOTHING);
        }
        if walk.place.is_none() {
            // What was acknowledged before the walk is looked at by it.
            self.drain().await?;
            walk.place = self.next_file(&mut walk, rules).await?;
        }
        let Some(mut place) = walk.place.take() else {
            walk.resting_until = Some(rules.now.plus(WALK_EVERY));
            return Ok(Expired::NOTHING);
        };
        let (key, after, readers) = (place.key, place.after, Arc::clone(&self.readers));
        let find = move || readers.on(key, |file| pairs_after(file, key, after));
        let found = self.readers.run(find).await;
        let Some(pairs) = passed_over(found)? else {
            return Ok(walk.leave(place));
        };
        let rows = if pairs.is_empty() {
            self.remove_if_empty(key).await?;
            walk.done.insert(key, place.done);
            0
        } else {
            let expired = self.expire_pairs(&mut place, pairs, rules).await;
            let Some(rows) = passed_over(expired)? else {
                return Ok(walk.leave(place));
            };
            walk.place = Some(place);
            rows
        };
        Ok(Expired { rows, more: true })
    }

    /// The next file that may hold what goes.
    async fn next_file(
        &self,
        walk: &mut Walk,
        rules: &Rules<'_>,
    ) -> Result<Option<Place>, TelemetryError> {
        let directory = self.shared.directory.clone();
        let files = self.readers.run(move || day::list(&directory)).await?;
        walk.done.retain(|key, _| files.contains(key));
        let today = day_of(rules.now);
        for key in files {
            let mut due = rules.apps.clone();
            due.retain(|(_, days)| match key {
                FileKey::Day(day) => day < today - i64::from(*days),
                FileKey::Late => true,
            });
            if due.is_empty() {
                continue;
            }
            let readers = Arc::clone(&self.readers);
            let look = move || readers.on(key, schema::last_row);
            let Some(last_row) = passed_over(self.readers.run(look).await)? else {
                continue;
            };
            let is_done = walk.done.get(&key).is_some_and(|done| {
                let is_same = done.last_row == last_row && done.rules == due;
                is_same && (!done.has_leftovers || done.today == today)
            });
            if !is_done {
                return Ok(Some(Place {
                    key,
                    after: BEFORE_ALL,
                    done: Done {
                        last_row,
                        rules: due,
                        has_leftovers: false,
                        today,
                    },
                }));
            }
        }
        Ok(None)
    }

    /// Deletes what goes of these pairs, and moves the place behind them.
    async fn expire_pairs(
        &self,
        place: &mut Place,
        pairs: Vec<Pair>,
        rules: &Rules<'_>,
    ) -> Result<u64, TelemetryError> {
        let mut users: Vec<UserId> = pairs.iter().map(|(_, user)| *user).collect();
        users.sort_unstable();
        users.dedup();
        let terms = rules.terms_of(&users).await?;
        let today = day_of(rules.now);
        let mut doomed = Vec::new();
        for pair in &pairs {
            let Some(term) = terms.get(&pair.1) else {
                continue;
            };
            let is_due = match place.key {
                FileKey::Day(day) => day < today - i64::from(term.days),
                FileKey::Late => true,
            };
            if is_due && term.is_spared {
                place.done.has_leftovers = true;
            } else if is_due {
                let before = rules.first_moment(term.days);
                doomed.push(Doomed {
                    pair: *pair,
                    before,
                });
            }
        }
        let behind = pairs.last().copied().unwrap_or(place.after);
        if doomed.is_empty() {
            place.after = behind;
            return Ok(0);
        }
        let (shared, key) = (Arc::clone(&self.shared), place.key);
        let delete = move || {
            let deleted = delete_some(&shared, key, &doomed)?;
            let resume = deleted
                .stopped_at
                .and_then(|n| doomed.get(n))
                .map(|d| d.pair);
            Ok((deleted, resume))
        };
        let (deleted, resume) = self.readers.run(delete).await?;
        place.done.has_leftovers |= deleted.has_leftovers;
        place.after = match resume {
            // Once more from the pair before this one.
            Some(at) => pairs
                .iter()
                .rev()
                .find(|pair| **pair < at)
                .copied()
                .unwrap_or(place.after),
            None => behind,
        };
        Ok(deleted.rows)
    }

    /// Removes a day file in which no sample is left.
    async fn remove_if_empty(&self, key: FileKey) -> Result<(), TelemetryError> {
        if key == FileKey::Late {
            return Ok(());
        }
        let (shared, readers) = (Arc::clone(&self.shared), Arc::clone(&self.readers));
        let upkeep = Arc::clone(&self.upkeep);
        self.readers
            .run(move || {
                let is_empty = |file: &Connection| holds_any(file).map(|holds| !holds);
                if !readers.on(key, is_empty)? {
                    return Ok(());
                }
                remove_file(&shared, &readers, &upkeep, key, |shared| {
                    // Looked at again, now that nobody writes.
                    let Some(file) = schema::open_to_read(&shared.directory, key)? else {
                        return Ok(false);
                    };
                    let is_empty = is_empty(&file).map_err(|e| TelemetryError::read(&e))?;
                    Ok(is_empty && !lock(&shared.touched).contains_key(&key))
                })
            })
            .await
    }
}

fn holds_any(file: &Connection) -> rusqlite::Result<bool> {
    file.query_row(HOLDS_ANY, [], |row| row.get(0))
}

fn pairs_after(file: &Connection, key: FileKey, after: Pair) -> rusqlite::Result<Vec<Pair>> {
    let sql = match key {
        FileKey::Day(_) => NEXT_IN_DAY,
        FileKey::Late => NEXT_IN_LATE,
    };
    let mut statement = file.prepare_cached(sql)?;
    let user = after.1.uuid();
    let given = params![after.0, user.as_bytes(), STEP_USERS];
    let rows = statement.query_map(given, |row| {
        Ok((row.get(0)?, UserId(Uuid::from_bytes(row.get(1)?))))
    })?;
    rows.collect()
}

/// One transaction, of at most [`STEP_ROWS`] rows.
fn delete_some(
    shared: &Shared,
    key: FileKey,
    doomed: &[Doomed],
) -> Result<Deleted, TelemetryError> {
    let _gate = lock(&shared.gate);
    if !key.path(&shared.directory).exists() {
        // The server's own limit was faster.
        return Ok(Deleted::default());
    }
    let file = schema::open_to_write(&shared.directory, key)?;
    let delete = || -> rusqlite::Result<Deleted> {
        // What is deleted is overwritten, too.
        file.pragma_update(None, "secure_delete", true)?;
        let transaction = file.unchecked_transaction()?;
        let deleted = delete_in(&transaction, key, doomed)?;
        transaction.commit()?;
        Ok(deleted)
    };
    delete().map_err(|error| TelemetryError::write_of(&key.path(&shared.directory), &error))
}

fn delete_in(file: &Connection, key: FileKey, doomed: &[Doomed]) -> rusqlite::Result<Deleted> {
    let (expire, holds) = match key {
        FileKey::Day(_) => (EXPIRE_DAY, HOLDS_DAY),
        FileKey::Late => (EXPIRE_LATE, HOLDS_LATE),
    };
    let mut expire = file.prepare_cached(expire)?;
    let mut holds = file.prepare_cached(holds)?;
    let mut empty_last = file.prepare_cached(EMPTY_LAST)?;
    let mut deleted = Deleted::default();
    let mut left = STEP_ROWS;
    for (n, Doomed { pair, before }) in doomed.iter().enumerate() {
        if left <= 0 {
            deleted.stopped_at = Some(n);
            break;
        }
        let bucket = match key {
            FileKey::Day(_) => pair.0,
            FileKey::Late => bucket_of(*before),
        };
        let user = pair.1.uuid();
        let id = user.as_bytes();
        let before = before.as_micros();
        let gone = expire.execute(params![bucket, id, before, left])?;
        deleted.rows += u64::try_from(gone).unwrap_or(0);
        left -= i64::try_from(gone).unwrap_or(left);
        if left <= 0 {
            // There may be more of it.
            deleted.stopped_at = Some(n);
            break;
        }
        deleted.rows += u64::try_from(empty_last.execute(params![id, before])?).unwrap_or(0);
        let holds_more: bool = holds.query_row(params![bucket, id], |row| row.get(0))?;
        deleted.has_leftovers |= holds_more;
    }
    Ok(deleted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::sqlite::schema::plan_of;

    #[test]
    fn no_step_scans_a_file() {
        let day = FileKey::Day(20_000);
        for (key, sql) in [
            (day, NEXT_IN_DAY),
            (day, EXPIRE_DAY),
            (day, HOLDS_DAY),
            (FileKey::Late, NEXT_IN_LATE),
            (FileKey::Late, EXPIRE_LATE),
            (FileKey::Late, HOLDS_LATE),
        ] {
            let plan = plan_of(key, sql);
            assert!(!plan.contains("SCAN samples"), "{plan}: {sql}");
        }
    }
}
