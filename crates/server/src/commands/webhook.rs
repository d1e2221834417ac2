//! `mayday webhook`: where a partner's backend is notified, and what became of it.

use clap::{Args, Subcommand};
use mayday_app::admin::{
    AdminReply, AdminRequest, EndpointOf, NewEndpoint, PrintedSecret, RangeOf, WebhookReply,
    WebhookRequest,
};
use mayday_core::escalation::Channel;
use mayday_core::time::Timestamp;

use super::endpoints;
use super::user::PageArgs;
use crate::failure::{Failure, Outcome};
use crate::input::Input;
use crate::output::{Cell, Paint};
use crate::target::{Target, unexpected};

/// The largest file that is taken for a key, in bytes.
const MAX_KEY_BYTES: u64 = 4_096;

/// `mayday webhook`
#[derive(Debug, Args)]
#[command(after_help = "\
Deliveries are signed as Standard Webhooks says; docs/webhooks.md shows how to
receive them.

Examples:
  mayday webhook add --app shop --url https://api.example.org/hooks/mayday
  mayday webhook test ENDPOINT --app shop
  mayday webhook log --app shop
  mayday webhook secret rotate ENDPOINT --app shop
  mayday webhook replay DELIVERY --app shop
  mayday webhook replay --app shop --endpoint ID --since 2026-09-09T10:00:00Z")]
pub(crate) struct WebhookArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Notify an endpoint from now on; its secret is printed this once
    Add {
        /// The app's id
        #[arg(long, value_name = "ID")]
        app: String,
        /// Where to post, https
        #[arg(long, value_name = "URL")]
        url: String,
        #[command(flatten)]
        wanted: endpoints::Wanted,
        #[command(flatten)]
        target: Target,
    },
    /// List the endpoints of an app
    List(endpoints::AppArgs),
    /// Show an endpoint, never its secret
    Show(endpoints::OneArgs),
    /// Remove an endpoint with its secrets; its log stays for its time
    Remove(endpoints::OneArgs),
    /// Notify an endpoint again that was disabled or is failing
    Enable(endpoints::OneArgs),
    /// Replace what deliveries are signed with
    Secret {
        #[command(subcommand)]
        action: SecretAction,
    },
    /// The key that all webhooks of an app are shown in a header
    ApiKey {
        #[command(subcommand)]
        action: ApiKeyAction,
    },
    /// Send a test now, and show what came back
    Test(endpoints::OneArgs),
    /// Show what became of notifications, newest first, or one with its attempts
    Log {
        /// The delivery's id, as listed, to see its body and attempts
        #[arg(value_name = "DELIVERY")]
        delivery: Option<String>,
        /// The app's id
        #[arg(long, value_name = "ID")]
        app: String,
        /// Only this endpoint's
        #[arg(long, value_name = "ENDPOINT", conflicts_with = "delivery")]
        endpoint: Option<String>,
        #[command(flatten)]
        page: PageArgs,
        #[command(flatten)]
        target: Target,
    },
    /// Send again: one delivery, or those of a time that failed, waiting or given up
    Replay(ReplayArgs),
}

#[derive(Debug, Subcommand)]
enum SecretAction {
    /// Make a new secret; the old one signs too for a while
    Rotate {
        #[command(flatten)]
        one: endpoints::OneArgs,
        /// How long the old one signs too; 0 ends every old one at once
        #[arg(long, value_name = "HOURS", default_value_t = 24)]
        overlap_hours: u64,
    },
}

#[derive(Debug, Subcommand)]
enum ApiKeyAction {
    /// Set the key, whatever was there
    Set {
        /// The app's id
        #[arg(long, value_name = "ID")]
        app: String,
        /// The header's name
        #[arg(long, value_name = "NAME", default_value = "x-api-key")]
        header: String,
        #[command(flatten)]
        input: Input,
        #[command(flatten)]
        target: Target,
    },
    /// Show the header's name, never the key
    Show(endpoints::AppArgs),
    /// Remove the key
    Remove(endpoints::AppArgs),
}

#[derive(Debug, Args)]
struct ReplayArgs {
    /// The delivery's id, as listed
    #[arg(value_name = "DELIVERY", required_unless_present = "endpoint")]
    delivery: Option<String>,
    /// The app's id
    #[arg(long, value_name = "ID")]
    app: String,
    /// The deliveries of this endpoint
    #[arg(
        long,
        value_name = "ENDPOINT",
        conflicts_with = "delivery",
        requires = "since"
    )]
    endpoint: Option<String>,
    /// From when on, such as 2026-09-09T10:00:00Z
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    since: Option<Timestamp>,
    /// Before when [default: now]
    #[arg(long, value_name = "TIME", value_parser = parse_time, requires = "since")]
    until: Option<Timestamp>,
    /// Those that arrived, too
    #[arg(long, requires = "since")]
    delivered_too: bool,
    #[command(flatten)]
    target: Target,
}

fn parse_time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).map_err(|_| "a time such as 2026-09-09T10:00:00Z".to_owned())
}

