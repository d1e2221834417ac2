//! `mayday broker-key`: keys with which external MQTT brokers ask about their
//! clients.

use clap::{Args, Subcommand};
use mayday_app::admin::{AdminReply, AdminRequest, BrokerKeyRequest, BrokerKeyView};
use serde::Serialize;

use crate::failure::{Failure, Outcome};
use crate::output::{Cell, Paint};
use crate::target::{Target, unexpected};

/// `mayday broker-key`
#[derive(Debug, Args)]
#[command(after_help = "\
A broker sends its key as Authorization: Bearer KEY, or as a password of Basic.

Examples:
  mayday broker-key create --app shop --name edge
  mayday broker-key create --all-apps
  mayday broker-key revoke 0199...")]
pub(crate) struct BrokerKeyArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a key; it is printed this once
    Create {
        /// The one app that the broker serves: topics may name its external ids
        #[arg(long, value_name = "ID", required_unless_present = "all_apps")]
        app: Option<String>,
        /// The broker serves every app
        #[arg(long, conflicts_with = "app")]
        all_apps: bool,
        /// A name for people
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        #[command(flatten)]
        target: Target,
    },
    /// List the keys' ids, never the keys
    List {
        #[command(flatten)]
        target: Target,
    },
    /// Revoke a key for ever: its broker is answered 401
    Revoke {
        /// The key's id, as listed
        #[arg(value_name = "KEY_ID")]
        key_id: String,
        #[command(flatten)]
        target: Target,
    },
}

/// What `broker-key create --json` prints.
#[derive(Serialize)]
struct NewKey<'a> {
    key: &'a str,
    #[serde(flatten)]
    view: &'a BrokerKeyView,
}

/// Carries out `mayday broker-key ..`.
pub(crate) fn run(args: BrokerKeyArgs) -> Outcome {
    match args.action {
        Action::Create {
            app, name, target, ..
        } => create(&target, app, name),
        Action::List { target } => list(&target),
        Action::Revoke { key_id, target } => revoke(&target, key_id),
    }
}

fn ask(target: &Target, request: BrokerKeyRequest) -> Result<AdminReply, Failure> {
    target.ask(&AdminRequest::BrokerKey(request))
}

fn create(target: &Target, app_id: Option<String>, name: Option<String>) -> Outcome {
    let (view, secret) = match ask(target, BrokerKeyRequest::Create { app_id, name })? {
        AdminReply::BrokerKeyCreated { key, secret } => (key, secret),
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
            ("serves", serves(&view)),
        ])?;
        out.hint("\nThe key is shown this once.")
    })
}

fn list(target: &Target) -> Outcome {
    let keys = match ask(target, BrokerKeyRequest::List)? {
        AdminReply::BrokerKeys { keys } => keys,
        reply => return Err(unexpected(&reply)),
    };
    target.output().value(&keys, |out| {
        if keys.is_empty() {
            return out.hint("none yet: mayday broker-key create --app ID");
        }
        let rows: Vec<_> = keys
            .iter()
            .map(|key| {
                vec![
                    Cell::from(key.key_id.to_string()),
                    state_of(key),
                    serves(key),
                    Cell::from(key.created_at.to_string()),
                    Cell::from(key.name.as_str()),
                ]
            })
            .collect();
        out.table(&["key id", "state", "serves", "created", "name"], &rows)
    })
}

fn revoke(target: &Target, key_id: String) -> Outcome {
    let key = match ask(target, BrokerKeyRequest::Revoke { key_id })? {
        AdminReply::BrokerKey(key) => key,
        reply => return Err(unexpected(&reply)),
    };
    target.output().value(&key, |out| {
        out.pairs(&[
            ("key id", Cell::from(key.key_id.to_string())),
            ("state", state_of(&key)),
        ])
    })
}

fn serves(key: &BrokerKeyView) -> Cell {
    Cell::from(key.app_id.as_deref().unwrap_or("every app"))
}

fn state_of(key: &BrokerKeyView) -> Cell {
    if key.revoked_at.is_none() {
        Cell::painted(Paint::Good, "live")
    } else {
        Cell::painted(Paint::Faint, "revoked")
    }
}
