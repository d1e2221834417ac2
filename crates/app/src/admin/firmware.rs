//! Firmware releases: add (begin, pieces, finish), list, publish, withdraw,
//! remove.

use std::fmt;

use mayday_core::firmware::{ARTIFACT_MAX_BYTES, Version, check_name, check_notes};
use mayday_core::hex;
use mayday_core::ids::RecordId;
use mayday_core::time::Timestamp;
use mayday_store::Lane;
use mayday_store::firmware::{
    self, BeginFirmware, CHUNK_BYTES, FinishFirmware, FirmwareBegun, FirmwareRow, FirmwareState,
    MAX_RELEASES, PutFirmwareChunk, SetFirmwareState,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::secrets::known_app;
use super::{AdminError, AdminReply, app_id, unknown_app};
use crate::App;

/// About firmware releases.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum FirmwareRequest {
    /// Begins a release: [`AdminReply::FirmwareBegun`]. Its pieces follow.
    Begin {
        /// The app's public id.
        app_id: String,
        /// The model, as devices name it.
        hardware_model: String,
        /// The version, which must begin with a number.
        version: String,
        /// What is new.
        notes: Option<String>,
        /// How many bytes follow.
        size_bytes: u64,
    },
    /// A piece of it: [`AdminReply::Done`].
    Piece {
        /// The release.
        release_id: RecordId,
        /// The piece's place, from 0.
        ordinal: u32,
        /// Its bytes.
        bytes: HexBytes,
    },
    /// The last piece was sent: [`AdminReply::Firmware`].
    Finish {
        /// The app's public id.
        app_id: String,
        /// The release.
        release_id: RecordId,
        /// What the SHA-256 must be, in hex.
        sha256: Option<String>,
        /// Whether devices are offered it at once.
        publish: bool,
    },
    /// All releases of an app: [`AdminReply::Firmwares`].
    List {
        /// The app's public id.
        app_id: String,
    },
    /// Offers a release to devices, or no more: [`AdminReply::Firmware`].
    SetPublished {
        /// The app's public id.
        app_id: String,
        /// The release.
        release_id: String,
        /// Whether it is offered.
        published: bool,
    },
    /// Removes a release and its bytes: [`AdminReply::Removed`].
    Remove {
        /// The app's public id.
        app_id: String,
        /// The release.
        release_id: String,
    },
}

/// Bytes that travel as hexadecimal digits.
#[derive(Clone, PartialEq, Eq)]
pub struct HexBytes(pub Vec<u8>);

impl fmt::Debug for HexBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HexBytes({} bytes)", self.0.len())
    }
}

impl Serialize for HexBytes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for HexBytes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = hex::decode(&text).map(Self);
        bytes.ok_or_else(|| serde::de::Error::custom("no hexadecimal digits"))
    }
}

/// A firmware release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirmwareView {
    /// Its id.
    pub release_id: RecordId,
    /// The model as given.
    pub hardware_model: String,
    /// The version as given.
    pub version: String,
    /// `incomplete`, `draft`, `published` or `withdrawn`.
    pub state: String,
    /// Its size.
    pub size_bytes: i64,
    /// Lower-case hex; empty while incomplete.
    pub sha256: String,
    /// What is new.
    pub notes: String,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When its state changed.
    pub updated_at: Timestamp,
}

impl App {
    pub(super) async fn administer_firmware(
        &self,
        request: FirmwareRequest,
    ) -> Result<AdminReply, AdminError> {
        match request {
            FirmwareRequest::Begin {
                app_id,
                hardware_model,
                version,
                notes,
                size_bytes,
            } => {
                let begin = checked(&hardware_model, &version, notes, size_bytes)?;
                self.begin_firmware(&app_id, begin).await
            }
            FirmwareRequest::Piece {
                release_id,
                ordinal,
                bytes,
            } => self.put_firmware_piece(release_id, ordinal, bytes.0).await,
            FirmwareRequest::Finish {
                app_id,
                release_id,
                sha256,
                publish,
            } => {
                self.finish_firmware(&app_id, release_id, sha256, publish)
                    .await
            }
            FirmwareRequest::List { app_id } => self.list_firmware(&app_id).await,
            FirmwareRequest::SetPublished {
                app_id,
                release_id,
                published,
            } => {
                self.set_firmware_published(&app_id, &release_id, published)
                    .await
            }
            FirmwareRequest::Remove { app_id, release_id } => {
                self.administer_firmware_removal(&app_id, &release_id).await
            }
        }
    }

    async fn begin_firmware(&self, id: &str, new: Checked) -> Result<AdminReply, AdminError> {
        let app_id = app_id(id)?;
        let attempt = |release| BeginFirmware {
            id: release,
            app_id: app_id.clone(),
            hardware_model: new.hardware_model.clone(),
            version: new.version.clone(),
            notes: new.notes.clone(),
            size_bytes: new.size_bytes,
        };
        let fresh = || RecordId::generate(self.clock.as_ref(), self.entropy.as_ref());
        let mut command = attempt(fresh());
        let mut begun = self.store.write(Lane::Rest, command.clone()).await?;
        if let FirmwareBegun::Unfinished(left) = begun {
            // What an earlier attempt left behind makes room.
            self.remove_firmware(app_id.clone(), left).await?;
            command = attempt(fresh());
            begun = self.store.write(Lane::Rest, command.clone()).await?;
        }
        match begun {
            FirmwareBegun::Begun => Ok(AdminReply::FirmwareBegun {
                release_id: command.id,
                piece_bytes: CHUNK_BYTES,
            }),
            FirmwareBegun::UnknownApp => Err(unknown_app(&app_id)),
            FirmwareBegun::TooMany => Err(AdminError::Conflict {
                message: format!(
                    "the app {app_id} has {MAX_RELEASES} releases, the most it may have: remove one"
                ),
            }),
            FirmwareBegun::Exists | FirmwareBegun::Unfinished(_) => Err(AdminError::Conflict {
                message: format!(
                    "the app {app_id} has version {} for {} already: a version never changes, choose another",
                    new.version, new.hardware_model
                ),
            }),
        }
    }