/// Carries out `mayday webhook ..`.
pub(crate) fn run(args: WebhookArgs) -> Outcome {
    match args.action {
        Action::Add {
            app,
            url,
            wanted,
            target,
        } => {
            let (name, events, local) = wanted.parts();
            let new = NewEndpoint {
                app_id: app,
                channel: Channel::Webhook,
                url: PrintedSecret(url),
                name,
                events,
                local,
            };
            endpoints::add(&target, new)
        }
        Action::List(list) => endpoints::list(list, Channel::Webhook),
        Action::Show(one) => endpoints::show(one, |of| WebhookRequest::Show { of }),
        Action::Remove(one) => endpoints::remove(one),
        Action::Enable(one) => endpoints::show(one, |of| WebhookRequest::Enable { of }),
        Action::Secret {
            action: SecretAction::Rotate { one, overlap_hours },
        } => rotate(one, overlap_hours),
        Action::ApiKey { action } => api_key(action),
        Action::Test(one) => endpoints::test(one),
        Action::Log {
            delivery,
            app,
            endpoint,
            page,
            target,
        } => match delivery {
            Some(delivery_id) => {
                let request = WebhookRequest::Delivery {
                    app_id: app,
                    delivery_id,
                };
                endpoints::print_delivery(&target, request)
            }
            None => endpoints::log(&target, app, Channel::Webhook, endpoint, page.request()),
        },
        Action::Replay(replay) => run_replay(replay),
    }
}

fn rotate(one: endpoints::OneArgs, overlap_hours: u64) -> Outcome {
    let (of, target) = one.parts();
    let request = WebhookRequest::RotateSecret { of, overlap_hours };
    let reply = endpoints::ask(&target, request)?;
    let WebhookReply::SecretRotated {
        secret, old_until, ..
    } = &reply
    else {
        return Err(unexpected(&AdminReply::Webhook(reply)));
    };
    let value = serde_json::json!({"secret": secret.0, "old_until": old_until});
    target.output().value(&value, |out| {
        let until = old_until.map_or_else(|| "now".to_owned(), |at| at.to_string());
        out.pairs(&[
            ("secret", Cell::painted(Paint::Strong, secret.0.as_str())),
            ("old one ends", Cell::from(until)),
        ])?;
        out.hint("\nThe secret is shown this once.")
    })
}

fn api_key(action: ApiKeyAction) -> Outcome {
    let (request, target) = match action {
        ApiKeyAction::Set {
            app,
            header,
            input,
            target,
        } => {
            let key = input.text(MAX_KEY_BYTES)?;
            let request = WebhookRequest::ApiKeySet {
                app_id: app,
                header,
                key: PrintedSecret(key.trim().to_owned()),
            };
            (request, target)
        }
        ApiKeyAction::Show(list) => {
            let (app_id, target) = list.parts();
            (WebhookRequest::ApiKeyShow { app_id }, target)
        }
        ApiKeyAction::Remove(list) => {
            let (app_id, target) = list.parts();
            let request = WebhookRequest::ApiKeyRemove { app_id };
            return match target.ask(&AdminRequest::Webhook(request))? {
                AdminReply::Removed => target.output().hint("removed"),
                reply => Err(unexpected(&reply)),
            };
        }
    };
    let reply = endpoints::ask(&target, request)?;
    let WebhookReply::ApiKey(key) = &reply else {
        return Err(unexpected(&AdminReply::Webhook(reply)));
    };
    target.output().value(key, |out| {
        out.pairs(&[
            ("app", Cell::from(key.app_id.as_str())),
            ("header", Cell::painted(Paint::Strong, key.header.as_str())),
            ("set", Cell::from(key.updated_at.to_string())),
        ])
    })
}

fn run_replay(args: ReplayArgs) -> Outcome {
    let target = args.target;
    let (count, until) = match (args.delivery, args.endpoint, args.since) {
        (Some(delivery_id), _, _) => {
            let request = WebhookRequest::Replay {
                app_id: args.app,
                delivery_id,
            };
            (replay_step(&target, request)?.0, None)
        }
        (None, Some(endpoint_id), Some(since)) => {
            let of = EndpointOf {
                app_id: args.app,
                endpoint_id,
            };
            let range = (since, args.until, args.delivered_too);
            (replay_all(&target, &of, range)?, args.until)
        }
        _ => return Err(Failure::new("name a delivery, or --endpoint with --since")),
    };
    let value = serde_json::json!({"replayed": count, "until": until});
    target.output().value(&value, |out| {
        out.pairs(&[("replayed", Cell::from(count.to_string()))])
    })
}

/// Step by step, so that nothing waits for a long range.
fn replay_all(
    target: &Target,
    of: &EndpointOf,
    (since, until, delivered_too): (Timestamp, Option<Timestamp>, bool),
) -> Result<u64, Failure> {
    let (mut count, mut after) = (0, None);
    loop {
        let range = RangeOf {
            app_id: of.app_id.clone(),
            endpoint_id: of.endpoint_id.clone(),
            since,
            until,
            delivered_too,
            after,
        };
        let (some, next) = replay_step(target, WebhookRequest::ReplayRange(range))?;
        count += some;
        if next.is_none() {
            return Ok(count);
        }
        after = next;
    }
}

fn replay_step(
    target: &Target,
    request: WebhookRequest,
) -> Result<(u64, Option<mayday_core::ids::DeliveryId>), Failure> {
    match endpoints::ask(target, request)? {
        WebhookReply::Replayed { count, next } => Ok((u64::from(count), next)),
        reply => Err(unexpected(&AdminReply::Webhook(reply))),
    }
}
