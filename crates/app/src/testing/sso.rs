//! A partner whose users log in with tokens of its own.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use mayday_core::sso::LoginDevice;
use mayday_gateway::guard::{GuardSettings, SystemResolver};
use mayday_gateway::introspection::Introspector;
pub use mayday_gateway::testing::Partner;
use zeroize::Zeroizing;

use super::{APP_ID, TestApp};
use crate::admin::{AdminRequest, SsoChange, SsoRequest};
use crate::{SessionGrant, SsoLogin};

/// Asks partners on this machine.
pub(crate) fn introspector() -> Introspector {
    Introspector::new(GuardSettings::default(), Arc::new(SystemResolver))
        .expect("the built-in roots are sound")
}

impl TestApp {
    /// Lets no PIN be hashed but for the cancel of an SOS, as long as this is kept.
    #[must_use]
    pub fn hold_hashing(&self) -> impl Drop + use<> {
        let held = self.app.hashing.hold();
        held.expect("nothing is hashed")
    }

    /// How many log-ins wait for a partner's answer now.
    pub fn logins_waiting(&self) -> usize {
        self.app.gates.waiting()
    }

    /// A partner whose users log in to [`APP_ID`] with its tokens, `sessions` at
    /// once each.
    pub async fn partner(&self, sessions: u32) -> Partner {
        let partner = Partner::start().await.expect("a free port");
        let change = SsoChange {
            audience: Some(partner.audience().to_owned()),
            token_info_url: Some(partner.url()),
            local: Some(true),
            sessions: Some(sessions),
            ..SsoChange::default()
        };
        self.admin(AdminRequest::Sso(SsoRequest::Set {
            app_id: APP_ID.to_owned(),
            change: Box::new(change),
        }))
        .await;
        partner
    }

    /// Logs a user in whom the partner vouches for, on a device.
    pub async fn log_in(&self, partner: &Partner, subject: &str, device: &str) -> SessionGrant {
        let token = format!("token-{subject}-{device}-{}", self.app.fresh_id());
        partner.give(&token, subject, self.app.now());
        let login = SsoLogin {
            realm: APP_ID.to_owned(),
            token: Zeroizing::new(token),
            device: LoginDevice {
                id: Some(device.to_owned()),
                name: Some(format!("the {device}")),
                platform: None,
            },
        };
        let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
        self.app.sso_login(login, peer).await.expect("a session")
    }
}