    async fn put_firmware_piece(
        &self,
        release: RecordId,
        ordinal: u32,
        bytes: Vec<u8>,
    ) -> Result<AdminReply, AdminError> {
        let put = PutFirmwareChunk {
            release,
            ordinal,
            bytes,
        };
        if self.store.write(Lane::Rest, put).await? {
            Ok(AdminReply::Done)
        } else {
            Err(AdminError::Conflict {
                message: "this piece is not expected: begin the release again".to_owned(),
            })
        }
    }

    async fn finish_firmware(
        &self,
        id: &str,
        release: RecordId,
        expected: Option<String>,
        publish: bool,
    ) -> Result<AdminReply, AdminError> {
        let app_id = app_id(id)?;
        let sha256 = self.firmware_digest(release).await?;
        let differs = expected.filter(|given| !given.trim().eq_ignore_ascii_case(&sha256));
        if differs.is_some() {
            self.remove_firmware(app_id, release).await?;
            return Err(AdminError::Invalid {
                message: format!(
                    "the SHA-256 is {sha256}, not the one that was given: it is another file, and it was not kept"
                ),
            });
        }
        let finish = FinishFirmware {
            release,
            sha256,
            publish,
        };
        let done = self.store.write(Lane::Rest, finish).await?;
        done.map(|row| AdminReply::Firmware(view(row)))
            .ok_or_else(|| AdminError::Conflict {
                message: "some pieces are missing: begin the release again".to_owned(),
            })
    }

    /// The SHA-256 of all pieces that are there, in lower-case hex.
    async fn firmware_digest(&self, release: RecordId) -> Result<String, AdminError> {
        let mut hash = Sha256::new();
        for ordinal in 0.. {
            let mut tx = self.store.read().await?;
            match firmware::chunk(&mut tx, release, ordinal).await? {
                Some(piece) => hash.update(&piece),
                None => break,
            }
        }
        Ok(hex::encode(&hash.finalize()))
    }

    async fn list_firmware(&self, id: &str) -> Result<AdminReply, AdminError> {
        let app_id = app_id(id)?;
        let mut tx = self.store.read().await?;
        let app = known_app(&mut tx, &app_id).await?;
        let rows = firmware::of_app(&mut tx, app).await?;
        Ok(AdminReply::Firmwares {
            releases: rows.into_iter().map(view).collect(),
        })
    }

    async fn set_firmware_published(
        &self,
        id: &str,
        release_id: &str,
        published: bool,
    ) -> Result<AdminReply, AdminError> {
        let app_id = app_id(id)?;
        let state = if published {
            FirmwareState::Published
        } else {
            FirmwareState::Withdrawn
        };
        let set = SetFirmwareState {
            app_id: app_id.clone(),
            release: release(id, release_id)?,
            state,
        };
        let row = self.store.write(Lane::Rest, set).await?;
        row.map(|row| AdminReply::Firmware(view(row)))
            .ok_or_else(|| missing(id, release_id))
    }

    async fn administer_firmware_removal(
        &self,
        id: &str,
        release_id: &str,
    ) -> Result<AdminReply, AdminError> {
        let app_id = app_id(id)?;
        let release = release(id, release_id)?;
        if self.remove_firmware(app_id, release).await? {
            Ok(AdminReply::Removed)
        } else {
            Err(missing(id, release_id))
        }
    }
}

/// A release whose description is sound.
struct Checked {
    hardware_model: String,
    version: String,
    notes: String,
    size_bytes: i64,
}

fn checked(
    hardware_model: &str,
    version: &str,
    notes: Option<String>,
    size_bytes: u64,
) -> Result<Checked, AdminError> {
    let invalid = |message: String| AdminError::Invalid { message };
    let hardware_model =
        check_name(hardware_model).map_err(|why| invalid(format!("the hardware model {why}")))?;
    let version = check_name(version).map_err(|why| invalid(format!("the version {why}")))?;
    if Version::parse(version).is_none() {
        return Err(invalid(format!(
            "the version {version} does not begin with a number, such as 2.5.1: devices could not tell whether it is newer"
        )));
    }
    let notes = notes.unwrap_or_default();
    check_notes(&notes).map_err(|why| invalid(why.to_owned()))?;
    if !(1..=ARTIFACT_MAX_BYTES).contains(&size_bytes) {
        return Err(invalid(format!(
            "the file has {size_bytes} bytes: a release has 1 to {ARTIFACT_MAX_BYTES}"
        )));
    }
    Ok(Checked {
        hardware_model: hardware_model.to_owned(),
        version: version.to_owned(),
        notes,
        size_bytes: i64::try_from(size_bytes).unwrap_or(i64::MAX),
    })
}

fn release(app: &str, text: &str) -> Result<RecordId, AdminError> {
    text.parse().map_err(|_| missing(app, text))
}

fn missing(app: &str, release: &str) -> AdminError {
    AdminError::NotFound {
        message: format!(
            "the app {app} has no complete release {release}: `mayday firmware list --app {app}` shows all"
        ),
    }
}

fn view(row: FirmwareRow) -> FirmwareView {
    FirmwareView {
        release_id: row.id,
        hardware_model: row.hardware_model,
        version: row.version,
        state: row.state.as_str().to_owned(),
        size_bytes: row.size_bytes,
        sha256: row.sha256,
        notes: row.notes,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}
