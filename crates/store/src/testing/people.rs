//! Apps and users for tests.

use mayday_core::identity::signing::{LiveSecret, sign_static};
use mayday_core::identity::{AppId, AppSecret, Caller, Credential, ExternalUserId, Standing};
use mayday_core::ids::{AppUuid, SecretId, UserId};

use super::TestStore;
use crate::apps::{AppCreation, CreateApp};
use crate::command::Lane;
use crate::users::{self, UpsertUser};

/// An app of a test.
#[derive(Clone, Debug)]
pub struct TestApp {
    /// The internal id.
    pub id: AppUuid,
    /// The public id.
    pub app_id: AppId,
    /// Its first secret.
    pub secret: LiveSecret,
}

impl TestApp {
    /// The static user hash of a user of this app.
    pub fn hash(&self, user: &str) -> String {
        let user = ExternalUserId::parse(user).expect("a user id");
        sign_static(&self.secret.secret, &user)
    }
}

impl TestStore {
    /// Creates an app.
    pub async fn app(&self, id: &str) -> TestApp {
        let app_id = AppId::parse(id).expect("an app id");
        let secret = LiveSecret {
            id: SecretId::generate(self.clock.as_ref(), self.entropy.as_ref()),
            secret: AppSecret::generate(self.entropy.as_ref()),
        };
        let create = CreateApp {
            id: AppUuid::generate(self.clock.as_ref(), self.entropy.as_ref()),
            app_id: app_id.clone(),
            name: id.to_owned(),
            secret: secret.clone(),
        };
        match self.write(Lane::Rest, create).await.expect("an app") {
            AppCreation::Created(row) => TestApp {
                id: row.id,
                app_id,
                secret,
            },
            other => panic!("the app {id}: {other:?}"),
        }
    }

    /// Makes a user of an app, or finds the one there is.
    pub async fn user(&self, app: &TestApp, external_id: &str) -> UserId {
        let upsert = UpsertUser {
            id: UserId::generate(self.clock.as_ref(), self.entropy.as_ref()),
            app: app.id,
            external_id: ExternalUserId::parse(external_id).expect("a user id"),
        };
        self.write(Lane::Rest, upsert).await.expect("a user").id
    }

    /// A caller in good standing, whose user is made if needed.
    pub async fn caller(&self, app: &TestApp, external_id: &str) -> Caller {
        Caller {
            app: app.id,
            app_id: app.app_id.clone(),
            user: self.user(app, external_id).await,
            external_id: ExternalUserId::parse(external_id).expect("a user id"),
            credential: Credential::Secret(app.secret.id),
            lapse: None,
            idle: None,
            expires_at: None,
            standing: Standing::Full,
            peer: std::net::Ipv4Addr::LOCALHOST.into(),
        }
    }

    /// The user of a caller's names, as the store has it.
    pub async fn user_of(&self, caller: &Caller) -> Option<UserId> {
        let mut tx = self.read().await.expect("a read");
        let found = users::find(&mut tx, caller.app, &caller.external_id).await;
        found.expect("a user or none").map(|row| row.id)
    }

    /// The external ids of an app's users, at most 1000, in byte order.
    pub async fn users_of(&self, app: &str) -> Vec<String> {
        let app = AppId::parse(app).expect("an app id");
        let mut tx = self.read().await.expect("a read");
        let rows = users::page(&mut tx, &app, "", 1_000).await.expect("users");
        rows.iter().map(|row| row.external_id.to_string()).collect()
    }
}
