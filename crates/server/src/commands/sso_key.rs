//! `mayday sso key`: keys with which an app's backend calls us.

use clap::Subcommand;
use mayday_app::admin::{AdminReply, AdminRequest, PartnerKeyRequest, PartnerKeyView};
use serde::Serialize;

use crate::failure::{Failure, Outcome};
use crate::output::{Cell, Paint};
use crate::target::{Target, unexpected};

/// What can be done with the keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyAction {
    /// Make a key; it is printed this once
    Create {
        /// The app's id
        #[arg(long, value_name = "ID")]
        app: String,
        /// A name for people
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        #[command(flatten)]
        target: Target,
    },
    /// Make a key that replaces all others of the app
    Rotate {
        /// The app's id
        #[arg(long, value_name = "ID")]
        app: String,
        /// How long the others stay good
        #[arg(long, value_name = "HOURS", default_value = "24")]
        overlap: u32,
        #[command(flatten)]
        target: Target,
    },
    /// List the keys' ids, never the keys
    List {
        /// The app's id
        #[arg(long, value_name = "ID")]
        app: String,
        #[command(flatten)]
        target: Target,
    },
    /// Revoke a key for ever
    Revoke {
        /// The key's id, as listed
        #[arg(value_name = "KEY_ID")]
        key_id: String,
        /// The app's id
        #[arg(long, value_name = "ID")]
        app: String,
        #[command(flatten)]
        target: Target,
    },
}

/// What `sso key create --json` prints.
#[derive(Serialize)]
struct NewKey<'a> {
    key: &'a str,
    #[serde(flatten)]
    view: &'a PartnerKeyView,
}

/// Carries out `mayday sso key ..`.
pub(crate) fn run(action: KeyAction) -> Outcome {
    match action {
        KeyAction::Create { app, name, target } => create(&target, app, name, None),
        KeyAction::Rotate {
            app,
            overlap,
            target,
        } => create(&target, app, None, Some(overlap)),
        KeyAction::List { app, target } => list(&target, app),
        KeyAction::Revoke {
            key_id,
            app,
            target,
        } => revoke(&target, app, key_id),
    }
}

fn ask(target: &Target, request: PartnerKeyRequest) -> Result<AdminReply, Failure> {
    target.ask(&AdminRequest::PartnerKey(request))
}

fn create(target: &Target, app: String, name: Option<String>, overlap: Option<u32>) -> Outcome {
    let request = PartnerKeyRequest::Create {
        app_id: app,
        name,
        replaces_within_hours: overlap,
    };
    let (view, secret) = match ask(target, request)? {
        AdminReply::PartnerKeyCreated { key, secret } => (key, secret),
        reply => return Err(unexpected(&reply)),
    };
    let new = NewKey {
        key: &secret.0,
        view: &view,
    };
    target.output().value(&new, |out| {
        out.pairs(&[
            ("key", Cell::painted(Paint::Strong, new.key)),
            ("key id", Cell::from(view.key_id.to_string())),
            ("app", Cell::from(view.app_id.as_str())),
        ])?;
        out.hint("\nThe key is shown this once.")
    })
}

fn list(target: &Target, app_id: String) -> Outcome {
    let keys = match ask(target, PartnerKeyRequest::List { app_id })? {
        AdminReply::PartnerKeys { keys } => keys,
        reply => return Err(unexpected(&reply)),
    };
    target.output().value(&keys, |out| {
        if keys.is_empty() {
            return out.hint("none yet: mayday sso key create --app ID");
        }
        let rows: Vec<_> = keys
            .iter()
            .map(|key| {
                let ends = key
                    .expires_at
                    .map_or_else(|| "-".to_owned(), |at| at.to_string());
                vec![
                    Cell::from(key.key_id.to_string()),
                    state_of(key),
                    Cell::from(key.created_at.to_string()),
                    Cell::from(ends),
                    Cell::from(key.name.as_str()),
                ]
            })
            .collect();
        out.table(&["key id", "state", "created", "ends", "name"], &rows)
    })
}

fn revoke(target: &Target, app_id: String, key_id: String) -> Outcome {
    let key = match ask(target, PartnerKeyRequest::Revoke { app_id, key_id })? {
        AdminReply::PartnerKey(key) => key,
        reply => return Err(unexpected(&reply)),
    };
    target.output().value(&key, |out| {
        out.pairs(&[
            ("key id", Cell::from(key.key_id.to_string())),
            ("state", state_of(&key)),
        ])
    })
}

fn state_of(key: &PartnerKeyView) -> Cell {
    match (key.live, key.revoked_at) {
        (true, _) => Cell::painted(Paint::Good, "live"),
        (false, Some(_)) => Cell::painted(Paint::Faint, "revoked"),
        (false, None) => Cell::painted(Paint::Faint, "replaced"),
    }
}
