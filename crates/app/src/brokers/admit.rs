//! Whether a broker's client may connect.

use std::net::IpAddr;

use mayday_core::broker_key;
use mayday_core::identity::signing::STALE_GRACE;
use mayday_core::identity::{ExternalUserId, parse_username};
use mayday_core::ids::{AppUuid, UserId};
use mayday_core::time::Timestamp;

use crate::{App, AppError, Urgency};

/// Which apps a broker serves: what its key was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrokerScope {
    /// Exactly this one.
    App(AppUuid),
    /// Every app.
    All,
}

/// A client that may connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// The user; topics are named by this id.
    pub user: UserId,
    /// The external id that names the user in topics, too; `None` where it could
    /// name somebody else: on a broker of several apps, and when it reads like
    /// another user's internal id.
    pub alias: Option<ExternalUserId>,
    /// Whether the flat topics, which name nobody, are the client's.
    pub flat: bool,
    /// When the broker is to cut the connection: the end of the proof, or, for one
    /// that ended already and calls for help still, the end of its grace. `None`
    /// for one that never ends.
    pub expires_at: Option<Timestamp>,
}

impl BrokerScope {
    /// Whether a broker with this key serves the app.
    pub(super) fn serves(self, app: AppUuid) -> bool {
        match self {
            Self::All => true,
            Self::App(one) => one == app,
        }
    }

    /// Whether external ids are unique on the broker, so that topics which do not
    /// name the user by UUID are somebody's.
    pub(super) fn is_one_app(self) -> bool {
        matches!(self, Self::App(_))
    }
}

impl App {
    /// What a broker's key is good for. A key that is not, or none, is counted for
    /// its address as any failed proof is, and costs no query: strangers ask here.
    pub fn broker_scope(&self, key: Option<&str>, peer: IpAddr) -> Result<BrokerScope, AppError> {
        let found = key.and_then(|key| self.identity.broker_key(&broker_key::digest(key)));
        found.ok_or_else(|| self.unreadable_proof(peer))
    }

    /// Whether a client with this username and password may connect. The proof is
    /// checked before anything else, and the limiter only words a refusal: a
    /// genuine proof passes whatever others did, a stale one too.
    pub async fn admit_broker_client(
        &self,
        scope: BrokerScope,
        username: &str,
        password: &str,
        peer: IpAddr,
    ) -> Result<Admission, AppError> {
        let Some(username) = parse_username(username) else {
            return Err(self.unreadable_proof(peer));
        };
        let caller = self.authenticate_client(username, password, peer).await?;
        if !scope.serves(caller.app) {
            return Err(AppError::Unauthorized);
        }
        let one_app = scope.is_one_app();
        // A store that does not answer withholds the alias, never the connection.
        let shadowed = self
            .alias_shadowed(caller.user, &caller.external_id)
            .await
            .unwrap_or(true);
        let alias = one_app && !shadowed;
        let end = match caller.expires_at {
            // Nobody can tell the broker of a session's end: the connection lives as
            // long as the token, and comes back with the next one.
            _ if caller.is_full() && caller.credential.session().is_some() => {
                let row = self.access_row(password, Urgency::Distress).await?;
                row.map(|row| row.token.ends_at())
            }
            expires_at if caller.is_full() => expires_at,
            expires_at => expires_at.map(|at| at.plus(STALE_GRACE)),
        };
        Ok(Admission {
            user: caller.user,
            alias: alias.then_some(caller.external_id),
            flat: one_app,
            expires_at: end,
        })
    }
}
