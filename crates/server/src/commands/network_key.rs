//! `mayday network-key`: the key that the devices of a radio network share.
//! The key itself goes in and never comes out: devices get it through the SDK.

use clap::{Args, Subcommand};
use mayday_app::admin::{AdminReply, AdminRequest, NetworkKeyRequest, PrintedSecret};

use crate::failure::Outcome;
use crate::input::Input;
use crate::output::{Cell, Paint};
use crate::target::{Target, unexpected};

/// The largest file that is taken for a key, in bytes.
const MAX_KEY_BYTES: u64 = 1_024;

/// `mayday network-key`
#[derive(Debug, Args)]
#[command(after_help = "\
An app without a key of its own gets the global one. After a rotation devices
that hold the old key no longer hear those that hold the new one until they ask
again.

Examples:
  mayday network-key generate --app shop
  mayday network-key set --global --file network.key
  mayday network-key show-fingerprint --app shop")]
pub(crate) struct NetworkKeyArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Set a key that was made elsewhere: 64 hexadecimal digits
    Set {
        #[command(flatten)]
        scope: Scope,
        #[command(flatten)]
        input: Input,
        #[command(flatten)]
        target: Target,
    },
    /// Make the first key
    Generate(OneKey),
    /// Make a new key in place of the one there is
    Rotate(OneKey),
    /// Show what tells a key from another one
    ShowFingerprint(OneKey),
    /// Remove a key: devices can no longer ask for it
    Remove(OneKey),
}

#[derive(Debug, Args)]
struct OneKey {
    #[command(flatten)]
    scope: Scope,
    #[command(flatten)]
    target: Target,
}

/// Whose key.
#[derive(Debug, Args)]
struct Scope {
    /// The key of this app's devices
    #[arg(long, value_name = "ID", required_unless_present = "global")]
    app: Option<String>,
    /// The key of every app that has none of its own
    #[arg(long, conflicts_with = "app")]
    global: bool,
}

/// Carries out `mayday network-key ..`.
pub(crate) fn run(args: NetworkKeyArgs) -> Outcome {
    match args.action {
        Action::Set {
            scope,
            input,
            target,
        } => {
            let key = PrintedSecret(input.text(MAX_KEY_BYTES)?.trim().to_owned());
            let app_id = scope.app;
            print(&target, NetworkKeyRequest::Set { app_id, key })
        }
        Action::Generate(one) => {
            let app_id = one.scope.app;
            print(&one.target, NetworkKeyRequest::Generate { app_id })
        }
        Action::Rotate(one) => {
            let app_id = one.scope.app;
            print(&one.target, NetworkKeyRequest::Rotate { app_id })
        }
        Action::ShowFingerprint(one) => {
            let app_id = one.scope.app;
            print(&one.target, NetworkKeyRequest::Show { app_id })
        }
        Action::Remove(one) => {
            let app_id = one.scope.app;
            print(&one.target, NetworkKeyRequest::Remove { app_id })
        }
    }
}

fn print(target: &Target, request: NetworkKeyRequest) -> Outcome {
    let key = match target.ask(&AdminRequest::NetworkKey(request))? {
        AdminReply::NetworkKey(key) => key,
        AdminReply::Removed => return target.output().hint("removed"),
        reply => return Err(unexpected(&reply)),
    };
    target.output().value(&key, |out| {
        out.pairs(&[
            ("scope", Cell::from(key.scope.as_str())),
            ("app", Cell::from(key.app_id.as_deref().unwrap_or_default())),
            (
                "fingerprint",
                Cell::painted(Paint::Strong, key.fingerprint.as_str()),
            ),
            ("set", Cell::from(key.created_at.to_string())),
        ])
    })
}
