//! Buys the next pair of tokens.

use std::net::IpAddr;
use std::sync::Arc;

use mayday_core::identity::AppId;
use mayday_core::sso::TokenKind;
use mayday_core::sso::session::Lapse;
use mayday_core::sso::token;
use mayday_store::Lane;
use mayday_store::sessions::{RefreshSession, Refreshed};
use zeroize::Zeroizing;

use super::{Pair, SessionGrant};
use crate::{App, AppError};

/// A refresh as asked for.
#[derive(Clone)]
pub struct SsoRefresh {
    /// The public id of the app that the session must be of; `None` where the protocol
    /// names none.
    pub realm: Option<String>,
    /// An access token of the session, however old; `None` where the protocol
    /// sends none.
    pub access_token: Option<Zeroizing<String>>,
    /// Its refresh token.
    pub refresh_token: Zeroizing<String>,
}

impl std::fmt::Debug for SsoRefresh {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SsoRefresh").finish_non_exhaustive()
    }
}

impl App {
    /// Refreshes a session. The refresh token is used up; that of the pair before
    /// is taken for a minute while nobody has used its successor, and after that
    /// ends the session: somebody has a copy.
    pub async fn sso_refresh(
        &self,
        shown: SsoRefresh,
        peer: IpAddr,
    ) -> Result<SessionGrant, AppError> {
        let refresh_digest = token::digest(TokenKind::Refresh, &shown.refresh_token);
        let access_digest = match &shown.access_token {
            None => Some(None),
            Some(access) => token::digest(TokenKind::Access, access).map(Some),
        };
        let (Some(refresh), Some(access)) = (refresh_digest, access_digest) else {
            return Err(self.unreadable_proof(peer));
        };
        let app = match &shown.realm {
            None => None,
            Some(realm) => {
                let app = AppId::parse(realm).ok();
                let app = app.and_then(|app| self.identity.sso_app(&app));
                let Some((app, ..)) = app else {
                    return Err(self.unreadable_proof(peer));
                };
                Some(app)
            }
        };
        let pair = Pair::generate(self.entropy.as_ref());
        let command = RefreshSession {
            app,
            access,
            refresh,
            pair: pair.digests(),
        };
        match self.store.write(Lane::Session, command).await? {
            Refreshed::Session(issued) => Ok(pair.granted(*issued)),
            Refreshed::Blocked => Err(AppError::UserBlocked),
            Refreshed::Unknown => Err(self.unreadable_proof(peer)),
            Refreshed::Ended(ending) => Err(AppError::Session {
                lapse: Arc::new(Lapse {
                    code: ending.reason.code(),
                    at: ending.at,
                    device: ending.by,
                }),
            }),
        }
    }
}
