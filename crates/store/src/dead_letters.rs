//! Telemetry bodies that could not become samples, kept for operators with
//! the reason (contract: MQTT, malformed telemetry; Telemetry, unknown device).

use bytes::Bytes;
use mayday_core::field::FieldError;
use mayday_core::ids::{AppUuid, RecordId, UserId};
use mayday_core::telemetry::Malformed;
use mayday_core::time::Timestamp;
use mayday_core::transport::Transport;

use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::row::Row;
use crate::sql::Sql;
use crate::tx::Tx;

/// Letters kept per app: the newest ones.
pub const KEPT_PER_APP: i64 = 10_000;
/// Letters that one pruning command deletes at most: an SOS may wait behind it.
const PRUNE_ROWS: i64 = 256;
/// Bytes of a body that are kept.
pub const KEPT_BYTES: usize = 64 * 1024;
/// Faulty fields that are kept: the first ones.
pub const KEPT_FIELDS: usize = Malformed::MAX_FIELDS;

static INSERT: Sql = Sql::new(
    "INSERT INTO dead_letters (id, app_id, user_id, transport, reason, fields, raw, raw_bytes, \
     received_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO NOTHING",
);
static TRIM: Sql = Sql::new(
    "DELETE FROM dead_letters WHERE app_id = $1 AND id <= (\
       SELECT id FROM dead_letters WHERE app_id = $1 ORDER BY id DESC LIMIT 1 OFFSET $2)",
);
static PRUNE: Sql = Sql::new(
    "DELETE FROM dead_letters WHERE id IN (\
       SELECT id FROM dead_letters WHERE received_at < $1 LIMIT $2)",
);
static PAGE: Sql = Sql::new(
    "SELECT id, app_id, user_id, transport, reason, fields, raw, raw_bytes, received_at \
     FROM dead_letters WHERE app_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&INSERT, &TRIM, &PRUNE, &PAGE];

/// Why a body became a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeadReason {
    /// It is no telemetry.
    Malformed,
    /// It speaks for a device that the app does not know.
    UnknownDevice,
}

impl DeadReason {
    /// The word in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::UnknownDevice => "unknown_device",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [Self::Malformed, Self::UnknownDevice]
            .into_iter()
            .find(|reason| reason.as_str() == word)
    }
}

/// A dead letter.
#[derive(Clone, Debug, PartialEq)]
pub struct DeadLetter {
    /// Its id, ordered by time.
    pub id: RecordId,
    /// The app of the sender.
    pub app: AppUuid,
    /// The sender.
    pub user: UserId,
    /// Which way it came.
    pub transport: Transport,
    /// Why it is here.
    pub reason: DeadReason,
    /// What was wrong with which field, its first [`KEPT_FIELDS`].
    pub fields: Vec<FieldError>,
    /// The body, its first [`KEPT_BYTES`].
    pub raw: Bytes,
    /// How long the whole body was.
    pub raw_bytes: i64,
    /// When it came.
    pub received_at: Timestamp,
}

/// Keeps a dead letter; now and then lets the app's oldest ones go.
#[derive(Clone, Debug)]
pub struct KeepDeadLetter {
    /// The letter; its id makes a second run do nothing.
    pub letter: DeadLetter,
    /// How many of the app's letters to keep; `None`: not counted this time.
    pub trim_to: Option<i64>,
}

impl Command for KeepDeadLetter {
    type Output = ();
    const NAME: &'static str = "dead_letters.keep";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let letter = &self.letter;
        let fields = letter.fields.get(..KEPT_FIELDS).unwrap_or(&letter.fields);
        let fields = serde_json::to_string(fields).unwrap_or_default();
        let raw = letter.raw.get(..KEPT_BYTES).unwrap_or(&letter.raw);
        let values = args![
            letter.id,
            letter.app,
            letter.user,
            letter.transport.as_str(),
            letter.reason.as_str(),
            fields.as_str(),
            raw,
            letter.raw_bytes,
            letter.received_at,
        ];
        tx.execute(&INSERT, values).await?;
        if let Some(kept) = self.trim_to {
            tx.execute(&TRIM, args![letter.app, kept]).await?;
        }
        Ok(())
    }
}

/// Deletes some of the letters that came before a time. Output: how many; run it
/// again until none is left.
#[derive(Clone, Copy, Debug)]
pub struct PruneDeadLetters {
    /// The time.
    pub before: Timestamp,
}

impl Command for PruneDeadLetters {
    type Output = u64;
    const NAME: &'static str = "dead_letters.prune";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64, StoreError> {
        tx.execute(&PRUNE, args![self.before, PRUNE_ROWS]).await
    }
}

/// The letters of an app, newest first: those older than `before`, or the newest.
pub async fn page(
    tx: &mut Tx<'_>,
    app: AppUuid,
    before: Option<RecordId>,
    limit: u32,
) -> Result<Vec<DeadLetter>, StoreError> {
    let before = before.unwrap_or(RecordId(uuid::Uuid::max()));
    let rows = tx.fetch_all(&PAGE, args![app, before, limit]).await?;
    rows.iter().map(letter_of).collect()
}

fn letter_of(row: &Row) -> Result<DeadLetter, StoreError> {
    let (transport, reason): (String, String) = (row.get(3)?, row.get(4)?);
    let fields: String = row.get(5)?;
    let mut fields: Vec<FieldError> =
        serde_json::from_str(&fields).map_err(|error| StoreError::column(5, error.to_string()))?;
    // Those of earlier versions may be more.
    fields.truncate(KEPT_FIELDS);
    Ok(DeadLetter {
        id: row.get(0)?,
        app: row.get(1)?,
        user: row.get(2)?,
        transport: Transport::parse(&transport)
            .ok_or_else(|| StoreError::column(3, format!("{transport:?} is no transport")))?,
        reason: DeadReason::parse(&reason)
            .ok_or_else(|| StoreError::column(4, format!("{reason:?} is no reason")))?,
        fields,
        raw: row.get::<Vec<u8>>(6)?.into(),
        raw_bytes: row.get(7)?,
        received_at: row.get(8)?,
    })
}

#[cfg(test)]
mod tests {
    use mayday_core::clock::Clock as _;

    use super::*;
    use crate::command::Lane;
    use crate::on_both;

    on_both!(
        a_letter_keeps_the_first_of_many_fields,
        |store| async move {
            let app = store.app("shop").await;
            let field = |n: usize| FieldError::new(format!("/{n}"), format!("{n} must be text"));
            for (count, kept) in [(1, 1), (KEPT_FIELDS, 32), (29_000, 32)] {
                let letter = DeadLetter {
                    id: RecordId::generate(store.clock.as_ref(), store.entropy.as_ref()),
                    app: app.id,
                    user: store.user(&app, "ana").await,
                    transport: Transport::Http,
                    reason: DeadReason::Malformed,
                    fields: (0..count).map(field).collect(),
                    raw: Bytes::from_static(b"{}"),
                    raw_bytes: 2,
                    received_at: store.clock.now(),
                };
                let keep = KeepDeadLetter {
                    letter: letter.clone(),
                    trim_to: None,
                };
                store.write(Lane::Rest, keep).await.unwrap();
                let mut tx = store.read().await.unwrap();
                let newest = page(&mut tx, app.id, None, 1).await.unwrap();
                let fields = (0..kept).map(field).collect();
                assert_eq!(newest, [DeadLetter { fields, ..letter }]);
                drop(tx);
                store.clock.advance(std::time::Duration::from_secs(1));
            }
        }
    );
}
