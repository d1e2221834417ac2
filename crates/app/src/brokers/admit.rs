//! Whether a broker's client may connect.

use std::net::IpAddr;

use mayday_core::broker_key;
use mayday_core::identity::{Proof, parse_username};
use mayday_core::ids::{AppUuid, UserId};
use mayday_core::time::Timestamp;
use mayday_store::broker_keys;

use crate::{App, AppError};

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
    /// When the proof ends, for a broker that cuts the connection then. `None`
    /// for one that never ends, and for one that ended already and calls for help
    /// still.
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
}

impl App {
    /// What a broker's key is good for; [`AppError::Unauthorized`] for none.
    pub async fn broker_scope(&self, key: &str) -> Result<BrokerScope, AppError> {
        let mut tx = self.store.read_urgent().await?;
        let found = broker_keys::find(&mut tx, &broker_key::digest(key)).await?;
        let row = found.ok_or(AppError::Unauthorized)?;
        Ok(row.app.map_or(BrokerScope::All, BrokerScope::App))
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
        let Some((app_id, external_id)) = parse_username(username) else {
            return Err(self.unreadable_proof(peer));
        };
        let proof = Proof {
            app_id,
            external_id,
            hash: password,
        };
        let caller = self.authenticate(proof, peer).await?;
        if !scope.serves(caller.app) {
            return Err(AppError::Unauthorized);
        }
        Ok(Admission {
            user: caller.user,
            expires_at: caller.expires_at.filter(|_| caller.is_full()),
        })
    }
}
