//! For how long the telemetry of an app's users is kept.
//!
//! A server keeps telemetry for so many days; an app may keep its users' for
//! less. What that means for a user is asked here while samples are let go:
//! nobody loses the trail of an incident that is open, or has ended and was not
//! copied yet.

use mayday_core::identity::AppId;
use mayday_core::ids::{AppUuid, UserId};
use uuid::Uuid;

use super::{AppRow, find, lock};
use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::row::Row;
use crate::sql::Sql;
use crate::tx::Tx;

static SET: Sql = Sql::new("UPDATE apps SET telemetry_days = $2 WHERE id = $1");
static OF: Sql = Sql::new("SELECT telemetry_days FROM apps WHERE id = $1");
static SHORTER: Sql =
    Sql::new("SELECT id, telemetry_days FROM apps WHERE telemetry_days < $1 ORDER BY id");
// An open incident, or one whose trail has still to be copied: the samples of its
// owner stay. Of one that is older than the server keeps telemetry nothing is left.
static AMONG: Sql = Sql::per_dialect(
    "SELECT u.id, a.telemetry_days, CASE WHEN EXISTS (SELECT 1 FROM incidents i
          WHERE i.user_id = u.id AND (i.state IN ('active', 'acknowledged')
            OR i.updated_at >= $3 AND NOT EXISTS
              (SELECT 1 FROM incident_trails t WHERE t.incident_id = i.id)))
        THEN 1 ELSE 0 END
     FROM users u JOIN apps a ON a.id = u.app_id
     WHERE a.telemetry_days < $2 AND u.id IN (SELECT unhex(value) FROM json_each($1))",
    "SELECT u.id, a.telemetry_days, CASE WHEN EXISTS (SELECT 1 FROM incidents i
          WHERE i.user_id = u.id AND (i.state IN ('active', 'acknowledged')
            OR i.updated_at >= $3 AND NOT EXISTS
              (SELECT 1 FROM incident_trails t WHERE t.incident_id = i.id)))
        THEN 1 ELSE 0 END
     FROM users u JOIN apps a ON a.id = u.app_id
     WHERE a.telemetry_days < $2 AND u.id = ANY($1)",
);
static AFTER: Sql = Sql::new(
    "SELECT u.id FROM users u JOIN apps a ON a.id = u.app_id
     WHERE u.id > $1 AND a.telemetry_days < $2 ORDER BY u.id LIMIT $3",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&SET, &OF, &SHORTER, &AMONG, &AFTER];

/// Changes for how long an app's telemetry is kept. Answers the app, `None` when
/// unknown.
#[derive(Debug)]
pub struct SetAppRetention {
    /// The public id.
    pub app_id: AppId,
    /// Days; `None`: as long as the server keeps telemetry.
    pub days: Option<u32>,
}

impl Command for SetAppRetention {
    type Output = Option<AppRow>;

    const NAME: &'static str = "app.set_retention";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Self::Output, StoreError> {
        let Some(id) = lock(tx, &self.app_id).await? else {
            return Ok(None);
        };
        tx.execute_one(&SET, args![id, self.days]).await?;
        find(tx, &self.app_id).await
    }
}

/// Days that an app keeps telemetry; `None`: as long as the server does.
pub async fn telemetry_days(tx: &mut Tx<'_>, app: AppUuid) -> Result<Option<u32>, StoreError> {
    let row = tx.fetch_optional(&OF, args![app]).await?;
    row.map_or(Ok(None), |row| row.get(0))
}

/// The apps that keep telemetry for less than so many days, by id, and for how many.
pub(crate) async fn shorter_than(
    tx: &mut Tx<'_>,
    days: u32,
) -> Result<Vec<(AppUuid, u32)>, StoreError> {
    let rows = tx.fetch_all(&SHORTER, args![days]).await?;
    rows.iter()
        .map(|row| Ok((row.get(0)?, row.get(1)?)))
        .collect()
}

/// What holds for a user whose app keeps telemetry for less time than the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Term {
    pub(crate) user: UserId,
    /// Days that the app keeps telemetry.
    pub(crate) days: u32,
    /// A trail is still to be copied: nothing goes.
    pub(crate) is_spared: bool,
}

/// Which limits the terms have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Days that the server keeps telemetry.
    pub(crate) server_days: u32,
    /// The first moment of which the server keeps it.
    pub(crate) since: mayday_core::time::Timestamp,
}

/// The terms of those among these users whose app keeps telemetry for less time
/// than the server.
pub(crate) async fn terms_of(
    tx: &mut Tx<'_>,
    users: &[UserId],
    limits: Limits,
) -> Result<Vec<Term>, StoreError> {
    let ids: Vec<Uuid> = users.iter().map(|user| user.uuid()).collect();
    let given = args![ids.as_slice(), limits.server_days, limits.since];
    let rows = tx.fetch_all(&AMONG, given).await?;
    rows.iter().map(read).collect()
}

/// Users after `after` in the order of their ids whose app keeps telemetry for less
/// time than the server; at most `limit`.
pub(crate) async fn users_after(
    tx: &mut Tx<'_>,
    after: UserId,
    server_days: u32,
    limit: u32,
) -> Result<Vec<UserId>, StoreError> {
    let rows = tx
        .fetch_all(&AFTER, args![after, server_days, limit])
        .await?;
    rows.iter().map(|row| row.get(0)).collect()
}

fn read(row: &Row) -> Result<Term, StoreError> {
    Ok(Term {
        user: row.get(0)?,
        days: row.get(1)?,
        is_spared: row.get::<i64>(2)? != 0,
    })
}
