//! Firmware releases of apps with their bytes, in the same database as all
//! else: one back-up holds them and every server of a cluster reaches them.
//!
//! A release is begun, its pieces are written one command each, and it is
//! finished; until then, and from the moment it is being removed, it is
//! *incomplete* and nobody is offered it. What is left incomplete goes after a
//! time.

pub(crate) mod add;
pub(crate) mod remove;
mod state;

use mayday_core::identity::AppId;
use mayday_core::ids::{AppUuid, RecordId};
use mayday_core::time::Timestamp;

pub use add::{BeginFirmware, FinishFirmware, FirmwareBegun, PutFirmwareChunk};
pub use remove::{AbandonFirmware, RemoveFirmwareChunks, incomplete_since};
pub use state::FirmwareState;

use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::row::Row;
use crate::sql::Sql;
use crate::tx::Tx;

/// Bytes of a piece; only the last one may be shorter.
pub const CHUNK_BYTES: usize = 256 * 1_024;

/// The most releases of an app, incomplete ones included.
pub const MAX_RELEASES: u32 = 200;

static GET: Sql = Sql::new(
    "SELECT id, app_id, hardware_model, version, notes, size_bytes, sha256, state, created_at,
        updated_at
     FROM firmware_releases WHERE id = $1",
);
static OF_APP: Sql = Sql::new(
    "SELECT id, app_id, hardware_model, version, notes, size_bytes, sha256, state, created_at,
        updated_at
     FROM firmware_releases WHERE app_id = $1 ORDER BY model_key, created_at, id LIMIT $2",
);
static PUBLISHED: Sql = Sql::new(
    "SELECT id, app_id, hardware_model, version, notes, size_bytes, sha256, state, created_at,
        updated_at
     FROM firmware_releases WHERE app_id = $1 AND model_key = $2 AND state = 'published'
     ORDER BY updated_at, id LIMIT $3",
);
static CHUNK: Sql =
    Sql::new("SELECT bytes FROM firmware_chunks WHERE release_id = $1 AND ordinal = $2");
static SET_STATE: Sql = Sql::new(
    "UPDATE firmware_releases SET state = $3, updated_at = $4
     WHERE id = $1 AND state <> $3 AND state <> 'incomplete'
        AND app_id = (SELECT id FROM apps WHERE app_id = $2)",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&GET, &OF_APP, &PUBLISHED, &CHUNK, &SET_STATE];

/// A release as stored, without its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirmwareRow {
    /// Its id.
    pub id: RecordId,
    /// Whose it is.
    pub app: AppUuid,
    /// The model as given.
    pub hardware_model: String,
    /// The version as given.
    pub version: String,
    /// What is new; empty when nothing was said.
    pub notes: String,
    /// Its size in bytes.
    pub size_bytes: i64,
    /// Lower-case hex; empty while incomplete.
    pub sha256: String,
    /// Whether devices are offered it.
    pub state: FirmwareState,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When its state changed.
    pub updated_at: Timestamp,
}

/// The release of this id.
pub async fn get(tx: &mut Tx<'_>, id: RecordId) -> Result<Option<FirmwareRow>, StoreError> {
    let row = tx.fetch_optional(&GET, args![id]).await?;
    row.as_ref().map(read).transpose()
}

/// All releases of an app, by model and age.
pub async fn of_app(tx: &mut Tx<'_>, app: AppUuid) -> Result<Vec<FirmwareRow>, StoreError> {
    let rows = tx.fetch_all(&OF_APP, args![app, MAX_RELEASES]).await?;
    rows.iter().map(read).collect()
}

/// What an app offers the devices of a model, the one published last at the end.
pub async fn published(
    tx: &mut Tx<'_>,
    app: AppUuid,
    model_key: &str,
) -> Result<Vec<FirmwareRow>, StoreError> {
    let rows = tx
        .fetch_all(&PUBLISHED, args![app, model_key, MAX_RELEASES])
        .await?;
    rows.iter().map(read).collect()
}

/// A piece of a release's bytes, counted from 0; `None` when there is none.
pub async fn chunk(
    tx: &mut Tx<'_>,
    release: RecordId,
    ordinal: u32,
) -> Result<Option<Vec<u8>>, StoreError> {
    let row = tx.fetch_optional(&CHUNK, args![release, ordinal]).await?;
    row.map(|row| row.get(0)).transpose()
}

/// Publishes or withdraws a complete release. Answers it, `None` when the app
/// has none of this id that is complete.
#[derive(Clone, Debug)]
pub struct SetFirmwareState {
    /// The app's public id.
    pub app_id: AppId,
    /// Which.
    pub release: RecordId,
    /// Published or withdrawn.
    pub state: FirmwareState,
}

impl Command for SetFirmwareState {
    type Output = Option<FirmwareRow>;

    const NAME: &'static str = "firmware.set_state";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Self::Output, StoreError> {
        let Some(app) = crate::apps::lock(tx, &self.app_id).await? else {
            return Ok(None);
        };
        let now = tx.now();
        let state = self.state.as_str();
        tx.execute(&SET_STATE, args![self.release, &self.app_id, state, now])
            .await?;
        let found = get(tx, self.release).await?;
        Ok(found.filter(|row| row.app == app && row.state == self.state))
    }
}

fn read(row: &Row) -> Result<FirmwareRow, StoreError> {
    let word: String = row.get(7)?;
    Ok(FirmwareRow {
        id: row.get(0)?,
        app: row.get(1)?,
        hardware_model: row.get(2)?,
        version: row.get(3)?,
        notes: row.get(4)?,
        size_bytes: row.get(5)?,
        sha256: row.get(6)?,
        state: FirmwareState::parse(&word)
            .ok_or_else(|| StoreError::column(7, format!("{word} is no state of a release")))?,
        created_at: row.get(8)?,
        updated_at: row.get(9)?,
    })
}

#[cfg(test)]
mod tests;
