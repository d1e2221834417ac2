//! Shows a caller's sessions.

use mayday_core::identity::Caller;
use mayday_core::ids::SessionId;
use mayday_core::sso::LoginDevice;
use mayday_core::time::Timestamp;
use mayday_store::sessions::{self, SessionRow};

use crate::identity::require_full;
use crate::{App, AppError, Urgency};

/// A session as its user sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionView {
    /// Its id.
    pub id: SessionId,
    /// The device.
    pub device: LoginDevice,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it was used, to the quarter of a minute.
    pub used_at: Timestamp,
    /// When it ends by itself if nobody uses it again.
    pub ends_at: Timestamp,
    /// Whether it is the caller's own.
    pub current: bool,
}

impl App {
    /// The live sessions of the caller, oldest first.
    pub async fn own_sessions(&self, caller: &Caller) -> Result<Vec<SessionView>, AppError> {
        require_full(caller)?;
        let now = self.clock.now();
        let mut tx = self.store.read().await?;
        let rows = sessions::live(&mut tx, caller.user).await?;
        drop(tx);
        let live = rows.into_iter().filter(|row| row.life.ended(now).is_none());
        let own = caller.credential.session();
        Ok(live.map(|row| view(row, own)).collect())
    }

    /// The session that an access token belongs to, with the end of the token.
    /// Any but a token in force is refused with what happened to it.
    pub async fn own_session(
        &self,
        caller: &Caller,
        shown: &str,
    ) -> Result<(SessionView, Timestamp), AppError> {
        require_full(caller)?;
        let own = caller.credential.session();
        let row = self.access_row(shown, Urgency::Ordinary).await?;
        let row = row.ok_or(AppError::Unauthorized)?;
        let token_ends_at = row.token.ends_at();
        let mut tx = self.store.read().await?;
        let session = sessions::get(&mut tx, row.session).await?;
        let session = session.ok_or(AppError::Unauthorized)?;
        Ok((view(session, own), token_ends_at))
    }
}

fn view(row: SessionRow, own: Option<SessionId>) -> SessionView {
    SessionView {
        id: row.id,
        ends_at: row.life.ends_by(),
        device: row.device,
        created_at: row.created_at,
        used_at: row.life.used_at,
        current: own == Some(row.id),
    }
}
