//! `mayday admin-key`: keys with which an operator's programs call the admin API.

use clap::{Args, Subcommand};
use mayday_app::admin::{AdminKeyRequest, AdminKeyView, AdminReply, AdminRequest};
use serde::Serialize;

use crate::failure::{Failure, Outcome};
use crate::output::{Cell, Paint};
use crate::target::{Target, unexpected};

/// `mayday admin-key`
#[derive(Debug, Args)]
#[command(after_help = "\
A program sends its key to the admin listener as Authorization: Bearer KEY.

Examples:
  mayday admin-key create --app shop --name panel
  mayday admin-key create --all-apps --read-only
  mayday admin-key revoke 0199...")]
pub(crate) struct AdminKeyArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a key; it is printed this once
    Create {
        /// The one app that it is good for
        #[arg(long, value_name = "ID", required_unless_present = "all_apps")]
        app: Option<String>,
        /// It is good for every app
        #[arg(long, conflicts_with = "app")]
        all_apps: bool,
        /// A name for people
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        /// It looks, and changes nothing
        #[arg(long)]
        read_only: bool,
        #[command(flatten)]
        target: Target,
    },
    /// List the keys' ids, never the keys
    List {
        #[command(flatten)]
        target: Target,
    },
    /// Revoke a key for ever: who shows it is answered 401
    Revoke {
        /// The key's id, as listed
        #[arg(value_name = "KEY_ID")]
        key_id: String,
        #[command(flatten)]
        target: Target,
    },
}

/// What `admin-key create --json` prints.
#[derive(Serialize)]
struct NewKey<'a> {
    key: &'a str,
    #[serde(flatten)]
    view: &'a AdminKeyView,
}

/// Carries out `mayday admin-key ..`.
pub(crate) fn run(args: AdminKeyArgs) -> Outcome {
    match args.action {
        Action::Create {
            app,
            name,
            read_only,
            target,
            ..
        } => create(
            &target,
            AdminKeyRequest::Create {
                app_id: app,
                name,
                read_only,
            },
        ),
        Action::List { target } => list(&target),
        Action::Revoke { key_id, target } => revoke(&target, key_id),
    }
}

fn ask(target: &Target, request: AdminKeyRequest) -> Result<AdminReply, Failure> {
    target.ask(&AdminRequest::AdminKey(request))
}

fn create(target: &Target, request: AdminKeyRequest) -> Outcome {
    let (view, secret) = match ask(target, request)? {
        AdminReply::AdminKeyCreated { key, secret } => (key, secret),
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
            ("apps", apps_of(&view)),
            ("may", may(&view)),
        ])?;
        out.hint("\nThe key is shown this once.")
    })
}

fn list(target: &Target) -> Outcome {
    let keys = match ask(target, AdminKeyRequest::List)? {
        AdminReply::AdminKeys { keys } => keys,
        reply => return Err(unexpected(&reply)),
    };
    target.output().value(&keys, |out| {
        if keys.is_empty() {
            return out.hint("none yet: mayday admin-key create --app ID");
        }
        let rows: Vec<_> = keys
            .iter()
            .map(|key| {
                vec![
                    Cell::from(key.key_id.to_string()),
                    state_of(key),
                    apps_of(key),
                    may(key),
                    Cell::from(key.created_at.to_string()),
                    Cell::from(key.name.as_str()),
                ]
            })
            .collect();
        out.table(
            &["key id", "state", "apps", "may", "created", "name"],
            &rows,
        )
    })
}

fn revoke(target: &Target, key_id: String) -> Outcome {
    let key = match ask(target, AdminKeyRequest::Revoke { key_id })? {
        AdminReply::AdminKey(key) => key,
        reply => return Err(unexpected(&reply)),
    };
    target.output().value(&key, |out| {
        out.pairs(&[
            ("key id", Cell::from(key.key_id.to_string())),
            ("state", state_of(&key)),
        ])
    })
}

fn apps_of(key: &AdminKeyView) -> Cell {
    Cell::from(key.app_id.as_deref().unwrap_or("every app"))
}

fn may(key: &AdminKeyView) -> Cell {
    Cell::from(if key.read_only { "look" } else { "change" })
}

fn state_of(key: &AdminKeyView) -> Cell {
    if key.revoked_at.is_none() {
        Cell::painted(Paint::Good, "live")
    } else {
        Cell::painted(Paint::Faint, "revoked")
    }
}
