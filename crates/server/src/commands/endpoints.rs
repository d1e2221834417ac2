//! What `mayday webhook` and `mayday slack` have in common: endpoints, and the log
//! of what went there.

use clap::Args;
use mayday_app::admin::{
    AdminReply, AdminRequest, DeliveryDetail, DeliveryView, EndpointOf, EndpointView, NewEndpoint,
    PageRequest, WebhookReply, WebhookRequest,
};
use mayday_core::escalation::Channel;
use serde::Serialize;

use super::user::hint_next;
use crate::failure::{Failure, Outcome};
use crate::output::{Cell, Paint};
use crate::target::{Target, unexpected};

/// An app.
#[derive(Debug, Args)]
pub(super) struct AppArgs {
    /// The app's id
    #[arg(long, value_name = "ID")]
    app: String,
    #[command(flatten)]
    target: Target,
}

impl AppArgs {
    pub(super) fn parts(self) -> (String, Target) {
        (self.app, self.target)
    }
}

/// An endpoint of an app.
#[derive(Debug, Args)]
pub(super) struct OneArgs {
    /// The id, as listed
    #[arg(value_name = "ENDPOINT")]
    endpoint: String,
    /// The app's id
    #[arg(long, value_name = "ID")]
    app: String,
    #[command(flatten)]
    target: Target,
}

impl OneArgs {
    pub(super) fn parts(self) -> (EndpointOf, Target) {
        let of = EndpointOf {
            app_id: self.app,
            endpoint_id: self.endpoint,
        };
        (of, self.target)
    }
}

/// What a new endpoint wants.
#[derive(Debug, Args)]
pub(super) struct Wanted {
    /// A name for people [default: the host]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Only these types, such as sos.opened or sos.*; may be repeated
    #[arg(long = "event", value_name = "TYPE")]
    events: Vec<String>,
    /// For development: take http, and reach private addresses
    #[arg(long)]
    local: bool,
}

impl Wanted {
    pub(super) fn parts(self) -> (Option<String>, Vec<String>, bool) {
        (self.name, self.events, self.local)
    }
}

/// What `add --json` prints.
#[derive(Serialize)]
struct Added<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<&'a str>,
    #[serde(flatten)]
    endpoint: &'a EndpointView,
}

pub(super) fn ask(target: &Target, request: WebhookRequest) -> Result<WebhookReply, Failure> {
    match target.ask(&AdminRequest::Webhook(request))? {
        AdminReply::Webhook(reply) => Ok(reply),
        reply => Err(unexpected(&reply)),
    }
}

pub(super) fn add(target: &Target, new: NewEndpoint) -> Outcome {
    let reply = ask(target, WebhookRequest::Add(new))?;
    let WebhookReply::Added { endpoint, secret } = &reply else {
        return Err(unexpected(&AdminReply::Webhook(reply)));
    };
    let secret = secret.as_ref().map(|secret| secret.0.as_str());
    let value = Added { secret, endpoint };
    target.output().value(&value, |out| {
        if let Some(secret) = secret {
            out.pairs(&[("secret", Cell::painted(Paint::Strong, secret))])?;
        }
        out.pairs(&pairs(endpoint))?;
        match secret {
            Some(_) => out.hint("\nThe secret is shown this once."),
            None => Ok(()),
        }
    })
}

pub(super) fn list(list: AppArgs, channel: Channel) -> Outcome {
    let (app_id, target) = list.parts();
    let reply = ask(&target, WebhookRequest::List { app_id, channel })?;
    let WebhookReply::Endpoints { endpoints } = &reply else {
        return Err(unexpected(&AdminReply::Webhook(reply)));
    };
    target.output().value(endpoints, |out| {
        if endpoints.is_empty() {
            return out.hint("none yet");
        }
        let row = |endpoint: &EndpointView| {
            vec![
                Cell::from(endpoint.endpoint_id.to_string()),
                state_of(endpoint),
                Cell::from(endpoint.url.as_str()),
                Cell::from(endpoint.pending.to_string()),
                Cell::from(events_of(endpoint)),
                Cell::from(endpoint.name.as_str()),
            ]
        };
        let rows: Vec<_> = endpoints.iter().map(row).collect();
        out.table(&["id", "state", "url", "waiting", "events", "name"], &rows)
    })
}

/// Asks about one endpoint and prints it.
pub(super) fn show(one: OneArgs, request: impl FnOnce(EndpointOf) -> WebhookRequest) -> Outcome {
    let (of, target) = one.parts();
    let reply = ask(&target, request(of))?;
    let WebhookReply::Endpoint(endpoint) = &reply else {
        return Err(unexpected(&AdminReply::Webhook(reply)));
    };
    target
        .output()
        .value(endpoint, |out| out.pairs(&pairs(endpoint)))
}

