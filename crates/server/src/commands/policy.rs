//! `mayday policy`: how an app escalates.

use clap::{Args, Subcommand};
use mayday_app::admin::{
    AdminReply, AdminRequest, Page, PageRequest, PolicyHistoryItem, PolicyRequest, PolicyView,
};
use mayday_core::escalation::Policy;
use serde_json::Value;

use crate::failure::{Failure, Outcome};
use crate::input::Input;
use crate::output::{Cell, Paint, print_line};
use crate::target::{Target, unexpected};

/// The largest file that is read, in bytes: every template in fifty languages.
const MAX_FILE_BYTES: u64 = 512 * 1_024;

/// `mayday policy`
#[derive(Debug, Args)]
#[command(after_help = "\
A policy is a JSON object; what it leaves out takes its default. Each version is
kept, with who set it, when and from where.

Examples:
  mayday policy show --app shop
  echo '{\"grace_seconds\": 30}' | mayday policy set --app shop --stdin
  mayday policy check --file policy.json
  mayday policy history --app shop")]
pub(crate) struct PolicyArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show what is in force
    Show {
        /// The app's id
        #[arg(long, value_name = "ID")]
        app: String,
        /// Print the policy alone, as `set` reads it
        #[arg(long)]
        document: bool,
        #[command(flatten)]
        target: Target,
    },
    /// Put a policy in force, for every SOS from now on
    Set {
        /// The app's id
        #[arg(long, value_name = "ID")]
        app: String,
        /// Only if this version is in force; 0 is the default
        #[arg(long, value_name = "VERSION")]
        expect: Option<u32>,
        /// Who sets it, for the record [default: the user of this terminal]
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
        #[command(flatten)]
        input: Input,
        #[command(flatten)]
        target: Target,
    },
    /// Tell what is wrong with a policy, without a server
    Check {
        #[command(flatten)]
        input: Input,
    },
    /// List each version, newest first, with what it changed
    History {
        /// The app's id
        #[arg(long, value_name = "ID")]
        app: String,
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

/// Carries out `mayday policy ..`.
pub(crate) fn run(args: PolicyArgs) -> Outcome {
    match args.action {
        Action::Show {
            app,
            document,
            target,
        } => {
            let view = ask(&target, PolicyRequest::Show { app_id: app })?;
            if document {
                let text = serde_json::to_string_pretty(&view.policy);
                return print_line(&text.map_err(std::io::Error::from)?);
            }
            print(&target, &view)
        }
        Action::Set {
            app,
            expect,
            by,
            input,
            target,
        } => {
            let request = PolicyRequest::Set {
                app_id: app,
                policy: read(&input)?,
                expected: expect,
                by: by.unwrap_or_else(this_user),
                from: this_place(),
            };
            print(&target, &ask(&target, request)?)
        }
        Action::Check { input } => check(&input),
        Action::History {
            app,
            limit,
            cursor,
            target,
        } => history(&target, app, PageRequest { limit, cursor }),
    }
}

fn read(input: &Input) -> Result<Value, Failure> {
    let text = input.text(MAX_FILE_BYTES)?;
    serde_json::from_str(&text)
        .map_err(|error| Failure::new(format!("{} holds no JSON: {error}", input.place())))
}

fn check(input: &Input) -> Outcome {
    let Err(faults) = Policy::parse(&read(input)?) else {
        return print_line("the policy is valid");
    };
    let lines: Vec<_> = faults
        .iter()
        .map(|fault| format!("\n  {}: {}", fault.pointer, fault.message))
        .collect();
    Err(Failure::new(format!(
        "{} holds a policy that is not valid:{}",
        input.place(),
        lines.concat()
    )))
}

fn ask(target: &Target, request: PolicyRequest) -> Result<PolicyView, Failure> {
    match target.ask(&AdminRequest::Policy(request))? {
        AdminReply::Policy(view) => Ok(view),
        reply => Err(unexpected(&reply)),
    }
}

fn print(target: &Target, view: &PolicyView) -> Outcome {
    target.output().value(view, |out| {
        let version = match view.version {
            0 => "0, the default".to_owned(),
            version => version.to_string(),
        };
        let set = [
            ("by", view.set_by.clone()),
            ("from", view.set_from.clone()),
            ("set", view.set_at.map(|at| at.to_string())),
        ];
        let mut pairs = vec![
            ("app", Cell::painted(Paint::Strong, view.app_id.as_str())),
            ("version", Cell::from(version)),
        ];
        let set = set.into_iter();
        pairs.extend(set.filter_map(|(name, value)| Some((name, Cell::from(value?)))));
        let settings = view.policy.as_object().into_iter().flatten();
        // The document's own version says nothing beside the policy's.
        let settings = settings.filter(|(name, _)| *name != "version");
        pairs.extend(settings.map(|(name, value)| (name.as_str(), Cell::from(plain(value)))));
        out.pairs(&pairs)
    })
}

fn history(target: &Target, app_id: String, page: PageRequest) -> Outcome {
    let request = AdminRequest::Policy(PolicyRequest::History { app_id, page });
    let page: Page<PolicyHistoryItem> = match target.ask(&request)? {
        AdminReply::PolicyHistory(page) => page,
        reply => return Err(unexpected(&reply)),
    };
    target.output().value(&page, |out| {
        if page.items.is_empty() {
            return out.hint("the default is in force: mayday policy set --app ID --file FILE");
        }
        let told = |text: &Option<String>| Cell::from(text.clone().unwrap_or_default());
        let rows: Vec<_> = page
            .items
            .iter()
            .map(|item| {
                let changes = item.changes.iter();
                let changes: Vec<_> = changes
                    .map(|change| {
                        let (before, after) = (plain(&change.before), plain(&change.after));
                        format!("{} {before} -> {after}", change.setting)
                    })
                    .collect();
                let at = item.view.set_at.map(|at| at.to_string());
                vec![
                    Cell::from(item.view.version.to_string()),
                    told(&at),
                    told(&item.view.set_by),
                    told(&item.view.set_from),
                    Cell::from(changes.join("; ")),
                ]
            })
            .collect();
        out.table(&["version", "set", "by", "from", "changes"], &rows)?;
        match &page.next_cursor {
            Some(cursor) => out.hint(&format!("\nmore: --cursor {cursor}")),
            None => Ok(()),
        }
    })
}

/// A value as a person reads it.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Object(members) if members.is_empty() => "none".to_owned(),
        other => other.to_string(),
    }
}

/// Who works at this terminal, as far as it tells.
fn this_user() -> String {
    let named = ["SUDO_USER", "USER", "LOGNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|user| !user.is_empty()));
    named.unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()))
}

/// Where this command runs.
fn this_place() -> String {
    let host = rustix::system::uname();
    let host = host.nodename().to_string_lossy();
    let user = rustix::process::getuid().as_raw();
    format!("command line on {host}, uid {user}")
}
