//! Adds a release: begin, a command for each piece, finish.

use mayday_core::firmware::model_key;
use mayday_core::identity::AppId;
use mayday_core::ids::RecordId;

use super::{CHUNK_BYTES, FirmwareRow, FirmwareState, MAX_RELEASES, get};
use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::sql::Sql;
use crate::tx::Tx;

static COUNT: Sql = Sql::new("SELECT count(*) FROM firmware_releases WHERE app_id = $1");
static SAME: Sql = Sql::new(
    "SELECT id, state FROM firmware_releases
     WHERE app_id = $1 AND model_key = $2 AND version = $3",
);
static INSERT: Sql = Sql::new(
    "INSERT INTO firmware_releases (id, app_id, hardware_model, model_key, version, notes,
        size_bytes, sha256, state, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, '', 'incomplete', $8, $8)",
);
static TOUCH: Sql = Sql::new(
    "UPDATE firmware_releases SET updated_at = $2
     WHERE id = $1 AND state = 'incomplete' AND sha256 = ''",
);
static PUT_CHUNK: Sql = Sql::new(
    "INSERT INTO firmware_chunks (release_id, ordinal, bytes) VALUES ($1, $2, $3)
     ON CONFLICT (release_id, ordinal) DO UPDATE SET bytes = excluded.bytes",
);
static HELD: Sql = Sql::new("SELECT count(*) FROM firmware_chunks WHERE release_id = $1");
static FINISH: Sql = Sql::new(
    "UPDATE firmware_releases SET sha256 = $2, state = $3, updated_at = $4
     WHERE id = $1 AND state = 'incomplete' AND sha256 = ''",
);

pub(crate) const STATEMENTS: &[&Sql] =
    &[&COUNT, &SAME, &INSERT, &TOUCH, &PUT_CHUNK, &HELD, &FINISH];

/// Begins a release, whose bytes follow.
#[derive(Clone, Debug)]
pub struct BeginFirmware {
    /// The new id.
    pub id: RecordId,
    /// The app's public id.
    pub app_id: AppId,
    /// The model as given.
    pub hardware_model: String,
    /// The version as given.
    pub version: String,
    /// What is new; empty for nothing.
    pub notes: String,
    /// How many bytes follow; at least one.
    pub size_bytes: i64,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirmwareBegun {
    /// Its pieces may come.
    Begun,
    /// The app has this version for this model.
    Exists,
    /// One of this version for this model was never finished, or is being
    /// removed: remove that first.
    Unfinished(RecordId),
    /// The app has [`MAX_RELEASES`].
    TooMany,
    /// There is no such app.
    UnknownApp,
}

impl Command for BeginFirmware {
    type Output = FirmwareBegun;

    const NAME: &'static str = "firmware.begin";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<FirmwareBegun, StoreError> {
        let Some(app) = crate::apps::lock(tx, &self.app_id).await? else {
            return Ok(FirmwareBegun::UnknownApp);
        };
        let key = model_key(&self.hardware_model);
        let same = tx
            .fetch_optional(&SAME, args![app, &key, &self.version])
            .await?;
        if let Some(row) = same {
            let id: RecordId = row.get(0)?;
            let complete = row.get::<String>(1)? != FirmwareState::Incomplete.as_str();
            return Ok(match (id == self.id, complete) {
                (true, _) => FirmwareBegun::Begun,
                (false, true) => FirmwareBegun::Exists,
                (false, false) => FirmwareBegun::Unfinished(id),
            });
        }
        let count: i64 = tx.fetch_one(&COUNT, args![app]).await?.get(0)?;
        if count >= i64::from(MAX_RELEASES) {
            return Ok(FirmwareBegun::TooMany);
        }
        let now = tx.now();
        let values = args![
            self.id,
            app,
            &self.hardware_model,
            &key,
            &self.version,
            &self.notes,
            self.size_bytes,
            now,
        ];
        tx.execute_one(&INSERT, values).await?;
        Ok(FirmwareBegun::Begun)
    }
}

/// Stores a piece of an incomplete release. Answers whether it was expected: of
/// the length that its place asks for.
#[derive(Clone, Debug)]
pub struct PutFirmwareChunk {
    /// Which release.
    pub release: RecordId,
    /// The piece's place, from 0.
    pub ordinal: u32,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl Command for PutFirmwareChunk {
    type Output = bool;

    const NAME: &'static str = "firmware.put_chunk";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        let now = tx.now();
        if tx.execute(&TOUCH, args![self.release, now]).await? == 0 {
            return Ok(false);
        }
        let release = get(tx, self.release).await?;
        let expected = release.map(|row| length_at(row.size_bytes, self.ordinal));
        if expected != Some(self.bytes.len()) || self.bytes.is_empty() {
            return Ok(false);
        }
        let values = args![self.release, self.ordinal, &self.bytes];
        tx.execute_one(&PUT_CHUNK, values).await?;
        Ok(true)
    }
}

/// How many bytes a piece of an artifact has; 0 beyond its end.
fn length_at(size_bytes: i64, ordinal: u32) -> usize {
    let size = usize::try_from(size_bytes).unwrap_or(0);
    let start = usize::try_from(ordinal)
        .unwrap_or(usize::MAX)
        .saturating_mul(CHUNK_BYTES);
    size.saturating_sub(start).min(CHUNK_BYTES)
}

/// Finishes a release whose pieces are all there. Answers it; `None` when some
/// are missing or it is not incomplete.
#[derive(Clone, Debug)]
pub struct FinishFirmware {
    /// Which release.
    pub release: RecordId,
    /// The SHA-256 of its bytes, in lower-case hex.
    pub sha256: String,
    /// Whether it is offered at once.
    pub publish: bool,
}

impl Command for FinishFirmware {
    type Output = Option<FirmwareRow>;

    const NAME: &'static str = "firmware.finish";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Self::Output, StoreError> {
        let Some(row) = get(tx, self.release).await? else {
            return Ok(None);
        };
        let held: i64 = tx.fetch_one(&HELD, args![self.release]).await?.get(0)?;
        let pieces =
            i64::try_from(CHUNK_BYTES).map_or(0, |piece| (row.size_bytes + piece - 1) / piece);
        if held != pieces {
            return Ok(None);
        }
        let state = if self.publish {
            FirmwareState::Published
        } else {
            FirmwareState::Draft
        };
        let now = tx.now();
        let values = args![self.release, &self.sha256, state.as_str(), now];
        tx.execute(&FINISH, values).await?;
        let found = get(tx, self.release).await?;
        Ok(found.filter(|row| row.state == state && row.sha256 == self.sha256))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_piece_is_shorter() {
        let chunk = i64::try_from(CHUNK_BYTES).unwrap();
        assert_eq!(length_at(1, 0), 1);
        assert_eq!(length_at(chunk, 0), CHUNK_BYTES);
        assert_eq!(length_at(chunk, 1), 0);
        assert_eq!(length_at(2 * chunk + 5, 2), 5);
        assert_eq!(length_at(2 * chunk + 5, u32::MAX), 0);
    }
}
