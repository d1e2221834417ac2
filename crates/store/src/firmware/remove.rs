//! Removes releases, a few pieces a command, so that nobody waits for the
//! writer while megabytes go.

use mayday_core::identity::AppId;
use mayday_core::ids::RecordId;
use mayday_core::time::Timestamp;

use super::get;
use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::sql::Sql;
use crate::tx::Tx;

/// Pieces that one command deletes: 1 MiB.
const CHUNKS_A_COMMAND: u32 = 4;

/// Stands for the SHA-256 of a release that is being removed: its pieces are
/// taken no more.
const ABANDONED: &str = "removed";

/// Incomplete releases that are looked up at a time.
const BATCH: u32 = 20;

static ABANDON: Sql = Sql::new(
    "UPDATE firmware_releases SET state = 'incomplete', sha256 = 'removed', updated_at = $2
     WHERE id = $1",
);
static DELETE_CHUNKS: Sql = Sql::new(
    "DELETE FROM firmware_chunks WHERE release_id = $1 AND ordinal IN
        (SELECT ordinal FROM firmware_chunks WHERE release_id = $1 ORDER BY ordinal DESC LIMIT $2)",
);
static DELETE: Sql = Sql::new(
    "DELETE FROM firmware_releases WHERE id = $1 AND state = 'incomplete' AND sha256 = 'removed'",
);
static INCOMPLETE: Sql = Sql::new(
    "SELECT r.id, a.app_id FROM firmware_releases r JOIN apps a ON a.id = r.app_id
     WHERE r.state = 'incomplete' AND r.updated_at < $1 ORDER BY r.updated_at LIMIT $2",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&ABANDON, &DELETE_CHUNKS, &DELETE, &INCOMPLETE];

/// Takes a release back from everybody, for good. Its bytes go with
/// [`RemoveFirmwareChunks`]. Answers whether the app has it.
#[derive(Clone, Debug)]
pub struct AbandonFirmware {
    /// The app's public id.
    pub app_id: AppId,
    /// Which.
    pub release: RecordId,
}

impl Command for AbandonFirmware {
    type Output = bool;

    const NAME: &'static str = "firmware.abandon";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        let app = crate::apps::lock(tx, &self.app_id).await?;
        let found = get(tx, self.release).await?;
        if app.is_none() || found.map(|row| row.app) != app {
            return Ok(false);
        }
        let now = tx.now();
        tx.execute_one(&ABANDON, args![self.release, now]).await?;
        Ok(true)
    }
}

/// Deletes some pieces of an abandoned release, at last the release itself.
/// Answers whether there is more to do.
#[derive(Clone, Copy, Debug)]
pub struct RemoveFirmwareChunks {
    /// Which.
    pub release: RecordId,
}

impl Command for RemoveFirmwareChunks {
    type Output = bool;

    const NAME: &'static str = "firmware.remove_chunks";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        let abandoned = get(tx, self.release).await?;
        if abandoned.is_none_or(|row| row.sha256 != ABANDONED) {
            return Ok(false);
        }
        let values = args![self.release, CHUNKS_A_COMMAND];
        if tx.execute(&DELETE_CHUNKS, values).await? > 0 {
            return Ok(true);
        }
        tx.execute_one(&DELETE, args![self.release]).await?;
        Ok(false)
    }
}

/// Some releases that are incomplete and were not touched since, the longest
/// first, each with its app.
pub async fn incomplete_since(
    tx: &mut Tx<'_>,
    since: Timestamp,
) -> Result<Vec<(RecordId, AppId)>, StoreError> {
    let rows = tx.fetch_all(&INCOMPLETE, args![since, BATCH]).await?;
    rows.iter()
        .map(|row| {
            let app = AppId::parse(&row.get::<String>(1)?)
                .map_err(|error| StoreError::column(1, error.to_string()))?;
            Ok((row.get(0)?, app))
        })
        .collect()
}
