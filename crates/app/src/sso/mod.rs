//! Users whom an app logs in by itself: its token is put to its own server, and a
//! capped session comes of it (contract: SSO).
//!
//! [`login`] asks through the [`gate`] of the app, which bounds how much is asked
//! at once, for one address too ([`share`]), and leaves a failing partner alone; [`link`] joins it with an account that
//! has its address; [`refresh`] buys the next pair of
//! tokens; [`end`] ends sessions, and [`follow`] has the connections of ended ones
//! cut on every node.

mod bans;
mod breaker;
mod end;
mod follow;
mod gate;
mod link;
mod login;
mod refresh;
mod settings;
mod share;
mod show;
mod sweep;

use mayday_core::clock::Entropy;
use mayday_core::sso::{SessionToken, TokenKind};
use mayday_core::time::Timestamp;
use mayday_store::sessions::{Issued, NewPair};
use zeroize::Zeroizing;

pub(crate) use bans::{FAILURES as BAN_FAILURES, WINDOW as BAN_WINDOW};
pub(crate) use gate::Gates;
pub use login::SsoLogin;
pub use refresh::SsoRefresh;
pub use settings::SsoProfile;
pub use show::SessionView;

/// A pair of tokens as it is handed out.
#[derive(Debug)]
pub struct SessionGrant {
    /// Proves the session to every route.
    pub access_token: SessionToken,
    /// Buys the next pair.
    pub refresh_token: SessionToken,
    /// When the access token ends.
    pub access_expires_at: Timestamp,
    /// The partner's token that opened the session.
    pub id_token: Zeroizing<String>,
}

/// A fresh pair, before it is stored.
struct Pair {
    access: SessionToken,
    refresh: SessionToken,
}

impl Pair {
    fn generate(entropy: &dyn Entropy) -> Self {
        Self {
            access: SessionToken::generate(TokenKind::Access, entropy),
            refresh: SessionToken::generate(TokenKind::Refresh, entropy),
        }
    }

    fn digests(&self) -> NewPair {
        NewPair {
            access: self.access.digest(),
            refresh: self.refresh.digest(),
        }
    }

    fn granted(self, issued: Issued) -> SessionGrant {
        SessionGrant {
            access_token: self.access,
            refresh_token: self.refresh,
            access_expires_at: issued.access_expires_at,
            id_token: issued.id_token,
        }
    }
}
