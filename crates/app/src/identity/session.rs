//! Checks an access token of a session (contract: Sessions).
//!
//! Nothing is remembered between requests: each looks at the session's row, so
//! that an end refuses the token at once, on whichever node it was made. That is
//! one statement by primary keys; where the request may be a cry for help, on
//! connections that ordinary work never holds ([`Urgency`]).

use std::net::IpAddr;
use std::sync::Arc;

use mayday_core::identity::{Caller, Credential, Idle, Proof, Standing, Username};
use mayday_core::ids::{SessionId, UserId};
use mayday_core::sso::TokenKind;
use mayday_core::sso::session::{self, Access, Lapse};
use mayday_core::sso::token;
use mayday_core::time::Timestamp;
use mayday_store::Lane;
use mayday_store::sessions::{self, AccessRow, TouchSession, USED_EVERY};

use crate::{App, AppError};

/// What a token is shown for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// Work that can wait for others.
    Ordinary,
    /// Perhaps a cry for help.
    Distress,
}

impl App {
    /// Checks a username and a password, as MQTT carries them.
    pub async fn authenticate_client(
        &self,
        username: Username<'_>,
        password: &str,
        peer: IpAddr,
    ) -> Result<Caller, AppError> {
        match username {
            Username::Signed(app_id, external_id) => {
                let proof = Proof {
                    app_id,
                    external_id,
                    hash: password,
                };
                self.authenticate(proof, peer).await
            }
            Username::Session(app_id, subject) => {
                let named = Some((app_id, subject));
                self.authenticate_session(password, named, peer, Urgency::Distress)
                    .await
            }
        }
    }

    /// Checks an access token and returns the caller. `named` are the app and the
    /// subject where the transport names them beside the token; they must be the
    /// session's.
    ///
    /// A token that was overtaken gives a caller of [`Standing::Stale`], which
    /// calls for help and says why it does nothing else.
    pub async fn authenticate_session(
        &self,
        shown: &str,
        named: Option<(&str, &str)>,
        peer: IpAddr,
        urgency: Urgency,
    ) -> Result<Caller, AppError> {
        let Some(row) = self.access_row(shown, urgency).await? else {
            return Err(self.unreadable_proof(peer));
        };
        let directory = self.identity.directory.current();
        let Some(app) = directory.entry(row.app) else {
            return Err(self.unreadable_proof(peer));
        };
        if named.is_some_and(|named| named != (app.app_id.as_str(), row.subject.as_str())) {
            return Err(self.unreadable_proof(peer));
        }
        if !app.active {
            return Err(AppError::AppInactive);
        }
        if row.blocked_at.is_some() {
            return Err(AppError::UserBlocked);
        }
        let now = self.clock.now();
        let (standing, expires_at, lapse) = match session::access(&row.life, &row.token, now) {
            Access::Full => (Standing::Full, row.life.expires_at, None),
            Access::Stale(lapse) => (Standing::Stale, lapse.at, Some(Arc::new(lapse))),
            Access::Refused(lapse) => return Err(refused(lapse)),
        };
        // This request is a use, be it noted now or known to the quarter of a minute.
        let used_at = if standing == Standing::Full {
            self.note_use(&row, now);
            now
        } else {
            row.life.used_at
        };
        Ok(Caller {
            app: row.app,
            app_id: app.app_id.clone(),
            user: row.user,
            external_id: row.subject,
            credential: Credential::Session(row.session),
            expires_at: Some(expires_at),
            standing,
            lapse,
            idle: Some(Idle {
                limit: row.life.idle,
                until: used_at.plus(row.life.idle),
            }),
            peer,
        })
    }

    /// What stands behind a text that was shown as an access token. One that has
    /// not the form of a token costs no query.
    pub(crate) async fn access_row(
        &self,
        shown: &str,
        urgency: Urgency,
    ) -> Result<Option<AccessRow>, AppError> {
        let Some(digest) = token::digest(TokenKind::Access, shown) else {
            return Ok(None);
        };
        let mut tx = match urgency {
            Urgency::Ordinary => self.store.read_once().await?,
            Urgency::Distress => self.store.read_urgent().await?,
        };
        Ok(sessions::access(&mut tx, &digest).await?)
    }

    /// See [`App::recheck`]: a session that ended after the check of its token.
    pub(crate) async fn recheck_session(
        &self,
        caller: &Caller,
        session: SessionId,
    ) -> Result<(), AppError> {
        let mut tx = self.store.read_urgent().await?;
        let Some(row) = sessions::get(&mut tx, session).await? else {
            return Err(AppError::Unauthorized);
        };
        let Some(ending) = row.life.ended(self.clock.now()) else {
            return Ok(());
        };
        if !caller.is_full() && ending.reason.calls_for_help() {
            return Ok(());
        }
        Err(refused(Lapse {
            code: ending.reason.code(),
            at: ending.at,
            device: ending.by,
        }))
    }

    /// Whether nobody used a caller's session for too long: exact, for a connection that
    /// was silent for that long. Costs a query then, and nothing otherwise.
    pub(crate) async fn has_idled_out(
        &self,
        caller: &Caller,
        now: Timestamp,
    ) -> Result<bool, AppError> {
        let Some(session) = caller.credential.session() else {
            return Ok(false);
        };
        if !caller.may_have_idled_out(now) {
            return Ok(false);
        }
        let mut tx = self.store.read().await?;
        let row = sessions::get(&mut tx, session).await?;
        Ok(row.is_none_or(|row| row.life.ended(now).is_some()))
    }

    /// Has it written that a session is used, when that is not known yet, or decides
    /// which of the user's sessions was idle longest. Of the one that was used last
    /// nothing is written, and nobody's only session is ever another.
    fn note_use(&self, row: &AccessRow, now: Timestamp) {
        let used_at = row.life.used_at;
        let decides = row.overtaken && now > used_at;
        if decides || now.since(used_at) >= USED_EVERY {
            self.touch_session(row.user, row.session);
        }
    }

    /// Has it written that a session was used, without waiting; when there is no
    /// room, the next request does it.
    pub(super) fn touch_session(&self, user: UserId, session: SessionId) {
        let Ok(permit) = Arc::clone(&self.identity.touches).try_acquire_owned() else {
            return;
        };
        let store = self.store.clone();
        let touch = TouchSession { user, session };
        tokio::spawn(async move {
            if let Err(error) = store.write(Lane::Session, touch).await {
                tracing::debug!(user.id = %user, %error, "could not note that a session was used");
            }
            drop(permit);
        });
    }
}

fn refused(lapse: Lapse) -> AppError {
    AppError::Session {
        lapse: Arc::new(lapse),
    }
}
