//! `mayday config`: shows and checks settings without starting anything.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::config::{Config, Sources, example, settings};
use crate::failure::Outcome;
use crate::output::{Cell, Output, Paint, print_document, print_line};

/// `mayday config`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mayday config example > mayday.toml          every setting, documented
  mayday config check --config mayday.toml     all mistakes at once
  mayday config show --config mayday.toml      what is in force, and why")]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print each setting in force with where it was made; secrets are masked
    Show {
        #[command(flatten)]
        file: FileArg,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Check the settings and say everything that is wrong
    Check {
        #[command(flatten)]
        file: FileArg,
    },
    /// Print an example file with every setting documented
    Example,
}

/// `--config`
#[derive(Debug, Args)]
pub(crate) struct FileArg {
    /// Read settings from this TOML file
    #[arg(
        long = "config",
        value_name = "FILE",
        env = "MAYDAY_CONFIG",
        hide_env_values = true
    )]
    pub(crate) config: Option<PathBuf>,
}

/// Shows or checks settings.
pub(crate) fn run(args: ConfigArgs) -> Outcome {
    match args.action {
        Action::Show { file, json } => show(file, json),
        Action::Check { file } => {
            Config::load(&Sources::new(file.config, Vec::new()))?;
            print_line("the settings are valid")
        }
        Action::Example => print_document(&example()),
    }
}

fn show(file: FileArg, json: bool) -> Outcome {
    let (_, layers) = Config::load_with_layers(&Sources::new(file.config, Vec::new()))?;
    let settings = settings(&layers);
    Output::new(json).value(&settings, |out| {
        let rows: Vec<_> = settings
            .iter()
            .map(|setting| {
                let made = setting.origin != "default";
                let paint = if made { Paint::Accent } else { Paint::Faint };
                vec![
                    Cell::from(setting.key.as_str()),
                    Cell::from(setting.value.as_str()),
                    Cell::painted(paint, setting.origin.as_str()),
                ]
            })
            .collect();
        out.table(&["setting", "value", "from"], &rows)
    })
}
