//! What the tests of sessions have in common.

use std::time::Duration;

use mayday_core::clock::Clock as _;
use mayday_core::escalation::Channel;
use mayday_core::identity::ExternalUserId;
use mayday_core::ids::{EndpointId, SecretId, SessionId, UserId};
use mayday_core::notification::EventFilter;
use mayday_core::sso::token::partner_digest;
use mayday_core::sso::{ClaimTerms, EndReason, LoginDevice, RequestForm, SessionPolicy};
use zeroize::Zeroizing;

use super::*;
use crate::command::Lane;
use crate::sso::{KeyChange, SetSso, SsoSettings};
use crate::store::Store;
use crate::testing::{TestApp, TestStore};
use crate::webhooks::{self, AddEndpoint, EndpointAddition, LogQuery, NewSecret, SecretText};

/// An app with SSO and a user of it.
pub(super) struct Scene<'s> {
    pub(super) store: &'s TestStore,
    pub(super) app: TestApp,
    pub(super) user: UserId,
    pub(super) external_id: ExternalUserId,
}

/// Pair number `n` of a test.
pub(super) fn pair(n: u64) -> NewPair {
    let digest = |kind: u8| {
        let mut digest = [kind; 32];
        digest[..8].copy_from_slice(&n.to_be_bytes());
        digest
    };
    NewPair {
        access: digest(1),
        refresh: digest(2),
    }
}

pub(super) fn session_of(opened: Opened) -> (Issued, bool, Vec<SessionId>) {
    match opened {
        Opened::Session {
            issued,
            fresh,
            evicted,
        } => (*issued, fresh, evicted),
        other => panic!("{other:?}"),
    }
}

pub(super) fn refreshed(outcome: Refreshed) -> Issued {
    match outcome {
        Refreshed::Session(issued) => *issued,
        other => panic!("{other:?}"),
    }
}

impl<'s> Scene<'s> {
    pub(super) async fn set(store: &'s TestStore, name: &str, cap: u32) -> Self {
        let app = store.app(name).await;
        let user = store.user(&app, "ana").await;
        let scene = Self {
            store,
            app,
            user,
            external_id: ExternalUserId::parse("ana").unwrap(),
        };
        scene.set_cap(cap).await;
        scene
    }

    pub(super) async fn set_cap(&self, cap: u32) {
        let set = SetSso {
            app_id: self.app.app_id.clone(),
            settings: SsoSettings {
                terms: ClaimTerms {
                    audience: "safety-app".to_owned(),
                    skew: Duration::from_mins(1),
                    max_lifetime: Duration::from_hours(1),
                },
                token_info_url: "https://partner.example/info".to_owned(),
                form: RequestForm::Form,
                parameter: "token".to_owned(),
                local: false,
                sessions: SessionPolicy {
                    cap,
                    ..SessionPolicy::default()
                },
            },
            key: KeyChange::Keep,
        };
        self.store.write(Lane::Rest, set).await.unwrap().unwrap();
    }

    pub(super) fn open(&self, n: u64, device: &str, token: &str) -> OpenSession {
        OpenSession {
            id: SessionId::generate(self.store.clock.as_ref(), self.store.entropy.as_ref()),
            app: self.app.id,
            user: self.user,
            external_id: self.external_id.clone(),
            subject: self.external_id.clone(),
            partner_digest: partner_digest(token),
            partner_token: Zeroizing::new(token.to_owned()),
            partner_issued_at: self.store.clock.now(),
            partner_expires_at: self.store.clock.now().plus(Duration::from_hours(1)),
            device: LoginDevice {
                id: Some(device.to_owned()),
                ..LoginDevice::default()
            },
            email: "ana@example.org".to_owned(),
            name: None,
            pair: pair(n),
        }
    }

    pub(super) async fn log_in(&self, n: u64, device: &str, token: &str) -> Opened {
        let open = self.open(n, device, token);
        self.store.write(Lane::Session, open).await.unwrap()
    }

    pub(super) async fn log_in_at(&self, store: &Store, open: OpenSession) -> Opened {
        store.write(Lane::Session, open).await.unwrap()
    }

    pub(super) fn renewal(access: u64, refresh: u64, new: u64) -> RefreshSession {
        RefreshSession {
            app: None,
            access: Some(pair(access).access),
            refresh: pair(refresh).refresh,
            pair: pair(new),
        }
    }

    pub(super) async fn refresh(&self, access: u64, refresh: u64, new: u64) -> Refreshed {
        let renewal = Self::renewal(access, refresh, new);
        self.store.write(Lane::Session, renewal).await.unwrap()
    }

    pub(super) async fn end(&self, which: Which, reason: EndReason) -> Vec<SessionRow> {
        let end = EndSessions {
            user: self.user,
            which,
            reason,
        };
        self.store.write(Lane::Session, end).await.unwrap()
    }

    pub(super) async fn look(&self, n: u64) -> Option<AccessRow> {
        let mut tx = self.store.read().await.unwrap();
        access(&mut tx, &pair(n).access).await.unwrap()
    }

    pub(super) async fn live(&self) -> Vec<SessionId> {
        let mut tx = self.store.read().await.unwrap();
        let rows = live(&mut tx, self.user).await.unwrap();
        rows.iter().map(|row| row.id).collect()
    }

    pub(super) async fn prune(&self) -> u64 {
        let mut gone = 0;
        loop {
            let step = self.store.write(Lane::Rest, PruneSessions).await.unwrap();
            if step == 0 {
                return gone;
            }
            gone += step;
        }
    }

    /// Has the app's server told of its users' sessions.
    pub(super) async fn listen(&self) {
        let id = || EndpointId::generate(self.store.clock.as_ref(), self.store.entropy.as_ref());
        let words = ["session.created", "session.evicted", "session.ended"];
        let add = AddEndpoint {
            id: id(),
            app_id: self.app.app_id.clone(),
            channel: Channel::Webhook,
            name: "sessions".to_owned(),
            shown_url: "https://partner.example".to_owned(),
            url: SecretText::new("https://partner.example/hook"),
            events: EventFilter::parse(words).unwrap(),
            local: false,
            secret: Some(NewSecret {
                id: SecretId(id().uuid()),
                text: SecretText::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
            }),
        };
        let added = self.store.write(Lane::Rest, add).await.unwrap();
        assert!(matches!(added, EndpointAddition::Added(_)));
    }

    /// What it was told.
    pub(super) async fn told(&self) -> Vec<serde_json::Value> {
        let query = LogQuery {
            app: self.app.id,
            channel: Channel::Webhook,
            endpoint: None,
            before: None,
            limit: 100,
        };
        let mut tx = self.store.read().await.unwrap();
        let log = webhooks::log(&mut tx, query).await.unwrap();
        log.into_iter().map(|delivery| delivery.body).collect()
    }
}
