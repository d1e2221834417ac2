//! `mayday session`: the sessions of users whom an app logs in by itself.

use clap::{Args, Subcommand};
use mayday_app::admin::{AdminReply, AdminRequest, SessionRequest, SessionTarget};
use serde::Serialize;

use super::user::{PageArgs, hint_next};
use crate::failure::Outcome;
use crate::output::Cell;
use crate::target::{Target, unexpected};

/// `mayday session`
#[derive(Debug, Args)]
#[command(after_help = "\
An ended session is refused at once and its connections are cut.

Examples:
  mayday session list --app shop
  mayday session list --app shop --user ana --json
  mayday session end --app shop --user ana
  mayday session end --app shop --all")]
pub(crate) struct SessionArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List live sessions
    List {
        /// The app's id
        #[arg(long, value_name = "ID")]
        app: String,
        /// Your id of the one user
        #[arg(long, value_name = "EXTERNAL_ID", allow_hyphen_values = true)]
        user: Option<String>,
        #[command(flatten)]
        page: PageArgs,
        #[command(flatten)]
        target: Target,
    },
    /// Revoke sessions
    End {
        /// The app's id
        #[arg(long, value_name = "ID")]
        app: String,
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        target: Target,
    },
}

/// Which sessions end.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Which {
    /// The one of this id, as listed
    #[arg(value_name = "SESSION_ID")]
    session: Option<String>,
    /// All of this user
    #[arg(long, value_name = "EXTERNAL_ID", allow_hyphen_values = true)]
    user: Option<String>,
    /// All of the app
    #[arg(long)]
    all: bool,
}

/// What `session end --json` prints.
#[derive(Serialize)]
struct Ended {
    ended: usize,
}

/// Carries out `mayday session ..`.
pub(crate) fn run(args: SessionArgs) -> Outcome {
    match args.action {
        Action::List {
            app,
            user,
            page,
            target,
        } => list(&target, app, user, page),
        Action::End { app, which, target } => end(&target, app, which),
    }
}

fn list(target: &Target, app_id: String, user: Option<String>, page: PageArgs) -> Outcome {
    let request = AdminRequest::Session(SessionRequest::List {
        app_id,
        external_id: user,
        page: page.request(),
    });
    let sessions = match target.ask(&request)? {
        AdminReply::Sessions(sessions) => sessions,
        reply => return Err(unexpected(&reply)),
    };
    target.output().value(&sessions, |out| {
        if sessions.items.is_empty() {
            return out.hint("no live sessions");
        }
        let rows: Vec<_> = sessions
            .items
            .iter()
            .map(|session| {
                let device = &session.device;
                let name = device.name.as_ref().or(device.id.as_ref());
                vec![
                    Cell::from(session.session_id.to_string()),
                    Cell::from(session.external_user_id.as_str()),
                    Cell::from(name.map_or("-", String::as_str)),
                    Cell::from(session.used_at.to_string()),
                    Cell::from(session.ends_at.to_string()),
                ]
            })
            .collect();
        out.table(
            &["session id", "user", "device", "last used", "ends"],
            &rows,
        )?;
        hint_next(out, &sessions)
    })
}

fn end(target: &Target, app_id: String, which: Which) -> Outcome {
    let chosen = match (which.session, which.user) {
        (Some(session), _) => SessionTarget::Session(session),
        (None, Some(user)) => SessionTarget::User(user),
        (None, None) => SessionTarget::All,
    };
    let request = AdminRequest::Session(SessionRequest::End {
        app_id,
        target: chosen,
    });
    let ended = match target.ask(&request)? {
        AdminReply::SessionsEnded { ended } => Ended { ended },
        reply => return Err(unexpected(&reply)),
    };
    target.output().value(&ended, |out| {
        let row = vec![Cell::from(ended.ended.to_string())];
        out.table(&["sessions ended"], &[row])
    })
}