pub(super) fn remove(one: OneArgs) -> Outcome {
    let (of, target) = one.parts();
    match ask(&target, WebhookRequest::Remove { of })? {
        WebhookReply::Endpoint(_) => target.output().hint("removed"),
        reply => Err(unexpected(&AdminReply::Webhook(reply))),
    }
}

/// Sends a test; one that did not arrive is a failure.
pub(super) fn test(one: OneArgs) -> Outcome {
    let (of, target) = one.parts();
    let detail = print(&target, WebhookRequest::Test { of })?;
    match detail.delivery.error {
        None => Ok(()),
        Some(error) => Err(Failure::new(format!("the test did not arrive: {error}"))),
    }
}

pub(super) fn print_delivery(target: &Target, request: WebhookRequest) -> Outcome {
    print(target, request).map(|_| ())
}

fn print(target: &Target, request: WebhookRequest) -> Result<DeliveryDetail, Failure> {
    let detail = match ask(target, request)? {
        WebhookReply::Delivery(detail) => detail,
        reply => return Err(unexpected(&AdminReply::Webhook(reply))),
    };
    target.output().value(&detail, |out| {
        let one = &detail.delivery;
        out.pairs(&[
            ("delivery", Cell::from(one.delivery_id.to_string())),
            ("endpoint", Cell::from(one.endpoint.as_str())),
            ("webhook-id", Cell::from(one.webhook_id.as_str())),
            ("type", Cell::from(one.kind.as_str())),
            ("state", delivery_state(one)),
            ("body", Cell::from(detail.body.to_string())),
        ])?;
        for attempt in &detail.tried {
            let status = attempt.status.map_or_else(
                || attempt.error.clone().unwrap_or_default(),
                |status| status.to_string(),
            );
            let line = format!(
                "{} {} {status}, {} ms",
                attempt.started_at, attempt.outcome, attempt.took_ms
            );
            out.pairs(&[(&format!("attempt {}", attempt.number), Cell::from(line))])?;
        }
        Ok(())
    })?;
    Ok(detail)
}

pub(super) fn log(
    target: &Target,
    app_id: String,
    channel: Channel,
    endpoint_id: Option<String>,
    page: PageRequest,
) -> Outcome {
    let request = WebhookRequest::Log {
        app_id,
        channel,
        endpoint_id,
        page,
    };
    let reply = ask(target, request)?;
    let WebhookReply::Log(page) = &reply else {
        return Err(unexpected(&AdminReply::Webhook(reply)));
    };
    target.output().value(page, |out| {
        if page.items.is_empty() {
            return out.hint("nothing yet");
        }
        let row = |one: &DeliveryView| {
            vec![
                Cell::from(one.delivery_id.to_string()),
                Cell::from(one.created_at.to_string()),
                delivery_state(one),
                Cell::from(one.kind.as_str()),
                Cell::from(one.attempts.to_string()),
                Cell::from(one.endpoint.as_str()),
                Cell::painted(Paint::Faint, one.error.as_deref().unwrap_or_default()),
            ]
        };
        let rows: Vec<_> = page.items.iter().map(row).collect();
        let heading = [
            "id", "time", "state", "type", "attempts", "endpoint", "error",
        ];
        out.table(&heading, &rows)?;
        hint_next(out, page)
    })
}

fn pairs(endpoint: &EndpointView) -> Vec<(&'static str, Cell)> {
    let mut pairs = vec![
        ("id", Cell::from(endpoint.endpoint_id.to_string())),
        ("name", Cell::painted(Paint::Strong, endpoint.name.as_str())),
        ("url", Cell::from(endpoint.url.as_str())),
        ("state", state_of(endpoint)),
        ("events", Cell::from(events_of(endpoint))),
        ("waiting", Cell::from(endpoint.pending.to_string())),
    ];
    if let Some(why) = &endpoint.disabled_reason {
        pairs.push(("disabled", Cell::from(why.as_str())));
    }
    pairs
}

fn events_of(endpoint: &EndpointView) -> String {
    if endpoint.events.is_empty() {
        "all".to_owned()
    } else {
        endpoint.events.join(" ")
    }
}

fn state_of(endpoint: &EndpointView) -> Cell {
    if endpoint.disabled_at.is_some() {
        Cell::painted(Paint::Bad, "disabled")
    } else if endpoint.failing_since.is_some() {
        Cell::painted(Paint::Warn, "failing")
    } else {
        Cell::painted(Paint::Good, "live")
    }
}

fn delivery_state(one: &DeliveryView) -> Cell {
    let paint = match one.state.as_str() {
        "delivered" => Paint::Good,
        "failed" => Paint::Bad,
        "skipped" => Paint::Faint,
        _ => Paint::Plain,
    };
    Cell::painted(paint, one.state.as_str())
}
