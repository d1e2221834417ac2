//! Users of apps: list, show, block, unblock.

use mayday_core::identity::{AppId, ExternalUserId};
use mayday_store::Lane;
use mayday_store::users::{self, SetBlocked, UserRow};

use super::page::Window;
use super::secrets::known_app;
use super::{AdminError, AdminReply, PageRequest, UserView, app_id, external_id};
use crate::App;

impl App {
    pub(super) async fn list_users(
        &self,
        id: &str,
        page: &PageRequest,
    ) -> Result<AdminReply, AdminError> {
        let app_id = app_id(id)?;
        let window = Window::of(page)?;
        let after = page.cursor.as_deref().unwrap_or_default();
        let mut tx = self.store.read().await?;
        let app = known_app(&mut tx, &app_id).await?;
        if !after.is_empty() {
            let known = match external_id(after) {
                Ok(user) => users::find(&mut tx, app, &user).await?,
                Err(_) => None,
            };
            known.ok_or_else(foreign_cursor)?;
        }
        let rows = users::page(&mut tx, &app_id, after, window.fetch()).await?;
        let page = window.page(rows, |row| row.external_id.to_string());
        Ok(AdminReply::Users(page.map(|row| view(&app_id, row))))
    }

    pub(super) async fn show_user(&self, id: &str, user: &str) -> Result<AdminReply, AdminError> {
        let app_id = app_id(id)?;
        let external_id = external_id(user)?;
        let mut tx = self.store.read().await?;
        let app = known_app(&mut tx, &app_id).await?;
        let row = users::find(&mut tx, app, &external_id).await?;
        row.map(|row| AdminReply::User(view(&app_id, row)))
            .ok_or_else(|| unknown_user(&app_id, &external_id))
    }

    pub(super) async fn set_user_blocked(
        &self,
        id: &str,
        user: &str,
        blocked: bool,
    ) -> Result<AdminReply, AdminError> {
        let app_id = app_id(id)?;
        let external_id = external_id(user)?;
        let set = SetBlocked {
            app_id: app_id.clone(),
            external_id: external_id.clone(),
            blocked,
        };
        if let Some(row) = self.store.write(Lane::Rest, set).await? {
            return Ok(AdminReply::User(view(&app_id, row)));
        }
        let mut tx = self.store.read().await?;
        known_app(&mut tx, &app_id).await?;
        Err(unknown_user(&app_id, &external_id))
    }
}

fn foreign_cursor() -> AdminError {
    AdminError::Invalid {
        message: "the cursor is none of this list: take next_cursor of the page before, or leave \
                  it out to begin"
            .to_owned(),
    }
}

pub(super) fn unknown_user(app: &AppId, user: &ExternalUserId) -> AdminError {
    AdminError::NotFound {
        message: format!(
            "the app {app} has no user {user}: a user is made at the first authenticated contact (`mayday user list --app {app}` shows all)"
        ),
    }
}

fn view(app: &AppId, row: UserRow) -> UserView {
    UserView {
        id: row.id,
        app_id: app.to_string(),
        external_user_id: row.external_id.to_string(),
        name: row.profile.name,
        email: row.profile.email,
        phone: row.profile.phone,
        address: row.profile.address,
        blocked_at: row.blocked_at,
        created_at: row.created_at,
        last_seen_at: row.last_seen_at,
    }
}
