//! Replaces an endpoint's signing secret; for a while both sign.

use std::time::Duration;

use mayday_core::identity::AppId;
use mayday_core::ids::{EndpointId, SecretId};
use mayday_core::time::Timestamp;

use super::add::{NewSecret, insert_secret};
use super::find;
use crate::apps;
use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::sql::Sql;
use crate::tx::Tx;

static LIVE: Sql = Sql::new(
    "SELECT id, expires_at FROM webhook_secrets WHERE endpoint_id = $1
        AND (expires_at IS NULL OR expires_at > $2) ORDER BY created_at, id",
);
// What signs no more is wiped, not kept.
static FORGET_EXPIRED: Sql =
    Sql::new("DELETE FROM webhook_secrets WHERE endpoint_id = $1 AND expires_at <= $2");
// One that signs no more stays so, wiped or not.
static EXPIRE: Sql = Sql::new(
    "UPDATE webhook_secrets SET expires_at = $2 WHERE endpoint_id = $1 AND id <> $3
        AND (expires_at IS NULL OR expires_at > $4)",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&LIVE, &FORGET_EXPIRED, &EXPIRE];

/// Adds a secret; those before sign for `overlap` more.
#[derive(Clone, Debug)]
pub struct RotateSecret {
    /// The app's public id.
    pub app_id: AppId,
    /// Which endpoint.
    pub endpoint: EndpointId,
    /// The new secret.
    pub secret: NewSecret,
    /// How long the old one signs too; nothing wipes every old one at once.
    pub overlap: Duration,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// The new secret signs; until then the old one does too.
    Rotated {
        /// When the old one ends; `None` when it has.
        old_until: Option<Timestamp>,
    },
    /// Two secrets sign already.
    UnderWay {
        /// Until when.
        until: Timestamp,
    },
    /// The app has no such endpoint, or it takes no signature.
    Unknown,
}

impl Command for RotateSecret {
    type Output = Rotation;
    const NAME: &'static str = "webhook.secret.rotate";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Rotation, StoreError> {
        let Some(app) = apps::lock(tx, &self.app_id).await? else {
            return Ok(Rotation::Unknown);
        };
        if find(tx, app, self.endpoint).await?.is_none() {
            return Ok(Rotation::Unknown);
        }
        let now = tx.now();
        let rows = tx.fetch_all(&LIVE, args![self.endpoint, now]).await?;
        let mut live = Vec::new();
        for row in &rows {
            live.push((row.get::<SecretId>(0)?, row.get::<Option<Timestamp>>(1)?));
        }
        let until = live.iter().find_map(|(_, until)| *until);
        if live.iter().any(|(id, _)| *id == self.secret.id) {
            return Ok(Rotation::Rotated { old_until: until });
        }
        if live.is_empty() {
            return Ok(Rotation::Unknown);
        }
        if let Some(until) = until.filter(|_| !self.overlap.is_zero()) {
            return Ok(Rotation::UnderWay { until });
        }
        insert_secret(tx, self.endpoint, &self.secret).await?;
        let old_until = now.plus(self.overlap);
        let values = args![self.endpoint, old_until, self.secret.id, now];
        tx.execute(&EXPIRE, values).await?;
        tx.execute(&FORGET_EXPIRED, args![self.endpoint, now])
            .await?;
        Ok(Rotation::Rotated {
            old_until: (!self.overlap.is_zero()).then_some(old_until),
        })
    }
}
