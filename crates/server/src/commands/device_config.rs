//! `mayday device-config`: what an app tells the devices of a country.

use clap::{Args, Subcommand};
use mayday_app::admin::{AdminReply, AdminRequest, DeviceConfigRequest, DeviceConfigView};

use crate::failure::{Failure, Outcome};
use crate::input::Input;
use crate::output::{Cell, Paint};
use crate::target::{Target, unexpected};

/// The largest file that is read, in bytes: indented, it may be larger than what
/// the server stores.
const MAX_FILE_BYTES: u64 = 256 * 1_024;

/// `mayday device-config`
#[derive(Debug, Args)]
#[command(after_help = "\
An SDK asks with its country; one without an entry of its own is told the
default, which is set by leaving --country out.

Examples:
  mayday device-config set --app shop --file default.json
  mayday device-config set --app shop --country ES --stdin < es.json
  mayday device-config list --app shop")]
pub(crate) struct DeviceConfigArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Set what devices are told: a JSON object of at most 32 KiB
    Set {
        #[command(flatten)]
        entry: Entry,
        #[command(flatten)]
        input: Input,
        #[command(flatten)]
        target: Target,
    },
    /// List the countries that have an entry
    List {
        /// The app's id
        #[arg(long, value_name = "ID")]
        app: String,
        #[command(flatten)]
        target: Target,
    },
    /// Show what devices are told
    Show {
        #[command(flatten)]
        entry: Entry,
        #[command(flatten)]
        target: Target,
    },
    /// Remove an entry
    Remove {
        #[command(flatten)]
        entry: Entry,
        #[command(flatten)]
        target: Target,
    },
}

/// Which entry.
#[derive(Debug, Args)]
struct Entry {
    /// The app's id
    #[arg(long, value_name = "ID")]
    app: String,
    /// Two letters of ISO 3166-1, such as ES [default: the default entry]
    #[arg(long, value_name = "COUNTRY")]
    country: Option<String>,
}

/// Carries out `mayday device-config ..`.
pub(crate) fn run(args: DeviceConfigArgs) -> Outcome {
    match args.action {
        Action::Set {
            entry,
            input,
            target,
        } => {
            let text = input.text(MAX_FILE_BYTES)?;
            let config = serde_json::from_str(&text).map_err(|error| {
                Failure::new(format!("{} holds no JSON object: {error}", input.place()))
            })?;
            let request = DeviceConfigRequest::Set {
                app_id: entry.app,
                country: entry.country,
                config,
            };
            print(&target, &ask(&target, request)?)
        }
        Action::List { app, target } => list(&target, app),
        Action::Show { entry, target } => {
            let request = DeviceConfigRequest::Show {
                app_id: entry.app,
                country: entry.country,
            };
            print(&target, &ask(&target, request)?)
        }
        Action::Remove { entry, target } => {
            let request = DeviceConfigRequest::Remove {
                app_id: entry.app,
                country: entry.country,
            };
            match target.ask(&AdminRequest::DeviceConfig(request))? {
                AdminReply::Removed => target.output().hint("removed"),
                reply => Err(unexpected(&reply)),
            }
        }
    }
}

fn ask(target: &Target, request: DeviceConfigRequest) -> Result<DeviceConfigView, Failure> {
    match target.ask(&AdminRequest::DeviceConfig(request))? {
        AdminReply::DeviceConfig(view) => Ok(view),
        reply => Err(unexpected(&reply)),
    }
}

fn print(target: &Target, view: &DeviceConfigView) -> Outcome {
    target.output().value(view, |out| {
        let config = serde_json::to_string(&view.config).unwrap_or_default();
        out.pairs(&[
            ("app", Cell::from(view.app_id.as_str())),
            (
                "country",
                Cell::painted(Paint::Strong, view.country.as_str()),
            ),
            ("set", Cell::from(view.updated_at.to_string())),
            ("config", Cell::from(config)),
        ])
    })
}

fn list(target: &Target, app_id: String) -> Outcome {
    let request = AdminRequest::DeviceConfig(DeviceConfigRequest::List { app_id });
    let entries = match target.ask(&request)? {
        AdminReply::DeviceConfigs { entries } => entries,
        reply => return Err(unexpected(&reply)),
    };
    target.output().value(&entries, |out| {
        if entries.is_empty() {
            return out.hint("none yet: mayday device-config set --app ID --file FILE");
        }
        let rows: Vec<_> = entries
            .iter()
            .map(|entry| {
                vec![
                    Cell::from(entry.country.as_str()),
                    Cell::from(entry.characters.to_string()),
                    Cell::from(entry.updated_at.to_string()),
                ]
            })
            .collect();
        out.table(&["country", "characters", "set"], &rows)
    })
}
