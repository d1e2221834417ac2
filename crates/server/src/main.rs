//! The binary `mayday`: the command line, the settings and the server's life.
//!
//! `main` parses the command line and hands over to `commands/<verb>.rs`.
//! `serve` reads `config/`, opens the node (`node.rs`: data directory, store,
//! app) and runs the listeners until a signal (`lifecycle.rs`). The other
//! commands ask a running server through `admin_socket/`, or open the store
//! themselves when none runs. Nothing below this crate reads settings, the
//! environment or the real clock.

mod admin_socket;
mod bench;
mod checkup;
mod cli;
mod clock;
mod commands;
mod config;
mod demo;
mod entropy;
mod failure;
mod input;
mod lifecycle;
mod limits;
mod listeners;
mod node;
mod output;
mod partner;
mod progress;
mod senders;
mod serving;
mod target;
mod telemetry;
mod tls;

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use rustix::fs::Mode;
use rustix::process::umask;

use crate::cli::{Cli, Command};
use crate::failure::{Failure, Outcome};

fn main() -> ExitCode {
    match run(Cli::given()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !failure.is_silent() {
                tell(&failure);
            }
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Outcome {
    // What is made here holds positions and phone numbers, and SQLite makes its
    // files as open as it is let.
    umask(Mode::RWXG | Mode::RWXO);
    match cli.command {
        Command::Serve(args) => commands::serve::run(args),
        Command::Demo(args) => commands::demo::run(args),
        Command::App(args) => commands::app::run(args),
        Command::User(args) => commands::user::run(args),
        Command::Device(args) => commands::device::run(args),
        Command::AdminKey(args) => commands::admin_key::run(args),
        Command::BrokerKey(args) => commands::broker_key::run(args),
        Command::DeviceConfig(args) => commands::device_config::run(args),
        Command::Firmware(args) => commands::firmware::run(args),
        Command::NetworkKey(args) => commands::network_key::run(args),
        Command::Webhook(args) => commands::webhook::run(args),
        Command::Slack(args) => commands::slack::run(args),
        Command::Policy(args) => commands::policy::run(args),
        Command::Mail(args) => commands::mail::run(args),
        Command::Provider(args) => commands::provider::run(args),
        Command::Sso(args) => commands::sso::run(args),
        Command::Session(args) => commands::session::run(args),
        Command::Ban(args) => commands::ban::run(args),
        Command::Sign(args) => commands::sign::run(&args),
        Command::Partner(args) => commands::partner::run(args),
        Command::Incident(args) => commands::incident::run(args),
        Command::Inspect(args) => commands::inspect::run(args),
        Command::Backup(args) => commands::backup::run(&args),
        Command::Restore(args) => commands::restore::run(&args),
        Command::Check(args) => commands::check::run(args),
        Command::Doctor(args) => commands::doctor::run(&args),
        Command::Key(args) => commands::key::run(args),
        Command::Config(args) => commands::config::run(args),
        Command::Bench(args) => commands::bench::run(args),
        Command::Asyncapi => commands::asyncapi::run(),
        Command::Openapi(args) => commands::openapi::run(&args),
        Command::Completions(args) => commands::completions::run(&args),
    }
}

/// Tells a failure on standard error.
fn tell(failure: &Failure) {
    let mut to = std::io::stderr().lock();
    let word = if to.is_terminal() && output::colour_wanted() {
        "\x1b[1;31merror:\x1b[0m"
    } else {
        "error:"
    };
    // Nobody is left to tell when this fails.
    let _ = writeln!(to, "{word} {failure}");
}
