//! A user's data, for an administrator who was asked for it: export, erase, and
//! what was erased.

use mayday_core::ids::RecordId;
use mayday_core::time::Timestamp;
use mayday_store::erasures::{self, ErasureRow};
use mayday_store::users;
use serde::{Deserialize, Serialize};

use super::secrets::known_app;
use super::users::unknown_user;
use super::{AdminError, AdminReply, app_id, external_id};
use crate::data_rights::ExportCursor;
use crate::{App, AppError};

/// Erasures that are listed, the newest.
const LISTED: u32 = 1_000;

/// About a user's data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum DataRequest {
    /// A page of everything about a user: [`AdminReply::Export`].
    Export {
        /// The app's public id.
        app_id: String,
        /// The partner's id of the user.
        external_id: String,
        /// `next` of the page before.
        cursor: ExportCursor,
    },
    /// Erases a user for good: [`AdminReply::Erasure`].
    Erase {
        /// The app's public id.
        app_id: String,
        /// The partner's id of the user.
        external_id: String,
    },
    /// That users were erased, newest first: [`AdminReply::Erasures`].
    Erasures {
        /// The app's public id.
        app_id: String,
    },
}

/// What became of an erasure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasureView {
    /// Its id.
    pub erasure_id: RecordId,
    /// `over`, `swept`, `under_way` or `waiting`.
    pub state: String,
    /// `user` or `operator`.
    pub requested_by: String,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// Rows of the state store that went so far.
    pub rows_removed: i64,
    /// When all was gone.
    pub completed_at: Option<Timestamp>,
}

impl App {
    pub(super) async fn administer_data(
        &self,
        request: DataRequest,
    ) -> Result<AdminReply, AdminError> {
        match request {
            DataRequest::Export {
                app_id,
                external_id,
                cursor,
            } => self.export_named(&app_id, &external_id, &cursor).await,
            DataRequest::Erase {
                app_id,
                external_id,
            } => self.erase_for_operator(&app_id, &external_id).await,
            DataRequest::Erasures { app_id } => self.list_erasures(&app_id).await,
        }
    }

    async fn export_named(
        &self,
        id: &str,
        user: &str,
        cursor: &ExportCursor,
    ) -> Result<AdminReply, AdminError> {
        let app_id = app_id(id)?;
        let external_id = external_id(user)?;
        let row = {
            let mut tx = self.store.read().await?;
            let app = known_app(&mut tx, &app_id).await?;
            users::find(&mut tx, app, &external_id).await?
        };
        let row = row.ok_or_else(|| unknown_user(&app_id, &external_id))?;
        Ok(AdminReply::Export(self.export_user(row.id, cursor).await?))
    }

    async fn erase_for_operator(&self, id: &str, user: &str) -> Result<AdminReply, AdminError> {
        let app_id = app_id(id)?;
        let external_id = external_id(user)?;
        let begun = self.erase_named(app_id.clone(), external_id.clone()).await;
        let erasure = begun.map_err(|error| match error {
            AppError::NotFound { what: "user" } => unknown_user(&app_id, &external_id),
            AppError::NotFound { .. } => super::unknown_app(&app_id),
            other => other.into(),
        })?;
        // Without a server there are no workers: most is done here, and the job
        // of the next one does the rest.
        let state = self.sweep_erasure(erasure).await?;
        let row = {
            let mut tx = self.store.read().await?;
            erasures::get(&mut tx, erasure).await?
        };
        let row = row.ok_or(AdminError::Internal)?;
        Ok(AdminReply::Erasure(view(&row, state.as_str())))
    }

    async fn list_erasures(&self, id: &str) -> Result<AdminReply, AdminError> {
        let app_id = app_id(id)?;
        let mut tx = self.store.read().await?;
        let app = known_app(&mut tx, &app_id).await?;
        let rows = erasures::newest(&mut tx, app, LISTED).await?;
        let views = rows.into_iter().map(|row| {
            let state = if row.completed_at.is_some() {
                "over"
            } else {
                "under_way"
            };
            view(&row, state)
        });
        Ok(AdminReply::Erasures {
            erasures: views.collect(),
        })
    }
}

fn view(row: &ErasureRow, state: &str) -> ErasureView {
    ErasureView {
        erasure_id: row.id,
        state: state.to_owned(),
        requested_by: row.requested_by.as_str().to_owned(),
        requested_at: row.requested_at,
        rows_removed: row.rows_removed,
        completed_at: row.completed_at,
    }
}
