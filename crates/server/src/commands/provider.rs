//! `mayday provider`: what messages, calls and mails go through.

use clap::{Args, Subcommand, ValueEnum};
use mayday_app::admin::{
    AdminReply, AdminRequest, OptOutView, Page, PageRequest, ProviderRequest, ShownView,
    TestAttempt,
};
use mayday_app::senders::ProviderHealth;
use mayday_core::escalation::Channel;

use crate::failure::{Failure, Outcome};
use crate::output::{Cell, Paint};
use crate::target::{Target, unexpected};

/// `mayday provider`
#[derive(Debug, Args)]
#[command(after_help = "\
Providers stand in the settings: [provider.NAME], [sending], [smtp].

Examples:
  mayday provider list
  mayday provider test --to +34600111222
  mayday provider test --channel voice --to +34600111222 --provider main
  mayday provider screen")]
pub(crate) struct ProviderArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the providers that anything is routed through, and how they fare
    List {
        #[command(flatten)]
        target: Target,
    },
    /// Send a message that says that it is a test
    Test {
        /// A number with + and country code, or a mail address
        #[arg(long, value_name = "NUMBER_OR_ADDRESS")]
        to: String,
        /// What it goes by [default: sms, or email to an address]
        #[arg(long, value_name = "CHANNEL")]
        channel: Option<By>,
        /// The one provider to try [default: as the routes say]
        #[arg(long, value_name = "NAME")]
        provider: Option<String>,
        #[command(flatten)]
        target: Target,
    },
    /// Show what the running server showed instead of sending it
    Screen {
        /// Only messages with a higher number
        #[arg(
            long,
            value_name = "NUMBER",
            default_value_t = 0,
            hide_default_value = true
        )]
        after: u64,
        #[command(flatten)]
        target: Target,
    },
    /// List the numbers whose owners want no more messages
    OptOuts {
        /// How many at most, 1 to 1000 [default: 100]
        #[arg(long, value_name = "NUMBER")]
        limit: Option<u32>,
        /// `next_cursor` of the page before
        #[arg(long, value_name = "CURSOR")]
        cursor: Option<String>,
        #[command(flatten)]
        target: Target,
    },
}

/// What a test goes by.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum By {
    // Without sentences in the help, which would make all of it twice as long.
    Sms,
    Voice,
    Email,
}

/// Carries out `mayday provider ..`.
pub(crate) fn run(args: ProviderArgs) -> Outcome {
    match args.action {
        Action::List { target } => list(&target),
        Action::Test {
            to,
            channel,
            provider,
            target,
        } => {
            let channel = match channel {
                Some(By::Voice) => Channel::Voice,
                Some(By::Email) => Channel::Email,
                None if to.contains('@') => Channel::Email,
                Some(By::Sms) | None => Channel::Sms,
            };
            let request = ProviderRequest::Test {
                channel,
                to,
                provider,
            };
            test(&target, request)
        }
        Action::Screen { after, target } => screen(&target, after),
        Action::OptOuts {
            limit,
            cursor,
            target,
        } => opt_outs(&target, PageRequest { limit, cursor }),
    }
}

fn ask(target: &Target, request: ProviderRequest) -> Result<AdminReply, Failure> {
    target.ask(&AdminRequest::Provider(request))
}

fn list(target: &Target) -> Outcome {
    let providers: Vec<ProviderHealth> = match ask(target, ProviderRequest::List)? {
        AdminReply::Providers { providers } => providers,
        reply => return Err(unexpected(&reply)),
    };
    target.output().value(&providers, |out| {
        if providers.is_empty() {
            return out.hint("none: see [provider.NAME] and [smtp] in `mayday config example`");
        }
        let rows: Vec<_> = providers
            .iter()
            .map(|provider| {
                let state = if provider.failing {
                    Cell::painted(Paint::Bad, "failing")
                } else {
                    Cell::painted(Paint::Good, "fine")
                };
                let sends = provider.sends;
                let said = provider.last_failure.clone().unwrap_or_default();
                vec![
                    Cell::from(provider.name.as_str()),
                    Cell::from(provider.kind.as_str()),
                    Cell::from(provider.channel.as_str()),
                    Cell::from(provider.prefixes.join(" ")),
                    state,
                    Cell::from(sends.accepted.to_string()),
                    Cell::from((sends.refused + sends.ambiguous).to_string()),
                    Cell::from(said),
                ]
            })
            .collect();
        let heading = [
            "provider",
            "kind",
            "channel",
            "numbers",
            "state",
            "accepted",
            "failed",
            "last failure",
        ];
        out.table(&heading, &rows)
    })
}

fn test(target: &Target, request: ProviderRequest) -> Outcome {
    let attempts: Vec<TestAttempt> = match ask(target, request)? {
        AdminReply::ProviderTest { attempts } => attempts,
        reply => return Err(unexpected(&reply)),
    };
    target.output().value(&attempts, |out| {
        let rows: Vec<_> = attempts
            .iter()
            .map(|attempt| {
                let paint = match attempt.outcome.as_str() {
                    "accepted" => Paint::Good,
                    "refused" => Paint::Bad,
                    _ => Paint::Warn,
                };
                vec![
                    Cell::from(attempt.provider.as_str()),
                    Cell::painted(paint, attempt.outcome.as_str()),
                    Cell::from(attempt.detail.as_str()),
                ]
            })
            .collect();
        out.table(&["provider", "outcome", "detail"], &rows)
    })?;
    if attempts.iter().any(|attempt| attempt.outcome == "accepted") {
        return Ok(());
    }
    Err(Failure::new("no provider took the test"))
}

fn screen(target: &Target, after: u64) -> Outcome {
    let messages: Vec<ShownView> = match ask(target, ProviderRequest::Screen { after })? {
        AdminReply::Screen { messages } => messages,
        reply => return Err(unexpected(&reply)),
    };
    target.output().value(&messages, |out| {
        if messages.is_empty() {
            return out.hint("nothing: route numbers to \"screen\", or set test_mode in a policy");
        }
        let rows: Vec<_> = messages
            .iter()
            .map(|message| {
                vec![
                    Cell::from(message.number.to_string()),
                    Cell::from(message.at.to_string()),
                    Cell::from(message.channel.as_str()),
                    Cell::from(message.to.as_str()),
                    Cell::from(
                        message
                            .text
                            .split_whitespace()
                            .collect::<Vec<_>>()
                            .join(" "),
                    ),
                ]
            })
            .collect();
        out.table(&["number", "at", "channel", "to", "text"], &rows)
    })
}

fn opt_outs(target: &Target, page: PageRequest) -> Outcome {
    let page: Page<OptOutView> = match ask(target, ProviderRequest::OptOuts { page })? {
        AdminReply::OptOuts(page) => page,
        reply => return Err(unexpected(&reply)),
    };
    target.output().value(&page, |out| {
        if page.items.is_empty() {
            return out.hint("nobody asked for no more messages");
        }
        let rows: Vec<_> = page
            .items
            .iter()
            .map(|item| {
                vec![
                    Cell::from(item.phone.as_str()),
                    Cell::from(item.provider.as_str()),
                    Cell::from(item.number.as_str()),
                    Cell::from(item.at.to_string()),
                ]
            })
            .collect();
        out.table(&["phone", "provider", "said to", "at"], &rows)?;
        match &page.next_cursor {
            Some(cursor) => out.hint(&format!("\nmore: --cursor {cursor}")),
            None => Ok(()),
        }
    })
}
