//! Queries over the telemetry files, on a few connections of their own.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use mayday_core::ids::{IncidentId, UserId};
use mayday_core::telemetry::{Position, Sample, SampleKey};
use mayday_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::day::{self, FileKey, Window, bucket_of, buckets_of_day, day_of};
use super::latest_table::read_position;
use super::schema::{self, COLUMNS};
use super::unusable::Unusable;
use crate::telemetry::TelemetryError;
use crate::telemetry::merge;
use crate::telemetry::page::{Gaps, Span};
use crate::telemetry::queue::lock;

/// Queries at a time.
const MAX_READERS: usize = 4;
/// Connections kept open between queries.
const MAX_IDLE: usize = 16;

const NEWEST_IN_DAY: &str = "SELECT time_us, received_us, latitude, longitude, altitude, accuracy_m
FROM samples WHERE bucket = ?1 AND user_id = ?2 ORDER BY time_us DESC LIMIT 1";
const NEWEST_IN_LATE: &str =
    "SELECT time_us, received_us, latitude, longitude, altitude, accuracy_m
FROM samples WHERE user_id = ?1 ORDER BY bucket DESC, time_us DESC LIMIT 1";

/// `?1` a bucket, `?2` the user, `?3` to `?5` the lower bound, `?6` the last time.
fn range_in_day_sql(operator: &str) -> String {
    format!(
        "SELECT {COLUMNS} FROM samples WHERE bucket = ?1 AND user_id = ?2
         AND (time_us, device, event_id) {operator} (?3, ?4, ?5) AND time_us <= ?6
         ORDER BY time_us, device, event_id LIMIT ?7"
    )
}

/// The same, with the first bucket in `?1` and the last one in `?8`.
fn range_in_late_sql(operator: &str) -> String {
    format!(
        "SELECT {COLUMNS} FROM samples WHERE user_id = ?2
         AND (bucket, time_us, device, event_id) {operator} (?1, ?3, ?4, ?5)
         AND bucket <= ?8 AND time_us <= ?6
         ORDER BY bucket, time_us, device, event_id LIMIT ?7"
    )
}

fn trail_sql(order: &str) -> String {
    format!(
        "SELECT user_id, device, event_id, time_us, received_us, latitude, longitude, altitude,
           accuracy_m
         FROM samples WHERE incident_id = ?1 ORDER BY time_us {order} LIMIT ?2"
    )
}

/// The reading side.
pub(super) struct Readers {
    directory: PathBuf,
    idle: Mutex<Idle>,
    turns: Arc<Semaphore>,
    unusable: Arc<Unusable>,
}

/// Connections between two queries.
#[derive(Default)]
struct Idle {
    /// Raised when a file is let go: a connection that was out meanwhile may be one to
    /// a file that is no more, though there is a new one of its name.
    lettings_go: u64,
    files: HashMap<FileKey, Vec<Connection>>,
}

impl Readers {
    pub(super) fn new(directory: PathBuf, unusable: Arc<Unusable>) -> Self {
        Self {
            directory,
            idle: Mutex::default(),
            turns: Arc::new(Semaphore::new(MAX_READERS)),
            unusable,
        }
    }

