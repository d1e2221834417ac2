//! `mayday app`: registers apps, rotates their secrets, sets their policy.

use clap::{Args, Subcommand, ValueEnum};
use mayday_app::admin::{AdminReply, AdminRequest, AppView, SecretView};
use mayday_core::identity::CancelPolicy;
use mayday_core::ids::SecretId;
use serde::Serialize;

use crate::failure::{Failure, Outcome};
use crate::output::{Cell, Output, Paint};
use crate::target::{Target, unexpected};

/// `mayday app`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mayday app create --id shop --name \"The Shop\"
  mayday app list
  mayday app policy --id shop --require-expiring on
  mayday app retention --id shop --days 7

Rotate a secret without a gap: add the second, sign with it, retire the first.
  mayday app secret add --id shop
  mayday app secret list --id shop
  mayday app secret retire --id shop --secret-id 0199...")]
pub(crate) struct AppArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Register an app; its secret is printed this once
    #[command(after_help = "\
Examples:
  mayday app create --id shop --name \"The Shop\"
  mayday app create --id shop --json | jq -r .secret > shop.secret

The secret belongs on your own server, never in the app. What it signs for is
printed by `mayday sign`; `mayday app secret add` makes another one.")]
    Create {
        /// The app's id, as the SDK sends it: 1 to 63 of a-z, 0-9, _ and -
        #[arg(long, value_name = "ID")]
        id: String,
        /// A name for people [default: the id]
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        #[command(flatten)]
        target: Target,
    },
    /// List the apps
    List {
        #[command(flatten)]
        target: Target,
    },
    /// Show an app
    Show {
        /// The app's id
        #[arg(long, value_name = "ID")]
        id: String,
        #[command(flatten)]
        target: Target,
    },
    /// Add, list and retire the secrets that sign for an app
    Secret {
        #[command(subcommand)]
        action: SecretAction,
    },
    /// Let an app's users in again
    Activate {
        /// The app's id
        #[arg(long, value_name = "ID")]
        id: String,
        #[command(flatten)]
        target: Target,
    },
    /// Refuse an app's users everywhere and cut their connections
    Deactivate {
        /// The app's id
        #[arg(long, value_name = "ID")]
        id: String,
        #[command(flatten)]
        target: Target,
    },
    /// Show or change what an app allows
    Policy(PolicyArgs),
    /// Keep the positions of an app's users for fewer days than the server does
    #[command(after_help = "\
Examples:
  mayday app retention --id shop --days 7
  mayday app retention --id shop --default

A day is a day in UTC, and goes as a whole within about an hour. The trail of an
incident stays with the incident, and so does each user's newest position.
Of this and `telemetry.retention_days` the shorter one holds.")]
    Retention(RetentionArgs),
}

#[derive(Debug, Subcommand)]
enum SecretAction {
    /// Add a second secret, to rotate without a gap; it is printed this once
    Add {
        /// The app's id
        #[arg(long, value_name = "ID")]
        id: String,
        #[command(flatten)]
        target: Target,
    },
    /// List the secrets' ids, never the secrets
    List {
        /// The app's id
        #[arg(long, value_name = "ID")]
        id: String,
        #[command(flatten)]
        target: Target,
    },
    /// Retire a secret for ever: what it signed is refused, connections are cut
    Retire {
        /// The app's id
        #[arg(long, value_name = "ID")]
        id: String,
        /// The secret's id, as listed
        #[arg(long, value_name = "SID")]
        secret_id: String,
        #[command(flatten)]
        target: Target,
    },
}

