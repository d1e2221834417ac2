//! `mayday slack`: channels in which people hear of an SOS.

use clap::{Args, Subcommand};
use mayday_app::admin::{NewEndpoint, PrintedSecret};
use mayday_core::escalation::Channel;

use super::endpoints;
use crate::failure::Outcome;
use crate::input::Input;
use crate::target::Target;

/// The largest file that is taken for a URL, in bytes.
const MAX_URL_BYTES: u64 = 8 * 1_024;

/// `mayday slack`
#[derive(Debug, Args)]
#[command(after_help = "\
Make an incoming webhook in Slack and give its URL here. It is a secret: it is
read from a file or from standard input, stored sealed, and never shown again.

Examples:
  mayday slack add --app shop --name '#sos' --file slack-url.txt
  mayday slack test CHANNEL --app shop
  mayday slack log --app shop")]
pub(crate) struct SlackArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Tell a channel of each SOS from now on
    Add {
        /// The app's id
        #[arg(long, value_name = "ID")]
        app: String,
        #[command(flatten)]
        input: Input,
        #[command(flatten)]
        wanted: endpoints::Wanted,
        #[command(flatten)]
        target: Target,
    },
    /// List the channels of an app, never their URLs
    List(endpoints::AppArgs),
    /// Remove a channel with its URL
    Remove(endpoints::OneArgs),
    /// Post a test now, and show what Slack said
    Test(endpoints::OneArgs),
    /// Show what became of messages, newest first
    Log {
        /// The app's id
        #[arg(long, value_name = "ID")]
        app: String,
        #[command(flatten)]
        page: super::user::PageArgs,
        #[command(flatten)]
        target: Target,
    },
}

/// Carries out `mayday slack ..`.
pub(crate) fn run(args: SlackArgs) -> Outcome {
    match args.action {
        Action::Add {
            app,
            input,
            wanted,
            target,
        } => {
            let url = input.text(MAX_URL_BYTES)?;
            let (name, events, local) = wanted.parts();
            let new = NewEndpoint {
                app_id: app,
                channel: Channel::Slack,
                url: PrintedSecret(url.trim().to_owned()),
                name,
                events,
                local,
            };
            endpoints::add(&target, new)
        }
        Action::List(list) => endpoints::list(list, Channel::Slack),
        Action::Remove(one) => endpoints::remove(one),
        Action::Test(one) => endpoints::test(one),
        Action::Log { app, page, target } => {
            endpoints::log(&target, app, Channel::Slack, None, page.request())
        }
    }
}
