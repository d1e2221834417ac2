//! `mayday incident`: lists, shows, acknowledges and resolves the incidents of an app,
//! and revokes links that were sent about them.

use clap::{Args, Subcommand};
use mayday_app::admin::{
    AdminReply, AdminRequest, IncidentDetail, IncidentRequest, IncidentSummary, Page,
};
use mayday_core::time::Timestamp;
use serde_json::Value;

use super::user::{PageArgs, hint_next};
use crate::failure::Outcome;
use crate::output::{Cell, Output, Paint};
use crate::target::{Target, unexpected};

/// `mayday incident`
#[derive(Debug, Args)]
#[command(after_help = "\
What an operator does is recorded with the incident, under the name in --by.

Examples:
  mayday incident list --app shop --open
  mayday incident show 0199... --app shop
  mayday incident acknowledge 0199... --app shop --by Ann
  mayday incident resolve 0199... --app shop --by Ann
  mayday incident revoke-link 0199... --contact 0198... --app shop --by Ann")]
pub(crate) struct IncidentArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List incidents, newest first
    List {
        /// The app's id
        #[arg(long, value_name = "ID")]
        app: String,
        /// Only those that are open
        #[arg(long)]
        open: bool,
        #[command(flatten)]
        page: PageArgs,
        #[command(flatten)]
        target: Target,
    },
    /// Show one incident: who was told, what operators did
    Show {
        #[command(flatten)]
        one: OneIncident,
    },
    /// Take care of an incident: contacts are not asked any more, the phone hears who it is
    Acknowledge {
        #[command(flatten)]
        one: OneIncident,
        /// Your name, which the person in distress sees
        #[arg(long, value_name = "NAME")]
        by: String,
    },
    /// End an incident as handled; everybody who was told hears of it
    Resolve {
        #[command(flatten)]
        one: OneIncident,
        /// Your name, kept with the incident
        #[arg(long, value_name = "NAME")]
        by: String,
    },
    /// Revoke a contact's link to the tracking page; their next message has another
    RevokeLink {
        #[command(flatten)]
        one: OneIncident,
        /// The contact's id, as the incident shows it
        #[arg(long, value_name = "CONTACT_ID")]
        contact: String,
        /// Your name, kept with the incident
        #[arg(long, value_name = "NAME")]
        by: String,
    },
}

#[derive(Debug, Args)]
struct OneIncident {
    /// The incident's id, as listed
    #[arg(value_name = "INCIDENT_ID")]
    incident_id: String,
    /// The app's id
    #[arg(long, value_name = "ID")]
    app: String,
    #[command(flatten)]
    target: Target,
}

/// Carries out `mayday incident ..`.
pub(crate) fn run(args: IncidentArgs) -> Outcome {
    let (request, target) = match args.action {
        Action::List {
            app,
            open,
            page,
            target,
        } => {
            let list = IncidentRequest::List {
                app_id: app,
                only_open: open,
                page: page.request(),
            };
            (list, target)
        }
        Action::Show { one } => {
            let show = IncidentRequest::Show {
                app_id: one.app,
                incident_id: one.incident_id,
            };
            (show, one.target)
        }
        Action::Acknowledge { one, by } => {
            let acknowledge = IncidentRequest::Acknowledge {
                app_id: one.app,
                incident_id: one.incident_id,
                operator: by,
            };
            (acknowledge, one.target)
        }
        Action::Resolve { one, by } => {
            let resolve = IncidentRequest::Resolve {
                app_id: one.app,
                incident_id: one.incident_id,
                operator: by,
            };
            (resolve, one.target)
        }
        Action::RevokeLink { one, contact, by } => {
            let revoke = IncidentRequest::RevokeLink {
                app_id: one.app,
                incident_id: one.incident_id,
                contact_id: contact,
                operator: by,
            };
            (revoke, one.target)
        }
    };
    match target.ask(&AdminRequest::Incident(request))? {
        AdminReply::Incidents(page) => list(target.output(), &page),
        AdminReply::Incident(detail) => show(target.output(), &detail),
        reply => Err(unexpected(&reply)),
    }
}

fn list(output: Output, page: &Page<IncidentSummary>) -> Outcome {
    output.value(page, |out| {
        let rows: Vec<_> = page
            .items
            .iter()
            .map(|incident| {
                vec![
                    Cell::from(incident.id.to_string()),
                    state_of(incident),
                    Cell::from(incident.external_user_id.as_str()),
                    Cell::from(incident.created_at.to_string()),
                    position_of(incident),
                    Cell::painted(
                        Paint::Faint,
                        incident.message.as_deref().unwrap_or_default(),
                    ),
                ]
            })
            .collect();
        if rows.is_empty() {
            return out.hint("no incidents");
        }
        let titles = ["id", "state", "user", "opened", "position", "message"];
        out.table(&titles, &rows)?;
        hint_next(out, page)
    })
}

