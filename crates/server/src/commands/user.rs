//! `mayday user`: lists, shows, blocks and unblocks the users of an app; exports
//! and erases what is stored about one.

use clap::{Args, Subcommand};
use mayday_app::admin::{AdminReply, AdminRequest, Page, PageRequest, UserView};

use super::user_data::{self, EraseArgs, ErasuresArgs, ExportArgs};
use crate::failure::Outcome;
use crate::output::{Cell, Output, Paint};
use crate::target::{Target, unexpected};

/// `mayday user`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mayday user list --app shop
  mayday user show ana --app shop --json
  mayday user block ana --app shop     refused everywhere, cut within a second")]
pub(crate) struct UserArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List users by external id
    List {
        /// The app's id
        #[arg(long, value_name = "ID")]
        app: String,
        #[command(flatten)]
        page: PageArgs,
        #[command(flatten)]
        target: Target,
    },
    /// Show one user
    Show(OneUser),
    /// Refuse a user everywhere and cut the user's connections
    Block(OneUser),
    /// Let a user in again
    Unblock(OneUser),
    /// Write everything about a user as one JSON document
    Export(ExportArgs),
    /// Erase everything about a user, for good
    Erase(EraseArgs),
    /// List that users were erased, and not whom
    Erasures(ErasuresArgs),
}

#[derive(Debug, Args)]
struct OneUser {
    /// Your id of the user
    #[arg(value_name = "EXTERNAL_ID", allow_hyphen_values = true)]
    external_id: String,
    /// The app's id
    #[arg(long, value_name = "ID")]
    app: String,
    #[command(flatten)]
    target: Target,
}

/// Which page of a list.
#[derive(Debug, Args)]
pub(crate) struct PageArgs {
    /// How many at most, 1 to 1000 [default: 100]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: Option<u32>,
    /// Where to go on: `next_cursor` of the page before
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
}

impl PageArgs {
    /// As asked of the server.
    pub(crate) fn request(self) -> PageRequest {
        PageRequest {
            limit: self.limit,
            cursor: self.cursor,
        }
    }
}

/// Says how to read on, when there is more.
pub(crate) fn hint_next<T>(out: Output, page: &Page<T>) -> Outcome {
    match &page.next_cursor {
        Some(cursor) => out.hint(&format!("\nmore: --cursor {cursor}")),
        None => Ok(()),
    }
}

/// Carries out `mayday user ..`.
pub(crate) fn run(args: UserArgs) -> Outcome {
    match args.action {
        Action::List { app, page, target } => list(&target, app, page),
        Action::Show(user) => show(user),
        Action::Block(user) => set_blocked(user, true),
        Action::Unblock(user) => set_blocked(user, false),
        Action::Export(export) => user_data::export(&export),
        Action::Erase(erase) => user_data::erase(erase),
        Action::Erasures(list) => user_data::erasures(list),
    }
}

fn list(target: &Target, app_id: String, page: PageArgs) -> Outcome {
    let page = page.request();
    let users = match target.ask(&AdminRequest::UserList { app_id, page })? {
        AdminReply::Users(users) => users,
        reply => return Err(unexpected(&reply)),
    };
    target.output().value(&users, |out| {
        let rows: Vec<_> = users
            .items
            .iter()
            .map(|user| {
                vec![
                    Cell::from(user.external_user_id.as_str()),
                    state_of(user),
                    Cell::from(user.id.to_string()),
                    Cell::from(user.last_seen_at.to_string()),
                    Cell::from(user.name.as_deref().unwrap_or_default()),
                ]
            })
            .collect();
        if rows.is_empty() {
            return out.hint("no users yet: they appear with their first request");
        }
        out.table(&["user", "state", "id", "last seen", "name"], &rows)?;
        hint_next(out, &users)
    })
}

fn show(args: OneUser) -> Outcome {
    let request = AdminRequest::UserShow {
        app_id: args.app,
        external_id: args.external_id,
    };
    print_user(&args.target, &request)
}

fn set_blocked(args: OneUser, blocked: bool) -> Outcome {
    let request = AdminRequest::UserSetBlocked {
        app_id: args.app,
        external_id: args.external_id,
        blocked,
    };
    print_user(&args.target, &request)
}

fn print_user(target: &Target, request: &AdminRequest) -> Outcome {
    let user = match target.ask(request)? {
        AdminReply::User(user) => user,
        reply => return Err(unexpected(&reply)),
    };
    target.output().value(&user, |out| {
        let text = |value: &Option<String>| Cell::from(value.as_deref().unwrap_or_default());
        out.pairs(&[
            ("user", Cell::from(user.external_user_id.as_str())),
            ("app", Cell::from(user.app_id.as_str())),
            ("id", Cell::from(user.id.to_string())),
            ("state", state_of(&user)),
            ("name", text(&user.name)),
            ("email", text(&user.email)),
            ("phone", text(&user.phone)),
            ("address", text(&user.address)),
            ("first seen", Cell::from(user.created_at.to_string())),
            ("last seen", Cell::from(user.last_seen_at.to_string())),
        ])
    })
}

fn state_of(user: &UserView) -> Cell {
    if user.blocked_at.is_some() {
        Cell::painted(Paint::Warn, "blocked")
    } else {
        Cell::painted(Paint::Good, "active")
    }
}
