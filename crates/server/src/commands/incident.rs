//! `mayday incident`: lists, shows, acknowledges and resolves the incidents of an app,
//! and revokes links that were sent about them.

mod show;

use clap::{Args, Subcommand};
use mayday_app::admin::{AdminReply, AdminRequest, IncidentRequest, IncidentSummary, Page};

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
    /// Show one incident: the person, each message, who helps, what operators did
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
        AdminReply::Incident(detail) => show::show(target.output(), &detail),
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