fn show(output: Output, detail: &IncidentDetail) -> Outcome {
    output.value(detail, |out| {
        let incident = &detail.summary;
        let text = |value: &Option<String>| Cell::from(value.as_deref().unwrap_or_default());
        let mut pairs = vec![
            ("id", Cell::from(incident.id.to_string())),
            ("state", state_in_full(detail)),
            ("user", Cell::from(incident.external_user_id.as_str())),
            ("raised by", text(&incident.trigger_source)),
            ("message", text(&incident.message)),
            ("position", position_of(incident)),
            ("measured", time(incident.position_at)),
            ("device", text(&detail.device_id)),
            (
                "flags",
                Cell::painted(Paint::Warn, incident.flags.join(", ")),
            ),
            ("opened", Cell::from(incident.created_at.to_string())),
            ("last cry", Cell::from(incident.last_trigger_at.to_string())),
            ("acknowledged", time(incident.acknowledged_at)),
            ("nobody left to tell", time(incident.exhausted_at)),
            ("ended", time(incident.ended_at)),
        ];
        pairs.extend(people(detail));
        out.pairs(&pairs)
    })
}

/// Who was told and what they answered, what operators were told and what they did.
fn people(detail: &IncidentDetail) -> Vec<(&'static str, Cell)> {
    let contacts = contacts(detail)
        .into_iter()
        .map(|(id, line)| ("contact", Cell::from(format!("{line} ({id})"))));
    let alerts = detail.alerts.iter().map(|alert| {
        let closed = alert.closed_at.map_or("open", |_| "closed");
        let line = format!("{} since {}, {closed}", alert.kind, alert.created_at);
        ("alert", Cell::painted(Paint::Warn, line))
    });
    let helpers = detail.helpers.iter().map(|helper| {
        let line = format!("{} by {} at {}", helper.name, helper.means, helper.at);
        ("helps", Cell::painted(Paint::Good, line))
    });
    let declines = detail.declines.iter().map(|no| {
        let line = format!("{} at {}", no.name, no.at);
        ("cannot help", Cell::painted(Paint::Warn, line))
    });
    let actions = detail.actions.iter().map(|done| {
        let what = match done.action.as_str() {
            "resolve" => "resolved it",
            "revoke_link" => "revoked a link",
            other => other,
        };
        let line = format!("{} {what} at {}", done.operator, done.at);
        ("operator", Cell::from(line))
    });
    contacts
        .chain(alerts)
        .chain(helpers)
        .chain(declines)
        .chain(actions)
        .collect()
}

/// The state, and that nobody helps any more: who helped may have taken it back.
fn state_in_full(detail: &IncidentDetail) -> Cell {
    let incident = &detail.summary;
    if incident.state == "acknowledged" && detail.helpers.is_empty() {
        return Cell::painted(Paint::Bad, "acknowledged, but nobody helps now");
    }
    state_of(incident)
}

/// The contacts: each with its id, and its name and how far its messages got.
fn contacts(detail: &IncidentDetail) -> Vec<(&str, String)> {
    let listed = detail
        .actuators
        .iter()
        .filter_map(|item| item.get("contacts"));
    let listed = listed.filter_map(Value::as_array).flatten();
    listed
        .filter_map(|contact| {
            let id = field(contact, "contactId")?;
            let name = field(contact, "name").unwrap_or_default();
            let channels = contact.get("channels").and_then(Value::as_array);
            let ways = channels.into_iter().flatten().filter_map(|way| {
                let (channel, status) = (field(way, "channel")?, field(way, "status")?);
                Some(format!("{channel} {status}"))
            });
            let ways: Vec<_> = ways.collect();
            let ways = if ways.is_empty() {
                field(contact, "status").unwrap_or_default().to_owned()
            } else {
                ways.join(", ")
            };
            Some((id, format!("{name}: {ways}")))
        })
        .collect()
}

fn field<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name).and_then(Value::as_str)
}

fn time(at: Option<Timestamp>) -> Cell {
    Cell::from(at.map(|at| at.to_string()).unwrap_or_default())
}

fn position_of(incident: &IncidentSummary) -> Cell {
    match (incident.latitude, incident.longitude) {
        (Some(latitude), Some(longitude)) => Cell::from(format!("{latitude:.5}, {longitude:.5}")),
        _ => Cell::from(""),
    }
}

fn state_of(incident: &IncidentSummary) -> Cell {
    let paint = match incident.state.as_str() {
        "active" => Paint::Bad,
        "acknowledged" => Paint::Warn,
        _ => Paint::Good,
    };
    let drill = if incident.drill { " (drill)" } else { "" };
    Cell::painted(paint, format!("{}{drill}", incident.state))
}
