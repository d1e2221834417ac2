//! Buys the next pair with a refresh token.

use mayday_core::ids::AppUuid;
use mayday_core::sso::session::{self, Ending, Refresh};
use mayday_core::sso::token::TokenDigest;
use mayday_core::sso::{EndReason, TokenKind};

use super::end::end;
use super::{ByToken, Issued, NewPair, by_token, id_token, issue, supersede};
use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::sql::Sql;
use crate::tx::Tx;
use crate::users;

static ROTATE: Sql = Sql::new(
    "UPDATE sessions SET newest_pair = $2, used_pair = CASE WHEN used_pair < $3 THEN $3
        ELSE used_pair END, used_at = $4
     WHERE id = $1 AND ended_at IS NULL",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&ROTATE];

/// Refreshes a session.
#[derive(Clone, Copy, Debug)]
pub struct RefreshSession {
    /// The app that the session must be of; `None` for any.
    pub app: Option<AppUuid>,
    /// Of an access token of the session, however old; `None` where the protocol
    /// sends none (RFC 6749, 6).
    pub access: Option<TokenDigest>,
    /// Of the refresh token.
    pub refresh: TokenDigest,
    /// The pair that is handed out.
    pub pair: NewPair,
}

/// What became of it.
#[derive(Clone, Debug)]
pub enum Refreshed {
    /// The new pair is in force.
    Session(Box<Issued>),
    /// The session has ended; by this very request, when the refresh token had
    /// been used before.
    Ended(Ending),
    /// The user is blocked.
    Blocked,
    /// No such tokens, or not of one session, or of another app.
    Unknown,
}

impl Command for RefreshSession {
    type Output = Refreshed;

    const NAME: &'static str = "session.refresh";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Refreshed, StoreError> {
        let Some(found) = by_token(tx, TokenKind::Refresh, &self.refresh).await? else {
            return Ok(Refreshed::Unknown);
        };
        if self.app.is_some_and(|app| app != found.session.app) {
            return Ok(Refreshed::Unknown);
        }
        let user = users::lock(tx, found.session.user).await?;
        if user.blocked_at.is_some() {
            return Ok(Refreshed::Blocked);
        }
        if let Some(done) = self.done_before(tx).await? {
            return Ok(done);
        }
        // As it is under the lock.
        let Some(found) = by_token(tx, TokenKind::Refresh, &self.refresh).await? else {
            return Ok(Refreshed::Unknown);
        };
        if let Some(access) = &self.access {
            let access = by_token(tx, TokenKind::Access, access).await?;
            if access.is_none_or(|access| access.session.id != found.session.id) {
                return Ok(Refreshed::Unknown);
            }
        }
        let now = tx.now();
        if let Some(ending) = found.session.life.ended(now) {
            if found.session.life.ending.is_none() {
                end(tx, &found.session, ending.reason, ending.at, None).await?;
            }
            return Ok(Refreshed::Ended(ending));
        }
        let (newest, last_used) = (found.session.newest_pair, found.session.used_pair);
        match session::refresh(found.pair, found.superseded_at, newest, last_used, now) {
            Refresh::Rotate => self.rotate(tx, found).await,
            Refresh::Reuse => {
                end(tx, &found.session, EndReason::Reused, now, None).await?;
                Ok(Refreshed::Ended(Ending {
                    reason: EndReason::Reused,
                    at: now,
                    by: None,
                }))
            }
        }
    }
}

impl RefreshSession {
    /// An earlier run was committed: its pair is there.
    async fn done_before(&self, tx: &mut Tx<'_>) -> Result<Option<Refreshed>, StoreError> {
        let Some(found) = by_token(tx, TokenKind::Access, &self.pair.access).await? else {
            return Ok(None);
        };
        Ok(Some(Refreshed::Session(Box::new(Issued {
            access_expires_at: found.expires_at,
            id_token: id_token(tx, &found.session)?,
            session: found.session,
        }))))
    }

    async fn rotate(&self, tx: &mut Tx<'_>, found: ByToken) -> Result<Refreshed, StoreError> {
        let mut session = found.session;
        let now = tx.now();
        // The first time that it buys a pair; it is spent, and those that came beside it.
        if found.pair > session.used_pair {
            supersede(tx, session.id, TokenKind::Refresh).await?;
        }
        session.newest_pair += 1;
        session.used_pair = session.used_pair.max(found.pair);
        session.life.used_at = now;
        let values = args![session.id, session.newest_pair, found.pair, now];
        tx.execute_one(&ROTATE, values).await?;
        let access_expires_at = issue(tx, &session, session.newest_pair, &self.pair).await?;
        Ok(Refreshed::Session(Box::new(Issued {
            access_expires_at,
            id_token: id_token(tx, &session)?,
            session,
        })))
    }
}
