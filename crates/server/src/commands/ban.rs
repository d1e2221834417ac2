//! `mayday ban`: addresses whose log-ins are refused for a while.

use clap::{Args, Subcommand};
use mayday_app::admin::{AdminReply, AdminRequest, BanRequest};

use super::user::{PageArgs, hint_next};
use crate::failure::Outcome;
use crate::output::{Cell, Paint};
use crate::target::{Target, unexpected};

/// `mayday ban`
#[derive(Debug, Args)]
#[command(after_help = "\
An address that fails to log in at an app more than 100 times in 15 minutes is
refused there for an hour. Only log-ins are: an SOS, a session or a hash that is
valid passes from anywhere.

Examples:
  mayday ban list --app shop
  mayday ban lift 192.0.2.7 --app shop")]
pub(crate) struct BanArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List bans, newest first, with those of the last 90 days that are over
    List {
        /// The app's id
        #[arg(long, value_name = "ID")]
        app: String,
        #[command(flatten)]
        page: PageArgs,
        #[command(flatten)]
        target: Target,
    },
    /// End a ban now
    Lift {
        /// The address, as listed
        #[arg(value_name = "ADDRESS")]
        network: String,
        /// The app's id
        #[arg(long, value_name = "ID")]
        app: String,
        #[command(flatten)]
        target: Target,
    },
}

/// Carries out `mayday ban ..`.
pub(crate) fn run(args: BanArgs) -> Outcome {
    match args.action {
        Action::List { app, page, target } => list(&target, app, page),
        Action::Lift {
            network,
            app,
            target,
        } => {
            let lift = BanRequest::Lift {
                app_id: app,
                network,
            };
            match target.ask(&AdminRequest::Ban(lift))? {
                AdminReply::Done => target.output().hint("lifted"),
                reply => Err(unexpected(&reply)),
            }
        }
    }
}

fn list(target: &Target, app_id: String, page: PageArgs) -> Outcome {
    let request = AdminRequest::Ban(BanRequest::List {
        app_id,
        page: page.request(),
    });
    let bans = match target.ask(&request)? {
        AdminReply::Bans(bans) => bans,
        reply => return Err(unexpected(&reply)),
    };
    target.output().value(&bans, |out| {
        if bans.items.is_empty() {
            return out.hint("no bans");
        }
        let rows: Vec<_> = bans
            .items
            .iter()
            .map(|ban| {
                let state = match (ban.in_force, ban.lifted_at) {
                    (true, _) => Cell::painted(Paint::Warn, "in force"),
                    (false, Some(_)) => Cell::from("lifted"),
                    (false, None) => Cell::from("over"),
                };
                vec![
                    Cell::from(ban.network.as_str()),
                    state,
                    Cell::from(ban.created_at.to_string()),
                    Cell::from(ban.until.to_string()),
                    Cell::from(ban.reason.as_str()),
                ]
            })
            .collect();
        out.table(&["address", "state", "since", "until", "why"], &rows)?;
        hint_next(out, &bans)
    })
}
