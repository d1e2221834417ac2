//! Ends sessions: the own one, another of the own, and those that an administrator
//! names.

use std::net::IpAddr;

use mayday_core::identity::Caller;
use mayday_core::ids::{SessionId, UserId};
use mayday_core::sso::EndReason;
use mayday_store::Lane;
use mayday_store::sessions::{EndSessions, SessionRow, Which};

use crate::identity::require_full;
use crate::{App, AppError, Urgency};

impl App {
    /// Logs out the session of an access token, however old the token is. A session
    /// that was overtaken calls for help no more; one that was sent away stays as it
    /// ended. All are a success.
    pub async fn sso_logout(&self, shown: &str, peer: IpAddr) -> Result<(), AppError> {
        let Some(row) = self.access_row(shown, Urgency::Ordinary).await? else {
            return Err(self.unreadable_proof(peer));
        };
        let which = Which::One(row.session);
        self.end_sessions(row.user, which, EndReason::LoggedOut)
            .await?;
        Ok(())
    }

    /// Ends one of the caller's own sessions.
    pub async fn end_own_session(
        &self,
        caller: &Caller,
        session: SessionId,
    ) -> Result<(), AppError> {
        require_full(caller)?;
        let reason = if caller.credential.session() == Some(session) {
            EndReason::LoggedOut
        } else {
            EndReason::Revoked
        };
        let ended = self
            .end_sessions(caller.user, Which::One(session), reason)
            .await?;
        if ended.is_empty() {
            return Err(AppError::NotFound { what: "session" });
        }
        Ok(())
    }

    /// Ends sessions of a user: their tokens are refused when it returns, their
    /// connections are cut as soon as the commit is heard of.
    pub(crate) async fn end_sessions(
        &self,
        user: UserId,
        which: Which,
        reason: EndReason,
    ) -> Result<Vec<SessionRow>, AppError> {
        let end = EndSessions {
            user,
            which,
            reason,
        };
        let ended = self.store.write(Lane::Session, end).await?;
        if !ended.is_empty() {
            self.metrics.sessions_ended(reason, ended.len());
            tracing::info!(
                user.id = %user,
                sessions.ended = ended.len(),
                session.reason = reason.as_str(),
                "sessions were ended"
            );
        }
        Ok(ended)
    }
}
