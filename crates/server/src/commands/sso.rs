//! `mayday sso`: how an app's users log in with the app's own tokens. Our key to
//! the app's server goes in and never comes out.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};
use mayday_app::admin::{AdminReply, AdminRequest, PrintedSecret, SsoChange, SsoRequest, SsoView};
use mayday_core::sso::RequestForm;

use super::sso_key::{self, KeyAction};
use crate::failure::{Failure, Outcome};
use crate::input;
use crate::output::{Cell, Paint};
use crate::target::{Target, unexpected};

/// The largest file that is taken for a key, in bytes.
const MAX_KEY_BYTES: u64 = 1_024;

/// `mayday sso`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mayday sso set --app shop --audience safety-app \\
      --token-info-url https://shop.example/tokeninfo
  mayday sso set --app shop --sessions 2
  mayday sso set --app shop --key-header x-api-key --key-file shop.key
  mayday sso show --app shop")]
pub(crate) struct SsoArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Set what is given; a smaller number of sessions ends the surplus
    Set(Box<SetArgs>),
    /// Show what is set, without the key
    Show(OneApp),
    /// Users log in so no more, and all their sessions end
    Remove(OneApp),
    /// Keys with which the app's backend ends its users' sessions
    Key {
        #[command(subcommand)]
        action: KeyAction,
    },
}

#[derive(Debug, Args)]
struct OneApp {
    /// The app's id
    #[arg(long, value_name = "ID")]
    app: String,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
struct SetArgs {
    /// The app's id
    #[arg(long, value_name = "ID")]
    app: String,
    /// The constant in `aud` of the app's tokens
    #[arg(long, value_name = "TEXT")]
    audience: Option<String>,
    /// Where the app's tokens are asked about
    #[arg(long, value_name = "URL")]
    token_info_url: Option<String>,
    /// How: query, bearer, form or json [default: form]
    #[arg(long, value_name = "FORM", value_parser = form)]
    request: Option<RequestForm>,
    /// The parameter that carries the token [default: token]
    #[arg(long, value_name = "NAME")]
    parameter: Option<String>,
    /// The header that our key goes in [default: authorization]
    #[arg(long, value_name = "NAME", requires = "key_file")]
    key_header: Option<String>,
    /// Read our key from this file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    key_file: Option<PathBuf>,
    /// Show no key any more
    #[arg(long, conflicts_with = "key_file")]
    no_key: bool,
    /// Whether private addresses and plain HTTP are allowed
    #[arg(long, value_name = "BOOL")]
    local: Option<bool>,
    /// By how much the app's clock may differ [default: 60]
    #[arg(long, value_name = "SECONDS")]
    skew: Option<u32>,
    /// How long a token of the app may live [default: 3600]
    #[arg(long, value_name = "SECONDS")]
    max_token_life: Option<u32>,
    /// How many sessions a user has at once [default: 1]
    #[arg(long, value_name = "COUNT")]
    sessions: Option<u32>,
    /// How long an access token lives [default: 900]
    #[arg(long, value_name = "SECONDS")]
    access: Option<u32>,
    /// How long a session may be idle [default: 2592000]
    #[arg(long, value_name = "SECONDS")]
    idle: Option<u32>,
    /// How long a session lives [default: 7776000]
    #[arg(long, value_name = "SECONDS")]
    absolute: Option<u32>,
    #[command(flatten)]
    target: Target,
}

fn form(word: &str) -> Result<RequestForm, String> {
    RequestForm::parse(word).ok_or_else(|| "one of query, bearer, form and json".to_owned())
}

/// Carries out `mayday sso ..`.
pub(crate) fn run(args: SsoArgs) -> Outcome {
    match args.action {
        Action::Key { action } => sso_key::run(action),
        Action::Set(args) => set(*args),
        Action::Show(OneApp { app, target }) => {
            let request = SsoRequest::Show { app_id: app };
            let view = asked(&target, request)?;
            show(&target, &view)
        }
        Action::Remove(OneApp { app, target }) => {
            let request = AdminRequest::Sso(SsoRequest::Remove { app_id: app });
            match target.ask(&request)? {
                AdminReply::Removed => target.output().hint("removed; all its sessions ended"),
                reply => Err(unexpected(&reply)),
            }
        }
    }
}

fn set(args: SetArgs) -> Outcome {
    let key = if args.no_key {
        Some(PrintedSecret(String::new()))
    } else {
        let read = args.key_file.as_deref();
        let read = read
            .map(|path| input::file(path, MAX_KEY_BYTES))
            .transpose()?;
        read.map(|text| PrintedSecret(text.trim_end_matches(['\r', '\n']).to_owned()))
    };
    if args.key_file.is_some() && key.as_ref().is_some_and(|key| key.0.is_empty()) {
        return Err(Failure::new("the key file is empty"));
    }
    let change = SsoChange {
        audience: args.audience,
        token_info_url: args.token_info_url,
        form: args.request,
        parameter: args.parameter,
        key_header: args.key_header,
        key,
        local: args.local,
        skew_seconds: args.skew,
        max_lifetime_seconds: args.max_token_life,
        sessions: args.sessions,
        access_seconds: args.access,
        idle_seconds: args.idle,
        absolute_seconds: args.absolute,
    };
    let request = SsoRequest::Set {
        app_id: args.app,
        change: Box::new(change),
    };
    let view = asked(&args.target, request)?;
    show(&args.target, &view)
}

fn asked(target: &Target, request: SsoRequest) -> Result<SsoView, Failure> {
    match target.ask(&AdminRequest::Sso(request))? {
        AdminReply::Sso(view) => Ok(view),
        reply => Err(unexpected(&reply)),
    }
}

fn show(target: &Target, view: &SsoView) -> Outcome {
    let seconds = |seconds: u64| Cell::from(format!("{seconds} s"));
    target.output().value(view, |out| {
        out.pairs(&[
            ("app", Cell::painted(Paint::Strong, view.app_id.as_str())),
            ("audience", Cell::from(view.audience.as_str())),
            ("token info URL", Cell::from(view.token_info_url.as_str())),
            ("asked with", Cell::from(view.form.as_str())),
            ("parameter", Cell::from(view.parameter.as_str())),
            (
                "our key in",
                Cell::from(view.key_header.as_deref().unwrap_or("no header")),
            ),
            ("local", Cell::from(if view.local { "yes" } else { "no" })),
            ("clock may differ", seconds(view.skew_seconds)),
            ("a token lives", seconds(view.max_lifetime_seconds)),
            ("sessions per user", Cell::from(view.sessions.to_string())),
            ("access token", seconds(view.access_seconds)),
            ("idle time-out", seconds(view.idle_seconds)),
            ("a session lives", seconds(view.absolute_seconds)),
        ])
    })
}
