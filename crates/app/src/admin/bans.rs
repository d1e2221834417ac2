//! Addresses whose log-ins are refused for a while: list, lift.

use mayday_core::ids::RecordId;
use mayday_core::time::Timestamp;
use mayday_store::Lane;
use mayday_store::bans::{self, Ban, LiftBan};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::page::Window;
use super::secrets::known_app;
use super::{AdminError, AdminReply, PageRequest, app_id};
use crate::App;

/// About addresses whose log-ins at an app are refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum BanRequest {
    /// Bans, newest first, those that are over included: [`AdminReply::Bans`].
    List {
        /// The app's public id.
        app_id: String,
        /// Which page.
        #[serde(default)]
        page: PageRequest,
    },
    /// Ends one: [`AdminReply::Done`].
    Lift {
        /// The app's public id.
        app_id: String,
        /// As it is listed.
        network: String,
    },
}

/// A ban on record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BanView {
    /// An IPv4 address, or the first of an IPv6 /64.
    pub network: String,
    /// What for.
    pub reason: String,
    /// When it began.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub until: Timestamp,
    /// When an administrator ended it.
    pub lifted_at: Option<Timestamp>,
    /// Whether it is in force now.
    pub in_force: bool,
}

impl App {
    pub(super) async fn administer_bans(
        &self,
        request: BanRequest,
    ) -> Result<AdminReply, AdminError> {
        match request {
            BanRequest::List { app_id, page } => self.list_bans(&app_id, &page).await,
            BanRequest::Lift { app_id, network } => self.lift_ban(&app_id, network).await,
        }
    }

    async fn list_bans(&self, id: &str, page: &PageRequest) -> Result<AdminReply, AdminError> {
        let app_id = app_id(id)?;
        let window = Window::of(page)?;
        let before = match page.cursor.as_deref() {
            None | Some("") => RecordId(Uuid::max()),
            Some(cursor) => cursor.parse().map_err(|_| AdminError::Invalid {
                message: "the cursor is none of this list: take next_cursor of the page before"
                    .to_owned(),
            })?,
        };
        let mut tx = self.store.read().await?;
        let app = known_app(&mut tx, &app_id).await?;
        let rows = bans::page(&mut tx, app, before, window.fetch()).await?;
        drop(tx);
        let now = self.clock.now();
        let page = window.page(rows, |ban| ban.id.to_string());
        Ok(AdminReply::Bans(super::Page {
            items: page.items.into_iter().map(|ban| view(ban, now)).collect(),
            next_cursor: page.next_cursor,
        }))
    }

    async fn lift_ban(&self, id: &str, network: String) -> Result<AdminReply, AdminError> {
        let app_id = app_id(id)?;
        let app = {
            let mut tx = self.store.read().await?;
            known_app(&mut tx, &app_id).await?
        };
        let lift = LiftBan {
            app,
            network: network.clone(),
        };
        if !self.store.write(Lane::Rest, lift).await? {
            return Err(AdminError::NotFound {
                message: format!(
                    "no ban of {network} is in force: `mayday ban list --app {app_id}` shows all"
                ),
            });
        }
        // Its count begins anew on this node; on another it may be banned again sooner.
        tracing::info!(app.id = %app_id, ban.network = network, "a ban was lifted");
        Ok(AdminReply::Done)
    }
}

fn view(ban: Ban, now: Timestamp) -> BanView {
    BanView {
        in_force: ban.lifted_at.is_none() && now < ban.until,
        network: ban.network,
        reason: ban.reason,
        created_at: ban.created_at,
        until: ban.until,
        lifted_at: ban.lifted_at,
    }
}
