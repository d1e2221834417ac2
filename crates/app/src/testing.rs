//! A whole node without listeners, for the tests of the transports.
//!
//! It stands on a fresh embedded store with a clock that only moves when told,
//! and has one app whose users the test signs for.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a test that cannot be set up fails here"
)]

pub mod senders;
mod sso;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use mayday_core::identity::{AppId, AppSecret, Caller, ExternalUserId, Proof, signing};
use mayday_core::sso::pin::HashCost;
use mayday_core::time::Timestamp;
use mayday_store::faults::CommitFault;
use mayday_store::telemetry::Telemetry;
use mayday_store::testing::TestStore;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::admin::{AdminReply, AdminRequest, AppCreated};
use crate::identity::IdentitySettings;
use crate::metrics::Metrics;
use crate::presence::PresenceLimits;
use crate::{App, Parts};

pub use senders::{MakeSenders, no_sender_settings, no_senders};

pub use sso::Partner;
pub(crate) use sso::introspector;

/// The public id of the app that every [`TestApp`] has.
pub const APP_ID: &str = "test";

/// Hashes of PINs in tests cost nearly nothing.
const CHEAP_HASH: HashCost = HashCost {
    memory_kib: 8,
    passes: 1,
};

/// A node for tests.
pub struct TestApp {
    /// The use cases.
    pub app: Arc<App>,
    /// The store below, with its clock.
    pub store: TestStore,
    /// The telemetry store, whose faults a test can cause.
    pub telemetry: Telemetry,
    /// The secret of [`APP_ID`].
    pub secret: AppSecret,
    senders: MakeSenders,
    _stop: DropGuard,
}

impl TestApp {
    /// A node on SQLite with default limits.
    pub async fn sqlite() -> Self {
        Self::with_presence(PresenceLimits::default()).await
    }

    /// A node on PostgreSQL with default limits; `None` when such tests are to
    /// be skipped.
    pub async fn postgres() -> Option<Self> {
        let store = TestStore::postgres().await?;
        Some(Self::on(store, PresenceLimits::default()).await)
    }

    /// A node on SQLite that holds so many connections.
    pub async fn with_presence(presence: PresenceLimits) -> Self {
        Self::on(TestStore::sqlite().await, presence).await
    }

    /// A node on a fresh store, embedded or not.
    pub async fn on(store: TestStore, presence: PresenceLimits) -> Self {
        Self::made(store, presence, Arc::new(no_senders)).await
    }

    /// A node on a fresh store that sends through these.
    pub async fn with_senders(store: TestStore, senders: MakeSenders) -> Self {
        Self::made(store, PresenceLimits::default(), senders).await
    }

    async fn made(store: TestStore, presence: PresenceLimits, senders: MakeSenders) -> Self {
        let (app, telemetry, stop) = start(&store, presence, &senders).await;
        let secret = create_app(&app, APP_ID).await;
        Self {
            app,
            store,
            telemetry,
            secret,
            senders,
            _stop: stop,
        }
    }

    /// Another node on the same store, as a second server has it.
    pub async fn beside(&self) -> (Arc<App>, DropGuard) {
        let presence = PresenceLimits::default();
        let (app, _, stop) = start(&self.store, presence, &self.senders).await;
        (app, stop)
    }

    /// The node that starts on what this one left when it was killed: see
    /// [`TestStore::after_crash`].
    pub async fn after_crash(self) -> Self {
        let store = self.store.after_crash().await;
        self.telemetry.close().await;
        let presence = PresenceLimits::default();
        let (app, telemetry, stop) = start(&store, presence, &self.senders).await;
        Self {
            app,
            store,
            telemetry,
            secret: self.secret,
            senders: self.senders,
            _stop: stop,
        }
    }

    /// The static hash of a user of [`APP_ID`].
    pub fn hash(&self, external_id: &str) -> String {
        let user = ExternalUserId::parse(external_id).expect("an external id");
        signing::sign_static(&self.secret, &user)
    }

    /// A hash of a user of [`APP_ID`] that expires.
    pub fn expiring_hash(&self, external_id: &str, expires_at: Timestamp) -> String {
        let app = AppId::parse(APP_ID).expect("an app id");
        let user = ExternalUserId::parse(external_id).expect("an external id");
        signing::sign_expiring(&self.secret, &app, &user, expires_at).expect("an expiry")
    }

    /// A user of [`APP_ID`] as the transports hand it to the use cases.
    pub async fn caller(&self, external_id: &str) -> Caller {
        let hash = self.hash(external_id);
        let proof = Proof {
            app_id: APP_ID,
            external_id,
            hash: &hash,
        };
        let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let caller = self.app.authenticate(proof, peer).await;
        caller.expect("a genuine proof is let in")
    }

    /// Whether nothing can be committed from now on, on either way to the disk:
    /// neither the state, with its spill table, nor telemetry's own files.
    pub fn fail_commits(&self, failing: bool) {
        self.telemetry.faults().fail_commits(failing);
        let fault = failing.then_some(CommitFault::Disk);
        self.store.faults().fail_commits(fault);
    }

    /// Every commit of the state fails from now on, by a fault of ours.
    pub fn break_commits(&self) {
        let fault = Some(CommitFault::Statement);
        self.store.faults().fail_commits(fault);
    }

    /// Carries out an administrator's request.
    pub async fn admin(&self, request: AdminRequest) -> AdminReply {
        let reply = self.app.admin(request).await;
        reply.expect("the request is carried out")
    }
}

async fn start(
    store: &TestStore,
    presence: PresenceLimits,
    senders: &MakeSenders,
) -> (Arc<App>, Telemetry, DropGuard) {
    let telemetry = store.telemetry().await;
    let shutdown = CancellationToken::new();
    let parts = Parts {
        store: store.store(),
        telemetry: telemetry.clone(),
        clock: store.clock.clone(),
        entropy: store.entropy.clone(),
        metrics: Metrics::new(),
        identity: IdentitySettings {
            pin_hash: CHEAP_HASH,
            ..IdentitySettings::default()
        },
        introspector: introspector(),
        presence,
        senders: senders(store.clock.clone()),
        shutdown: shutdown.clone(),
    };
    let app = App::start(parts).await.expect("a node starts on its store");
    (app, telemetry, shutdown.drop_guard())
}

/// Creates an app and returns its secret.
pub async fn create_app(app: &App, app_id: &str) -> AppSecret {
    let request = AdminRequest::AppCreate {
        app_id: app_id.to_owned(),
        name: None,
    };
    match app.admin(request).await {
        Ok(AdminReply::AppCreated(AppCreated { secret, .. })) => {
            AppSecret::parse(&secret.0).expect("a printed secret is one")
        }
        other => panic!("an app is created, not {other:?}"),
    }
}
