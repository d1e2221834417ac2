//! `mayday inspect`: reads what operators must look at, and closes it.

use clap::{Args, Subcommand};
use mayday_app::admin::{
    AdminReply, AdminRequest, AlertView, AlertsRequest, DeadLetterView, Page, UnattributedView,
};

use super::user::{PageArgs, hint_next};
use crate::failure::Outcome;
use crate::output::{Cell, Output, Paint};
use crate::target::{Target, unexpected};

/// Characters of a body that a table on a terminal shows; `--json` and a pipe get all that
/// was kept.
const PREVIEW_CHARS: usize = 60;

/// `mayday inspect`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mayday inspect alerts --app shop
  mayday inspect alerts --app shop --all            closed ones, too
  mayday inspect dead-letters --app shop --limit 10 --json
  mayday inspect close-alert 0199... --app shop     it was dealt with")]
pub(crate) struct InspectArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Telemetry that could not be stored, with the reason, newest first
    DeadLetters(ListArgs),
    /// Relayed SOS of devices that nobody has registered, newest first
    Unattributed(ListArgs),
    /// What needs an operator: a foreign cancel, a silent incident, newest first
    Alerts {
        /// Those that are closed, too
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        list: ListArgs,
    },
    /// Close an alert that was dealt with; an unattributed SOS is settled with it
    CloseAlert {
        /// The alert's id, as listed
        #[arg(value_name = "ALERT_ID")]
        alert_id: String,
        /// The app's id
        #[arg(long, value_name = "ID")]
        app: String,
        #[command(flatten)]
        target: Target,
    },
}

#[derive(Debug, Args)]
struct ListArgs {
    /// The app's id
    #[arg(long, value_name = "ID")]
    app: String,
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    target: Target,
}

/// Carries out `mayday inspect ..`.
pub(crate) fn run(args: InspectArgs) -> Outcome {
    let mut with_state = false;
    let (request, target) = match args.what {
        What::DeadLetters(list) => {
            let (app_id, page) = (list.app, list.page.request());
            (AdminRequest::DeadLetters { app_id, page }, list.target)
        }
        What::Unattributed(list) => {
            let (app_id, page) = (list.app, list.page.request());
            (AdminRequest::Unattributed { app_id, page }, list.target)
        }
        What::Alerts { all, list } => {
            with_state = all;
            let alerts = AdminRequest::Alerts(AlertsRequest {
                app_id: list.app,
                only_open: !all,
                page: list.page.request(),
            });
            (alerts, list.target)
        }
        What::CloseAlert {
            alert_id,
            app,
            target,
        } => {
            let app_id = app;
            (AdminRequest::AlertClose { app_id, alert_id }, target)
        }
    };
    match target.ask(&request)? {
        AdminReply::DeadLetters(page) => dead_letters(&target, &page),
        AdminReply::Unattributed(page) => unattributed(&target, &page),
        AdminReply::Alerts(page) => alerts(&target, &page, with_state),
        AdminReply::Alert(alert) => closed(&target, &alert),
        reply => Err(unexpected(&reply)),
    }
}

fn dead_letters(target: &Target, page: &Page<DeadLetterView>) -> Outcome {
    target.output().value(page, |out| {
        let rows: Vec<_> = page
            .items
            .iter()
            .map(|letter| {
                vec![
                    Cell::from(letter.received_at.to_string()),
                    Cell::from(letter.user_id.to_string()),
                    Cell::from(letter.transport.as_str()),
                    Cell::painted(Paint::Warn, reason(letter)),
                    Cell::painted(Paint::Faint, preview(out, &letter.body)),
                ]
            })
            .collect();
        if rows.is_empty() {
            return out.hint("no dead letters");
        }
        out.table(&["received", "user id", "via", "reason", "body"], &rows)?;
        hint_next(out, page)
    })
}

fn unattributed(target: &Target, page: &Page<UnattributedView>) -> Outcome {
    target.output().value(page, |out| {
        let rows: Vec<_> = page
            .items
            .iter()
            .map(|sos| {
                let node = sos.originator_node_id.map(|node| node.to_string());
                let device = sos.device_id.clone().or(node).unwrap_or_default();
                let body = sos.latest_body.as_deref().unwrap_or(&sos.body);
                vec![
                    Cell::from(sos.last_received_at.to_string()),
                    Cell::from(sos.reports.to_string()),
                    Cell::from(sos.gateway_user_id.to_string()),
                    Cell::from(sos.transport.as_str()),
                    Cell::painted(Paint::Warn, device),
                    Cell::painted(Paint::Faint, preview(out, body)),
                ]
            })
            .collect();
        if rows.is_empty() {
            return out.hint("no unattributed SOS");
        }
        out.table(
            &["received", "times", "gateway user", "via", "device", "body"],
            &rows,
        )?;
        hint_next(out, page)
    })
}

/// The detail stands whole: the id of an incident may be in it.
fn alerts(target: &Target, page: &Page<AlertView>, with_state: bool) -> Outcome {
    target.output().value(page, |out| {
        let rows: Vec<_> = page
            .items
            .iter()
            .map(|alert| {
                let id = alert.incident_id.map(|id| id.to_string());
                let mut row = vec![
                    Cell::from(alert.id.to_string()),
                    Cell::from(alert.created_at.to_string()),
                    Cell::painted(Paint::Warn, alert.kind.as_str()),
                    Cell::from(id.unwrap_or_default()),
                ];
                if with_state {
                    row.push(state_of(alert));
                }
                row.push(Cell::painted(Paint::Faint, alert.detail.to_string()));
                row
            })
            .collect();
        if rows.is_empty() {
            return out.hint(if with_state {
                "no alerts"
            } else {
                "no open alerts; --all shows closed ones, too"
            });
        }
        let mut titles = vec!["id", "raised", "kind", "incident", "detail"];
        if with_state {
            titles.insert(4, "state");
        }
        out.table(&titles, &rows)?;
        hint_next(out, page)
    })
}

fn state_of(alert: &AlertView) -> Cell {
    match alert.closed_at {
        Some(_) => Cell::painted(Paint::Good, "closed"),
        None => Cell::painted(Paint::Warn, "open"),
    }
}

fn closed(target: &Target, alert: &AlertView) -> Outcome {
    target.output().value(alert, |out| {
        let closed = alert.closed_at.map(|at| at.to_string());
        out.pairs(&[
            ("id", Cell::from(alert.id.to_string())),
            ("kind", Cell::from(alert.kind.as_str())),
            ("raised", Cell::from(alert.created_at.to_string())),
            ("closed", Cell::from(closed.unwrap_or_default())),
        ])
    })
}

/// What is wrong, and with which members.
fn reason(letter: &DeadLetterView) -> String {
    let fields: Vec<_> = letter
        .fields
        .iter()
        .map(|field| format!("{} {}", field.pointer, field.message))
        .collect();
    if fields.is_empty() {
        letter.reason.clone()
    } else {
        format!("{}: {}", letter.reason, fields.join(", "))
    }
}

/// The beginning of a text on a terminal; a pipe gets all of it.
fn preview(out: Output, text: &str) -> String {
    let cut = text.char_indices().nth(PREVIEW_CHARS);
    match cut.filter(|_| out.is_terminal()) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
