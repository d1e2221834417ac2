//! Makes users at their first contact and notes later ones.

use std::time::Duration;

use mayday_core::identity::ExternalUserId;
use mayday_core::ids::{AppUuid, UserId};

use super::{UserRow, find, read};
use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::sql::Sql;
use crate::tx::Tx;

/// How precisely it is kept when a user was seen, so that a request costs no
/// write.
pub const SEEN_EVERY: Duration = Duration::from_mins(15);

static UPSERT: Sql = Sql::new(
    "INSERT INTO users (id, app_id, external_id, created_at, updated_at, last_seen_at)
     VALUES ($1, $2, $3, $4, $4, $4)
     ON CONFLICT (app_id, external_id) DO UPDATE SET last_seen_at =
        CASE WHEN users.last_seen_at < excluded.last_seen_at
             THEN excluded.last_seen_at ELSE users.last_seen_at END
     RETURNING id, app_id, external_id, name, email, phone, address, blocked_at, created_at,
        updated_at, last_seen_at, mqtt_seen_at, vouched_email, vouched_at",
);
// $3 is so long ago that it is worth a write.
static TOUCH: Sql =
    Sql::new("UPDATE users SET last_seen_at = $2 WHERE id = $1 AND last_seen_at <= $3");
static TOUCH_MQTT: Sql = Sql::new(
    "UPDATE users SET last_seen_at = $2, mqtt_seen_at = $2
     WHERE id = $1 AND (mqtt_seen_at IS NULL OR mqtt_seen_at <= $3)",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&UPSERT, &TOUCH, &TOUCH_MQTT];

/// Makes the user, or notes that they were seen, and answers the row.
#[derive(Clone, Debug)]
pub struct UpsertUser {
    /// The id to take when the user is new.
    pub id: UserId,
    /// The app.
    pub app: AppUuid,
    /// The partner's id of the user.
    pub external_id: ExternalUserId,
}

impl Command for UpsertUser {
    type Output = UserRow;

    const NAME: &'static str = "user.upsert";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<UserRow, StoreError> {
        // Not made anew under a name that the user had before.
        if let Some(known) = find(tx, self.app, &self.external_id).await?
            && known.external_id != self.external_id
        {
            return Ok(known);
        }
        let now = tx.now();
        let values = args![self.id, self.app, &self.external_id, now];
        read(&tx.fetch_one(&UPSERT, values).await?)
    }
}

/// Notes that a user was seen.
#[derive(Clone, Copy, Debug)]
pub struct TouchUser {
    /// The user.
    pub user: UserId,
    /// Whether over MQTT.
    pub mqtt: bool,
}

impl Command for TouchUser {
    type Output = ();

    const NAME: &'static str = "user.touch";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let statement = if self.mqtt { &TOUCH_MQTT } else { &TOUCH };
        let now = tx.now();
        let stale = now.minus(SEEN_EVERY);
        tx.execute(statement, args![self.user, now, stale]).await?;
        Ok(())
    }
}
