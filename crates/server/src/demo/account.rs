//! The app `demo` and its secret.
//!
//! The store never gives a secret back, so the demo keeps its own beside the
//! data, for the owner alone: lines that were copied from an earlier run go on
//! working after a restart.

use std::fs;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mayday_app::App;
use mayday_app::admin::{
    AdminError, AdminReply, AdminRequest, PolicyRequest, SsoChange, SsoRequest,
};
use mayday_core::identity::{AppSecret, ExternalUserId, signing};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::failure::{Failure, Outcome};

/// How long an SOS can be taken back before anybody is told.
pub(super) const GRACE: Duration = Duration::from_secs(2);
/// How long each step waits for an answer: the shortest that a policy allows.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// The app's id.
pub(super) const APP_ID: &str = "demo";

/// What the partner's tokens are for.
pub(super) const AUDIENCE: &str = "demo-app";
/// The parameter in which the partner expects a token.
pub(super) const TOKEN_PARAMETER: &str = "token";
/// How many sessions a user has: a second phone takes the place of the first.
const SESSIONS: u32 = 1;

/// Where the secret is kept.
const FILE_NAME: &str = "demo.json";

/// Signs for the demo's users, as a partner's server would.
pub(super) struct Account {
    secret: AppSecret,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    app_id: String,
    secret: String,
}

impl Account {
    /// The user hash of one of the demo's users.
    pub(super) fn sign(&self, user: &str) -> Result<String, Failure> {
        let user = ExternalUserId::parse(user).map_err(|error| Failure::new(error.to_string()))?;
        Ok(signing::sign_static(&self.secret, &user))
    }
}

/// The app `demo`: the one of an earlier run, or a new one.
pub(super) async fn open(app: &Arc<App>, data_dir: &Path) -> Result<Account, Failure> {
    let path = data_dir.join(FILE_NAME);
    let secret = if let Some(kept) = read(&path)? {
        kept.secret
    } else {
        let secret = new_secret(app).await?;
        write(&path, &secret).map_err(|error| unusable(&path, &error))?;
        secret
    };
    let secret = AppSecret::parse(&secret).map_err(|error| unusable(&path, &error))?;
    Ok(Account { secret })
}

async fn new_secret(app: &Arc<App>) -> Result<String, Failure> {
    let create = AdminRequest::AppCreate {
        app_id: APP_ID.to_owned(),
        name: Some("Demo".to_owned()),
    };
    match app.admin(create).await {
        Ok(AdminReply::AppCreated(created)) => return Ok(created.secret.0.clone()),
        // An earlier demo was stopped before it kept the secret.
        Err(AdminError::Conflict { .. }) => {}
        Err(error) => return Err(Failure::new(error.to_string())),
        Ok(reply) => return Err(crate::target::unexpected(&reply)),
    }
    let add = AdminRequest::SecretAdd {
        app_id: APP_ID.to_owned(),
    };
    match app.admin(add).await {
        Ok(AdminReply::SecretAdded(added)) => Ok(added.secret.0.clone()),
        Ok(reply) => Err(crate::target::unexpected(&reply)),
        Err(error) => Err(Failure::new(format!(
            "the app {APP_ID:?} of this data directory is not the demo's ({error}): \
             use another --data-dir"
        ))),
    }
}

/// Has the demo's app ask contacts by SMS and by calls, with times that a visitor
/// waits for.
pub(super) async fn set_policy(app: &App) -> Outcome {
    let set = PolicyRequest::Set {
        app_id: APP_ID.to_owned(),
        policy: json!({
            "grace_seconds": GRACE.as_secs(),
            "acknowledge_timeout_seconds": ANSWER_WITHIN.as_secs(),
            "channels": ["sms", "voice"],
        }),
        expected: None,
        by: "mayday demo".to_owned(),
        from: "the demo".to_owned(),
    };
    match app.admin(AdminRequest::Policy(set)).await {
        Ok(_) => Ok(()),
        Err(error) => Err(Failure::new(error.to_string())),
    }
}

/// Has the demo's app log its users in with the tokens of the partner there, which
/// has another port each time.
pub(super) async fn set_log_in(app: &App, partner: SocketAddr) -> Outcome {
    let set = SsoRequest::Set {
        app_id: APP_ID.to_owned(),
        change: Box::new(SsoChange {
            audience: Some(AUDIENCE.to_owned()),
            token_info_url: Some(format!("http://{partner}/tokeninfo")),
            parameter: Some(TOKEN_PARAMETER.to_owned()),
            local: Some(true),
            sessions: Some(SESSIONS),
            ..SsoChange::default()
        }),
    };
    match app.admin(AdminRequest::Sso(set)).await {
        Ok(_) => Ok(()),
        Err(error) => Err(Failure::new(error.to_string())),
    }
}

fn read(path: &Path) -> Result<Option<Kept>, Failure> {
    match fs::read(path) {
        Ok(text) => serde_json::from_slice(&text)
            .map(Some)
            .map_err(|error| unusable(path, &error)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unusable(path, &error)),
    }
}

fn write(path: &Path, secret: &str) -> io::Result<()> {
    let kept = Kept {
        app_id: APP_ID.to_owned(),
        secret: secret.to_owned(),
    };
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(&serde_json::to_vec_pretty(&kept)?)?;
    file.sync_all()
}

fn unusable(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(format!(
        "{} cannot be used: {error}; remove it, or use another --data-dir",
        path.display()
    ))
}