#[derive(Debug, Args)]
struct PolicyArgs {
    /// The app's id
    #[arg(long, value_name = "ID")]
    id: String,
    /// Whether hashes that never expire are refused
    #[arg(long, value_name = "on|off")]
    require_expiring: Option<Switch>,
    /// Who may cancel somebody else's incident by naming its device
    #[arg(long, value_name = "WHO")]
    cancel: Option<Cancel>,
    /// Whether cancelling an SOS takes the user's PIN, if they have one
    #[arg(long, value_name = "on|off")]
    cancel_signature: Option<Asking>,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
struct RetentionArgs {
    /// The app's id
    #[arg(long, value_name = "ID")]
    id: String,
    #[command(flatten)]
    length: RetentionLength,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct RetentionLength {
    /// Keep telemetry for so many days, 1 to 3650
    #[arg(long, value_name = "N")]
    days: Option<u32>,
    /// Keep it for as long as the server does
    #[arg(long)]
    default: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Asking {
    /// It does
    On,
    /// It does not
    Off,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Switch {
    /// Refused
    On,
    /// Accepted
    Off,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Cancel {
    /// A gateway that relayed it
    RelayOnly,
    /// Any user of the app
    AnyUser,
}

/// Carries out `mayday app ..`.
pub(crate) fn run(args: AppArgs) -> Outcome {
    match args.action {
        Action::Create { id, name, target } => create(&target, id, name),
        Action::List { target } => list(&target),
        Action::Show { id, target } => print_app(&target, &AdminRequest::AppShow { app_id: id }),
        Action::Retention(retention) => {
            let (app_id, days) = (retention.id, retention.length.days);
            print_app(
                &retention.target,
                &AdminRequest::AppSetRetention { app_id, days },
            )
        }
        Action::Activate { id, target } => set_active(&target, id, true),
        Action::Deactivate { id, target } => set_active(&target, id, false),
        Action::Policy(policy) => set_policy(policy),
        Action::Secret { action } => match action {
            SecretAction::Add { id, target } => secret_add(&target, id),
            SecretAction::List { id, target } => secret_list(&target, id),
            SecretAction::Retire {
                id,
                secret_id,
                target,
            } => secret_retire(&target, id, secret_id),
        },
    }
}

/// What `app create --json` and `app secret add --json` print.
#[derive(Serialize)]
struct NewSecret<'a> {
    app_id: &'a str,
    secret: &'a str,
    secret_id: SecretId,
}

impl NewSecret<'_> {
    fn print(&self, out: Output) -> Outcome {
        out.value(self, |out| {
            out.pairs(&[
                ("app", Cell::from(self.app_id)),
                ("secret", Cell::painted(Paint::Strong, self.secret)),
                ("secret id", Cell::from(self.secret_id.to_string())),
            ])?;
            out.hint("\nThe secret is shown this once. Keep it on your server, never in the app.")
        })
    }
}

fn create(target: &Target, app_id: String, name: Option<String>) -> Outcome {
    match target.ask(&AdminRequest::AppCreate { app_id, name })? {
        AdminReply::AppCreated(created) => NewSecret {
            app_id: &created.app.app_id,
            secret: &created.secret.0,
            secret_id: created.secret_id,
        }
        .print(target.output()),
        reply => Err(unexpected(&reply)),
    }
}

fn secret_add(target: &Target, app_id: String) -> Outcome {
    match target.ask(&AdminRequest::SecretAdd { app_id })? {
        AdminReply::SecretAdded(added) => NewSecret {
            app_id: &added.app_id,
            secret: &added.secret.0,
            secret_id: added.secret_id,
        }
        .print(target.output()),
        reply => Err(unexpected(&reply)),
    }
}

fn list(target: &Target) -> Outcome {
    let AdminReply::Apps { apps } = target.ask(&AdminRequest::AppList)? else {
        return Err(Failure::new("the server gave an unexpected answer"));
    };
    target.output().value(&apps, |out| {
        if apps.is_empty() {
            return out.hint("no app yet: mayday app create --id ID");
        }
        let rows: Vec<_> = apps
            .iter()
            .map(|app| {
                vec![
                    Cell::from(app.app_id.as_str()),
                    state_of(app),
                    Cell::from(app.live_secrets.to_string()),
                    Cell::from(app.created_at.to_string()),
                    Cell::from(kept_of(app)),
                    Cell::from(app.name.as_str()),
                ]
            })
            .collect();
        out.table(
            &["app", "state", "secrets", "created", "kept", "name"],
            &rows,
        )
    })
}

fn set_active(target: &Target, app_id: String, active: bool) -> Outcome {
    print_app(target, &AdminRequest::AppSetActive { app_id, active })
}

fn set_policy(args: PolicyArgs) -> Outcome {
    let request = AdminRequest::AppSetPolicy {
        app_id: args.id,
        require_expiring: args.require_expiring.map(|switch| switch == Switch::On),
        cancel: args.cancel.map(|who| match who {
            Cancel::RelayOnly => CancelPolicy::RelayOnly,
            Cancel::AnyUser => CancelPolicy::AnyUser,
        }),
        cancel_signature: args.cancel_signature.map(|asking| asking == Asking::On),
    };
    print_app(&args.target, &request)
}

fn print_app(target: &Target, request: &AdminRequest) -> Outcome {
    let app = match target.ask(request)? {
        AdminReply::App(app) => app,
        reply => return Err(unexpected(&reply)),
    };
    target.output().value(&app, |out| {
        let word = |on: bool| if on { "on" } else { "off" };
        out.pairs(&[
            ("app", Cell::from(app.app_id.as_str())),
            ("name", Cell::from(app.name.as_str())),
            ("state", state_of(&app)),
            (
                "require-expiring",
                Cell::from(word(app.policy.require_expiring)),
            ),
            (
                "cancel",
                Cell::from(app.policy.cancel.as_str().replace('_', "-")),
            ),
            (
                "cancel-signature",
                Cell::from(word(app.policy.cancel_signature)),
            ),
            ("live secrets", Cell::from(app.live_secrets.to_string())),
            ("telemetry kept", Cell::from(kept_of(&app))),
        ])
    })
}

fn kept_of(app: &AppView) -> String {
    match app.retention_days {
        Some(1) => "1 day".to_owned(),
        Some(days) => format!("{days} days"),
        None => "default".to_owned(),
    }
}

fn state_of(app: &AppView) -> Cell {
    if app.active {
        Cell::painted(Paint::Good, "active")
    } else {
        Cell::painted(Paint::Warn, "inactive")
    }
}

fn secret_list(target: &Target, app_id: String) -> Outcome {
    let AdminReply::Secrets { secrets } = target.ask(&AdminRequest::SecretList { app_id })? else {
        return Err(Failure::new("the server gave an unexpected answer"));
    };
    target.output().value(&secrets, |out| {
        let rows: Vec<_> = secrets
            .iter()
            .map(|secret| {
                vec![
                    Cell::from(secret.secret_id.to_string()),
                    secret_state(secret),
                    Cell::from(secret.created_at.to_string()),
                    Cell::from(
                        secret
                            .retired_at
                            .map_or_else(String::new, |at| at.to_string()),
                    ),
                ]
            })
            .collect();
        out.table(&["secret id", "state", "created", "retired"], &rows)
    })
}

fn secret_retire(target: &Target, app_id: String, secret_id: String) -> Outcome {
    let request = AdminRequest::SecretRetire { app_id, secret_id };
    let secret = match target.ask(&request)? {
        AdminReply::Secret(secret) => secret,
        reply => return Err(unexpected(&reply)),
    };
    let retired = secret.retired_at.map(|at| at.to_string());
    target.output().value(&secret, |out| {
        out.pairs(&[
            ("secret id", Cell::from(secret.secret_id.to_string())),
            ("state", secret_state(&secret)),
            ("retired", Cell::from(retired.unwrap_or_default())),
        ])?;
        out.hint("\nWhoever was signed for with it is refused, SOS included. See that one is live:\nmayday app secret list --id ID")
    })
}

fn secret_state(secret: &SecretView) -> Cell {
    if secret.retired_at.is_none() {
        Cell::painted(Paint::Good, "live")
    } else {
        Cell::painted(Paint::Faint, "retired")
    }
}
