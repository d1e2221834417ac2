//! The samples of an incident's time that did not join it, in the files.

use std::ops::RangeInclusive;

use mayday_core::telemetry::{Position, SampleKey};
use rusqlite::{Connection, params};

use super::SqliteFiles;
use super::day::{self, FileKey, bucket_of, buckets_of_day, day_of};
use super::read::{Readers, trail_point};
use crate::telemetry::TelemetryError;
use crate::telemetry::strays::Strays;

/// Both directions: a trail has a beginning and an end.
const ORDERS: [&str; 2] = ["ASC", "DESC"];

fn day_sql(order: &str) -> String {
    format!(
        "SELECT user_id, device, event_id, time_us, received_us, latitude, longitude, altitude,
           accuracy_m
         FROM samples WHERE bucket = ?1 AND user_id = ?2 AND time_us BETWEEN ?3 AND ?4
           AND incident_id IS NOT ?5
         ORDER BY time_us {order} LIMIT ?6"
    )
}

fn late_sql(order: &str) -> String {
    format!(
        "SELECT user_id, device, event_id, time_us, received_us, latitude, longitude, altitude,
           accuracy_m
         FROM samples WHERE user_id = ?1 AND bucket BETWEEN ?2 AND ?3
           AND time_us BETWEEN ?4 AND ?5 AND incident_id IS NOT ?6
         ORDER BY bucket {order}, time_us {order} LIMIT ?7"
    )
}

type Points = Vec<(SampleKey, Position)>;

impl SqliteFiles {
    /// An incident's strays: at least their first and their last `each_end`.
    pub(in crate::telemetry) async fn strays(
        &self,
        wanted: Strays,
        each_end: usize,
    ) -> Result<Points, TelemetryError> {
        let readers = std::sync::Arc::clone(&self.readers);
        let mut found = self.shared.backlog.strays(&wanted);
        let filed = self
            .readers
            .run(move || readers.strays(&wanted, each_end))
            .await?;
        found.extend(filed);
        Ok(found)
    }
}

impl Readers {
    fn strays(&self, wanted: &Strays, each_end: usize) -> Result<Points, TelemetryError> {
        let (from, to) = (*wanted.span.start(), *wanted.span.end());
        let days = day_of(from)..=day_of(to);
        let mut files: Vec<i64> = day::list(self.directory())?
            .into_iter()
            .filter_map(|key| match key {
                FileKey::Day(day) if days.contains(&day) => Some(day),
                _ => None,
            })
            .collect();
        let mut found = Points::new();
        for order in ORDERS {
            let before = found.len();
            for day in &files {
                let left = each_end.saturating_sub(found.len() - before);
                let (first, last) = buckets_of_day(*day);
                let buckets = first.max(bucket_of(from))..=last.min(bucket_of(to));
                found.extend(self.on_sound(FileKey::Day(*day), |file| {
                    in_day(file, wanted, buckets, order, left)
                })?);
            }
            found.extend(
                self.on_sound(FileKey::Late, |file| in_late(file, wanted, order, each_end))?,
            );
            if found.len() < each_end {
                // All of them: there is no other end.
                break;
            }
            files.reverse();
        }
        Ok(found)
    }
}

fn in_day(
    file: &Connection,
    wanted: &Strays,
    buckets: RangeInclusive<i64>,
    order: &str,
    limit: usize,
) -> rusqlite::Result<Points> {
    let mut statement = file.prepare_cached(&day_sql(order))?;
    let mut found = Points::new();
    let mut buckets: Vec<i64> = buckets.collect();
    if order == "DESC" {
        buckets.reverse();
    }
    for bucket in buckets {
        if found.len() >= limit {
            break;
        }
        let rows = statement.query_map(
            params![
                bucket,
                wanted.user.uuid().as_bytes(),
                wanted.span.start().as_micros(),
                wanted.span.end().as_micros(),
                wanted.incident.uuid().as_bytes(),
                i64::try_from(limit - found.len()).unwrap_or(i64::MAX),
            ],
            trail_point,
        )?;
        for row in rows {
            found.push(row?);
        }
    }
    Ok(found)
}

fn in_late(
    file: &Connection,
    wanted: &Strays,
    order: &str,
    limit: usize,
) -> rusqlite::Result<Points> {
    let (from, to) = (*wanted.span.start(), *wanted.span.end());
    let mut statement = file.prepare_cached(&late_sql(order))?;
    let rows = statement.query_map(
        params![
            wanted.user.uuid().as_bytes(),
            bucket_of(from),
            bucket_of(to),
            from.as_micros(),
            to.as_micros(),
            wanted.incident.uuid().as_bytes(),
            i64::try_from(limit).unwrap_or(i64::MAX),
        ],
        trail_point,
    )?;
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::super::schema;
    use super::*;

    #[test]
    fn no_query_scans_or_sorts_a_file() {
        let directory = tempfile::tempdir().unwrap();
        for order in ORDERS {
            for (key, sql) in [
                (FileKey::Day(20_000), day_sql(order)),
                (FileKey::Late, late_sql(order)),
            ] {
                let file = schema::open_to_write(directory.path(), key).unwrap();
                let mut statement = file.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
                let nothing: Vec<Option<i64>> = vec![None; statement.parameter_count()];
                let steps = statement.query_map(rusqlite::params_from_iter(nothing), |row| {
                    row.get::<_, String>(3)
                });
                let steps: Vec<String> = steps.unwrap().map(Result::unwrap).collect();
                let plan = steps.join("; ");
                assert!(
                    plan.starts_with("SEARCH samples USING INDEX"),
                    "{plan}: {sql}"
                );
                assert!(!plan.contains("TEMP B-TREE"), "{plan}: {sql}");
            }
        }
    }
}
