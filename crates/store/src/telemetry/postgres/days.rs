//! The partitions of `telemetry`, one for each UTC day of the samples.
//!
//! Days are made two ahead, because a phone's clock may run a day ahead and
//! making one can fail for a while; they are dropped when they leave the
//! retention window. `telemetry_other` holds what has no day: samples older
//! than the first server's first day, or of a day on which none ran.

use std::time::Duration;

use mayday_core::clock::SharedClock;
use mayday_core::time::Timestamp;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, PgPool, Row as _};
use tokio::task::JoinHandle;

/// Days beyond today that are made.
const DAYS_AHEAD: i64 = 2;
/// How often it is looked whether a day is to be made.
const LOOK_EVERY: Duration = Duration::from_hours(1);
/// Seconds in a UTC day.
const DAY_SECS: i64 = 86_400;
/// How the partitions' names begin; the date follows.
const PREFIX: &str = "telemetry_day_";

/// Servers make days one at a time; samples wait at most this long for it.
const BEGIN_CHANGE: &str =
    "SELECT pg_advisory_xact_lock(7306916040931), set_config('lock_timeout', '2s', true)";
const LOCK_OTHER: &str = "LOCK TABLE telemetry_other IN SHARE ROW EXCLUSIVE MODE";
/// Read from the table of tables: looking a name up (`to_regclass`) may answer from
/// a cache that another server's day is not in yet.
const EXISTS: &str = "SELECT EXISTS (SELECT FROM pg_class WHERE relname = $1::name
  AND pg_table_is_visible(oid))";
const LIST: &str = "SELECT child.relname::text FROM pg_inherits
JOIN pg_class child ON child.oid = inhrelid WHERE inhparent = 'telemetry'::regclass";

/// Makes the days from today on, now and whenever one is missing; the task
/// goes on until it is aborted.
pub(super) async fn keep(pool: PgPool, clock: SharedClock) -> Result<JoinHandle<()>, sqlx::Error> {
    make_ahead(&pool, clock.now()).await?;
    Ok(tokio::spawn(async move {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            if let Err(error) = make_ahead(&pool, clock.now()).await {
                // Two more days are there: the next look is early enough.
                tracing::warn!(%error, "a day of the telemetry table could not be made");
            }
        }
    }))
}

/// Makes the days from today on that are missing.
async fn make_ahead(pool: &PgPool, now: Timestamp) -> Result<(), sqlx::Error> {
    let mut connection = pool.acquire().await?;
    let today = day_of(now);
    for day in today..=today + DAYS_AHEAD {
        if !exists(&mut connection, day).await? {
            make(&mut connection, day).await?;
        }
    }
    Ok(())
}

async fn exists(connection: &mut PgConnection, day: i64) -> Result<bool, sqlx::Error> {
    let asked = sqlx::query(EXISTS).bind(name_of(day));
    asked.fetch_one(connection).await?.try_get(0)
}

/// Makes a day, and moves what lies elsewhere of it.
async fn make(connection: &mut PgConnection, day: i64) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    transaction.execute(BEGIN_CHANGE).await?;
    if exists(&mut transaction, day).await? {
        return Ok(());
    }
    transaction.execute(LOCK_OTHER).await?;
    let name = name_of(day);
    let (from, to) = (first_micros(day), first_micros(day + 1));
    for statement in [
        format!("CREATE TABLE {name} (LIKE telemetry INCLUDING DEFAULTS INCLUDING CONSTRAINTS)"),
        format!(
            "WITH moved AS (DELETE FROM telemetry_other
               WHERE measured_at >= {from} AND measured_at < {to} RETURNING *)
             INSERT INTO {name} SELECT * FROM moved"
        ),
        format!("ALTER TABLE telemetry ATTACH PARTITION {name} FOR VALUES FROM ({from}) TO ({to})"),
    ] {
        transaction.execute(AssertSqlSafe(statement)).await?;
    }
    transaction.commit().await
}