    /// Runs blocking work in its turn.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, TelemetryError> + Send + 'static,
    ) -> Result<T, TelemetryError> {
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let turn = turn.map_err(|_| TelemetryError::Closed)?;
        tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        })
        .await
        .map_err(|error| TelemetryError::read(&error))?
    }

    /// Lets go of a file: once before it is removed, so that it is closed, and once more
    /// when it is gone.
    pub(super) fn forget(&self, key: FileKey) {
        let mut idle = lock(&self.idle);
        idle.lettings_go += 1;
        idle.files.remove(&key);
        drop(idle);
        self.unusable.clear(key);
    }

    /// Where the files lie.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Runs a query on a file; nothing if the file does not exist.
    pub(super) fn on<T: Default>(
        &self,
        key: FileKey,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, TelemetryError> {
        let (pooled, lettings_go) = {
            let mut idle = lock(&self.idle);
            (
                idle.files.get_mut(&key).and_then(Vec::pop),
                idle.lettings_go,
            )
        };
        let connection = match pooled {
            Some(connection) => connection,
            None => match schema::open_to_read(&self.directory, key)? {
                Some(connection) => connection,
                None => return Ok(T::default()),
            },
        };
        let result = query(&connection)
            .map_err(|e| TelemetryError::read_of(&key.path(&self.directory), &e))?;
        let mut idle = lock(&self.idle);
        if idle.lettings_go == lettings_go
            && idle.files.values().map(Vec::len).sum::<usize>() < MAX_IDLE
        {
            idle.files.entry(key).or_default().push(connection);
        }
        Ok(result)
    }

    /// The same where what the other files hold is better than no answer: nothing, too,
    /// if the file is damaged.
    pub(super) fn on_sound<T: Default>(
        &self,
        key: FileKey,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, TelemetryError> {
        match self.on(key, query) {
            Err(error) if error.is_lasting() => {
                self.unusable.note(key, &error);
                Ok(T::default())
            }
            result => {
                self.unusable.clear(key);
                result
            }
        }
    }

    /// A query for a span, as it asks for gaps to be dealt with.
    fn on_asked<T: Default>(
        &self,
        span: &Span,
        key: FileKey,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, TelemetryError> {
        match span.gaps {
            Gaps::Refused => self.on(key, query),
            Gaps::Skipped => self.on_sound(key, query),
        }
    }

    /// See [`super::SqliteFiles::range`].
    pub(super) fn range(
        &self,
        user: UserId,
        span: &Span,
        limit: usize,
    ) -> Result<Vec<Sample>, TelemetryError> {
        let mut found = Vec::new();
        let (from, to) = (span.from, span.to);
        let (first_day, last_day) = (day_of(from), day_of(to));
        for key in day::list(&self.directory)? {
            let FileKey::Day(day) = key else { continue };
            if day < first_day || day > last_day || found.len() >= limit {
                continue;
            }
            let (first, last) = buckets_of_day(day);
            let buckets = first.max(bucket_of(from))..=last.min(bucket_of(to));
            let left = limit - found.len();
            found.extend(self.on_asked(span, key, |file| {
                range_in_day(file, user, span, buckets, left)
            })?);
        }
        found.extend(self.on_asked(span, FileKey::Late, |file| {
            range_in_late(file, user, span, limit)
        })?);
        Ok(found)
    }

    /// See [`super::SqliteFiles::trail`].
    pub(super) fn trail(
        &self,
        incident: IncidentId,
        span: &RangeInclusive<Timestamp>,
        each_end: usize,
    ) -> Result<Vec<(SampleKey, Position)>, TelemetryError> {
        let mut found = Vec::new();
        let days = day_of(*span.start())..=day_of(*span.end());
        for key in day::list(&self.directory)? {
            if matches!(key, FileKey::Day(day) if !days.contains(&day)) {
                continue;
            }
            found.extend(self.on_sound(key, |file| trail_in(file, incident, each_end))?);
        }
        Ok(found)
    }

    /// The newest position of a user that is newer than `since`.
    pub(super) fn newest_since(
        &self,
        user: UserId,
        since: Option<Timestamp>,
        window: Window,
    ) -> Result<Option<Position>, TelemetryError> {
        let since = since.unwrap_or(Timestamp::from_micros(i64::MIN));
        let mut newest = None;
        for day in (window.first.max(day_of(since))..=window.last).rev() {
            let (first, last) = buckets_of_day(day);
            let buckets = first.max(bucket_of(since))..=last;
            let look = |file: &Connection| newest_in_day(file, user, buckets);
            newest = self.on_sound(FileKey::Day(day), look)?;
            if newest.is_some() {
                break;
            }
        }
        // Which has those of a damaged file, too.
        let late = self.on_sound(FileKey::Late, |file| newest_in_late(file, user))?;
        Ok(merge::newer(newest, late))
    }
}

fn range_in_day(
    file: &Connection,
    user: UserId,
    span: &Span,
    buckets: RangeInclusive<i64>,
    limit: usize,
) -> rusqlite::Result<Vec<Sample>> {
    let mut statement = file.prepare_cached(&range_in_day_sql(span.operator()))?;
    let (device, event) = span.lower();
    let mut found = Vec::new();
    for bucket in buckets {
        if found.len() >= limit {
            break;
        }
        let left = i64::try_from(limit - found.len()).unwrap_or(i64::MAX);
        let rows = statement.query_map(
            params![
                bucket,
                user.uuid().as_bytes(),
                span.from.as_micros(),
                device,
                event,
                span.to.as_micros(),
                left
            ],
            schema::read_sample,
        )?;
        for row in rows {
            found.push(row?);
        }
    }
    Ok(found)
}

fn range_in_late(
    file: &Connection,
    user: UserId,
    span: &Span,
    limit: usize,
) -> rusqlite::Result<Vec<Sample>> {
    let mut statement = file.prepare_cached(&range_in_late_sql(span.operator()))?;
    let (device, event) = span.lower();
    let rows = statement.query_map(
        params![
            bucket_of(span.from),
            user.uuid().as_bytes(),
            span.from.as_micros(),
            device,
            event,
            span.to.as_micros(),
            i64::try_from(limit).unwrap_or(i64::MAX),
            bucket_of(span.to),
        ],
        schema::read_sample,
    )?;
    rows.collect()
}

fn trail_in(
    file: &Connection,
    incident: IncidentId,
    each_end: usize,
) -> rusqlite::Result<Vec<(SampleKey, Position)>> {
    let mut found = Vec::new();
    for order in ["ASC", "DESC"] {
        let mut statement = file.prepare_cached(&trail_sql(order))?;
        let limit = i64::try_from(each_end).unwrap_or(i64::MAX);
        let rows = statement.query_map(params![incident.uuid().as_bytes(), limit], trail_point)?;
        for row in rows {
            found.push(row?);
        }
    }
    Ok(found)
}

/// A point of a trail: `user_id, device, event_id`, then the position.
pub(super) fn trail_point(row: &rusqlite::Row<'_>) -> rusqlite::Result<(SampleKey, Position)> {
    let position = read_position(row, 3)?;
    let key = SampleKey {
        user: UserId(Uuid::from_bytes(row.get(0)?)),
        time: position.time,
        device: row.get::<_, String>(1)?.into(),
        event_id: row.get::<_, String>(2)?.into(),
    };
    Ok((key, position))
}

fn newest_in_day(
    file: &Connection,
    user: UserId,
    buckets: RangeInclusive<i64>,
) -> rusqlite::Result<Option<Position>> {
    let mut statement = file.prepare_cached(NEWEST_IN_DAY)?;
    for bucket in buckets.rev() {
        let newest = statement
            .query_row(params![bucket, user.uuid().as_bytes()], |row| {
                read_position(row, 0)
            })
            .optional()?;
        if newest.is_some() {
            return Ok(newest);
        }
    }
    Ok(None)
}

fn newest_in_late(file: &Connection, user: UserId) -> rusqlite::Result<Option<Position>> {
    let mut statement = file.prepare_cached(NEWEST_IN_LATE)?;
    statement
        .query_row([user.uuid().as_bytes()], |row| read_position(row, 0))
        .optional()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::tests::{sample, user};

    #[test]
    fn no_query_scans_or_sorts_a_file() {
        let day = FileKey::Day(20_000);
        for (key, sql) in [
            (day, range_in_day_sql(">")),
            (day, range_in_day_sql(">=")),
            (day, NEWEST_IN_DAY.to_owned()),
            (day, trail_sql("ASC")),
            (day, trail_sql("DESC")),
            (FileKey::Late, range_in_late_sql(">")),
            (FileKey::Late, range_in_late_sql(">=")),
            (FileKey::Late, NEWEST_IN_LATE.to_owned()),
            (FileKey::Late, trail_sql("ASC")),
        ] {
            let plan = schema::plan_of(key, &sql);
            assert!(
                plan.starts_with("SEARCH samples USING INDEX"),
                "{plan}: {sql}"
            );
            assert!(!plan.contains("TEMP B-TREE"), "{plan}: {sql}");
        }
    }

    #[test]
    fn a_connection_to_a_removed_file_is_not_kept_for_a_new_one_of_its_name() {
        let directory = tempfile::tempdir().unwrap();
        let readers = Readers::new(directory.path().to_owned(), Arc::default());
        let key = FileKey::Day(20_000);
        drop(schema::open_to_write(directory.path(), key).unwrap());
        let removed = |file: &Connection| {
            readers.forget(key);
            day::unlink(directory.path(), key).unwrap();
            readers.forget(key);
            let new = schema::open_to_write(directory.path(), key).unwrap();
            schema::upsert_all(&new, [(&sample(user(0), 1), None)].into_iter())?;
            schema::last_row(file)
        };
        assert_eq!(readers.on(key, removed).unwrap(), 0);
        assert_eq!(readers.on(key, schema::last_row).unwrap(), 1);
    }
}
