//! Deletes what apps keep for less time than the server, from the tables: users in
//! the order of their ids, a few at a time.

use mayday_core::ids::UserId;
use mayday_core::time::Timestamp;
use tokio::sync::Mutex;
use uuid::Uuid;

use super::PostgresTables;
use crate::telemetry::TelemetryError;
use crate::telemetry::expire::{Expired, Rules, WALK_EVERY};

/// Users that one step looks at.
const STEP_USERS: u32 = 200;
/// Rows that one step deletes, so that no statement runs for long.
const STEP_ROWS: i64 = 10_000;

/// Both sides name the last moment, so that only days before it are looked at.
pub(super) const EXPIRE: &str = "DELETE FROM telemetry
WHERE measured_at < $3 AND (user_id, measured_at, device, event_id) IN
  (SELECT t.user_id, t.measured_at, t.device, t.event_id
   FROM UNNEST($1::uuid[], $2::bigint[]) AS old (user_id, before)
   JOIN telemetry t ON t.user_id = old.user_id AND t.measured_at < old.before
     AND t.received_at < old.before
   WHERE t.measured_at < $3 LIMIT $4)";

/// How far the walk over the users is.
#[derive(Default)]
pub(super) struct Walk {
    place: Mutex<Place>,
}

struct Place {
    after: UserId,
    resting_until: Option<Timestamp>,
}

impl Default for Place {
    fn default() -> Self {
        Self {
            after: UserId(Uuid::nil()),
            resting_until: None,
        }
    }
}

impl PostgresTables {
    /// See [`crate::telemetry::Telemetry::expire`].
    pub(in crate::telemetry) async fn expire(
        &self,
        rules: &Rules<'_>,
    ) -> Result<Expired, TelemetryError> {
        let mut place = self.walk.place.lock().await;
        if place.resting_until.is_some_and(|until| rules.now < until) {
            return Ok(Expired::NOTHING);
        }
        let users = rules.users_after(place.after, STEP_USERS).await?;
        let Some(last) = users.last() else {
            *place = Place {
                resting_until: Some(rules.now.plus(WALK_EVERY)),
                ..Place::default()
            };
            return Ok(Expired::NOTHING);
        };
        let terms = rules.terms_of(&users).await?;
        let (mut ids, mut befores) = (Vec::new(), Vec::new());
        for term in terms.values().filter(|term| !term.is_spared) {
            ids.push(term.user.uuid());
            befores.push(rules.first_moment(term.days).as_micros());
        }
        let rows = self.expire_of(&ids, &befores).await?;
        if rows < u64::try_from(STEP_ROWS).unwrap_or(0) {
            place.after = *last;
        }
        Ok(Expired { rows, more: true })
    }

    async fn expire_of(&self, ids: &[Uuid], befores: &[i64]) -> Result<u64, TelemetryError> {
        let Some(last_moment) = befores.iter().max() else {
            return Ok(0);
        };
        let deleted = sqlx::query(EXPIRE)
            .bind(ids)
            .bind(befores)
            .bind(last_moment)
            .bind(STEP_ROWS)
            .execute(&self.pool)
            .await;
        let deleted = deleted.map_err(|error| TelemetryError::write(&error))?;
        Ok(deleted.rows_affected())
    }
}