/// Drops the days before `first`; how many that were.
pub(super) async fn drop_before(pool: &PgPool, first: i64) -> Result<usize, sqlx::Error> {
    let mut gone = 0;
    for row in sqlx::query(LIST).fetch_all(pool).await? {
        let name: String = row.try_get(0)?;
        if day_of_name(&name).is_some_and(|day| day < first) {
            let mut transaction = pool.begin().await?;
            transaction.execute(BEGIN_CHANGE).await?;
            let drop = format!("DROP TABLE IF EXISTS {name}");
            transaction.execute(AssertSqlSafe(drop)).await?;
            transaction.commit().await?;
            gone += 1;
        }
    }
    Ok(gone)
}

/// The UTC day of a time, in days since 1970-01-01.
pub(super) fn day_of(time: Timestamp) -> i64 {
    time.as_secs().div_euclid(DAY_SECS)
}

fn first_micros(day: i64) -> i64 {
    Timestamp::from_secs(day * DAY_SECS).as_micros()
}

/// Such as `telemetry_day_2026_09_09`.
fn name_of(day: i64) -> String {
    let date = Timestamp::from_secs(day * DAY_SECS).to_string();
    let date = date.chars().take_while(|c| *c != 'T');
    let date: String = date.map(|c| if c == '-' { '_' } else { c }).collect();
    format!("{PREFIX}{date}")
}

fn day_of_name(name: &str) -> Option<i64> {
    let date = name.strip_prefix(PREFIX)?.replace('_', "-");
    let midnight = Timestamp::parse(&format!("{date}T00:00:00Z")).ok()?;
    Some(day_of(midnight))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::tests::{all_of, sample, store_all, user};
    use crate::testing::{START, TestStore};

    #[test]
    fn a_name_tells_its_day() {
        let day = day_of(START);
        assert_eq!(day_of_name(&name_of(day)), Some(day));
        assert_eq!(name_of(day).len(), PREFIX.len() + "2026_09_09".len());
        assert_eq!(day_of_name("telemetry_other"), None);
    }

    async fn days(pool: &PgPool) -> Vec<i64> {
        let rows = sqlx::query(LIST).fetch_all(pool).await.unwrap();
        let names = rows.iter().map(|row| row.get::<String, _>(0));
        let mut days: Vec<i64> = names.filter_map(|name| day_of_name(&name)).collect();
        days.sort_unstable();
        days
    }

    async fn elsewhere(pool: &PgPool) -> i64 {
        let counted = sqlx::query("SELECT COUNT(*) FROM telemetry_other");
        counted.fetch_one(pool).await.unwrap().get(0)
    }

    #[tokio::test]
    async fn days_are_made_ahead_and_dropped_whole() {
        let Some(store) = TestStore::postgres().await else {
            return;
        };
        let telemetry = store.telemetry().await;
        let pool = telemetry.postgres_pool();
        let today = day_of(START);
        assert_eq!(days(pool).await, [today, today + 1, today + 2]);
        // Yesterday has no day: no server ran.
        let yesterday = sample(user(0), -DAY_SECS);
        store_all(&telemetry, [yesterday.clone(), sample(user(0), 1)])
            .await
            .unwrap();
        assert_eq!(elsewhere(pool).await, 1);
        // A day that is made later takes its samples over.
        let mut connection = pool.acquire().await.unwrap();
        make(&mut connection, today - 1).await.unwrap();
        make(&mut connection, today - 1).await.unwrap();
        drop(connection);
        assert_eq!(elsewhere(pool).await, 0);
        assert_eq!(all_of(&telemetry, user(0)).await.len(), 2);
        // A resend overwrites itself there, too.
        store_all(&telemetry, [yesterday]).await.unwrap();
        assert_eq!(all_of(&telemetry, user(0)).await.len(), 2);

        assert_eq!(drop_before(pool, today).await.unwrap(), 1);
        assert_eq!(days(pool).await, [today, today + 1, today + 2]);
        assert_eq!(all_of(&telemetry, user(0)).await.len(), 1);
        telemetry.close().await;
    }

    #[tokio::test]
    async fn servers_that_start_together_make_each_day_once() {
        let Some(store) = TestStore::postgres().await else {
            return;
        };
        let telemetry = store.telemetry().await;
        let pool = telemetry.postgres_pool();
        let later = START.plus(Duration::from_hours(24 * 10));
        let (one, other) = tokio::join!(make_ahead(pool, later), make_ahead(pool, later));
        one.and(other).unwrap();
        assert_eq!(days(pool).await.len(), 6);
        telemetry.close().await;
    }
}
