//! Sessions of an app's users: list, end one, end a user's, end an app's.

use mayday_core::ids::{AppUuid, SessionId};
use mayday_core::sso::{EndReason, LoginDevice};
use mayday_core::time::Timestamp;
use mayday_store::ReadTx;
use mayday_store::sessions::{self, SessionRow, Which};
use mayday_store::users;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::page::Window;
use super::secrets::known_app;
use super::users::unknown_user;
use super::{AdminError, AdminReply, Page, PageRequest, app_id, external_id};
use crate::App;

/// About the sessions of an app's users.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum SessionRequest {
    /// The live sessions of an app, or of one user: [`AdminReply::Sessions`].
    List {
        /// The app's public id.
        app_id: String,
        /// The partner's id of the one user.
        external_id: Option<String>,
        /// Which page; a user's sessions are one page.
        #[serde(default)]
        page: PageRequest,
    },
    /// Revokes sessions: [`AdminReply::SessionsEnded`].
    End {
        /// The app's public id.
        app_id: String,
        /// Which.
        target: SessionTarget,
    },
}

/// Which sessions are ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionTarget {
    /// The one of this id.
    Session(String),
    /// All of the user of this external id.
    User(String),
    /// All of the app.
    All,
}

/// A live session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionItem {
    /// Its id.
    pub session_id: SessionId,
    /// The partner's id of the user; empty when the user was erased meanwhile.
    pub external_user_id: String,
    /// The device as the app named it.
    pub device: LoginDevice,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it was used, to the quarter of a minute.
    pub used_at: Timestamp,
    /// When it ends by itself if nobody uses it again.
    pub ends_at: Timestamp,
}

impl App {
    pub(super) async fn administer_sessions(
        &self,
        request: SessionRequest,
    ) -> Result<AdminReply, AdminError> {
        match request {
            SessionRequest::List {
                app_id,
                external_id,
                page,
            } => self.list_sessions(&app_id, external_id, &page).await,
            SessionRequest::End { app_id, target } => self.revoke_sessions(&app_id, target).await,
        }
    }

    async fn list_sessions(
        &self,
        id: &str,
        user: Option<String>,
        page: &PageRequest,
    ) -> Result<AdminReply, AdminError> {
        let app_id = app_id(id)?;
        let mut tx = self.store.read().await?;
        let app = known_app(&mut tx, &app_id).await?;
        if let Some(user) = user {
            let name = external_id(&user)?;
            let found = users::find(&mut tx, app, &name).await?;
            let found = found.ok_or_else(|| unknown_user(&app_id, &name))?;
            let now = self.clock.now();
            let mut rows = sessions::live(&mut tx, found.id).await?;
            rows.retain(|row| row.life.ended(now).is_none());
            let items = items(&mut tx, rows).await?;
            return Ok(AdminReply::Sessions(Page {
                items,
                next_cursor: None,
            }));
        }
        let window = Window::of(page)?;
        let after = match page.cursor.as_deref() {
            None | Some("") => SessionId(Uuid::nil()),
            Some(cursor) => cursor.parse().map_err(|_| AdminError::Invalid {
                message: "the cursor is none of this list: take next_cursor of the page before"
                    .to_owned(),
            })?,
        };
        let rows = sessions::page(&mut tx, app, after, window.fetch()).await?;
        let page = window.page(rows, |row| row.id.to_string());
        Ok(AdminReply::Sessions(Page {
            items: items(&mut tx, page.items).await?,
            next_cursor: page.next_cursor,
        }))
    }

    async fn revoke_sessions(
        &self,
        id: &str,
        target: SessionTarget,
    ) -> Result<AdminReply, AdminError> {
        let app_id = app_id(id)?;
        let mut tx = self.store.read().await?;
        let app = known_app(&mut tx, &app_id).await?;
        let (user, which) = match &target {
            SessionTarget::All => {
                drop(tx);
                let reason = EndReason::Revoked;
                let ended = self.end_for_all(app, 0, Which::All, reason).await?;
                return Ok(AdminReply::SessionsEnded { ended });
            }
            SessionTarget::Session(text) => one(&mut tx, app, text).await?,
            SessionTarget::User(user) => {
                let name = external_id(user)?;
                let found = users::find(&mut tx, app, &name).await?;
                let found = found.ok_or_else(|| unknown_user(&app_id, &name))?;
                (found.id, Which::All)
            }
        };
        drop(tx);
        let ended = self.end_sessions(user, which, EndReason::Revoked).await?;
        Ok(AdminReply::SessionsEnded { ended: ended.len() })
    }
}

async fn one(
    tx: &mut ReadTx,
    app: AppUuid,
    text: &str,
) -> Result<(mayday_core::ids::UserId, Which), AdminError> {
    let missing = || AdminError::NotFound {
        message: format!("the app has no session {text}: `mayday session list` shows all"),
    };
    let id: SessionId = text.parse().map_err(|_| missing())?;
    let found = sessions::get(tx, id).await?;
    let found = found.filter(|row| row.app == app).ok_or_else(missing)?;
    Ok((found.user, Which::One(id)))
}

/// The rows with their users' names, at most a page of them.
async fn items(tx: &mut ReadTx, rows: Vec<SessionRow>) -> Result<Vec<SessionItem>, AdminError> {
    let mut items = Vec::with_capacity(rows.len());
    for row in rows {
        let user = users::get(tx, row.user).await?;
        items.push(SessionItem {
            session_id: row.id,
            external_user_id: user.map_or_else(String::new, |user| user.external_id.to_string()),
            ends_at: row.life.ends_by(),
            device: row.device,
            created_at: row.created_at,
            used_at: row.life.used_at,
        });
    }
    Ok(items)
}
