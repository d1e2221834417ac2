//! The command line: names, flags and help. What each verb does stands in
//! `commands/<verb>.rs`.

use clap::builder::Styles;
use clap::builder::styling::{AnsiColor, Effects};
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::commands::{
    admin_key, app, backup, ban, bench, broker_key, check, completions, config, demo, device,
    device_config, doctor, firmware, incident, inspect, key, mail, network_key, openapi, partner,
    policy, provider, restore, serve, session, sign, slack, sso, user, webhook,
};

mod examples;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().effects(Effects::BOLD))
    .usage(AnsiColor::Green.on_default().effects(Effects::BOLD))
    .literal(AnsiColor::Cyan.on_default().effects(Effects::BOLD))
    .placeholder(AnsiColor::Cyan.on_default());

const EXAMPLES: &str = "\
Examples:
  mayday demo                                see an SOS go through, and try it
  mayday serve                               serve with data in ./mayday-data
  mayday app create --id shop                register an app, get its secret
  mayday sign --user ana --secret-file key   the hash your server gives the SDK
  mayday user block ana --app shop           refuse a user, within a second

`mayday COMMAND --help` says more about a command.";

/// The self-hosted backend for mobile safety SDKs: identity, SOS, telemetry,
/// devices and contacts over MQTT and HTTP.
#[derive(Debug, Parser)]
#[command(
    name = "mayday",
    version,
    styles = STYLES,
    after_help = EXAMPLES,
    arg_required_else_help = true,
    subcommand_required = true,
    max_term_width = 100
)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Cli {
    /// The definition of the command line, with examples everywhere.
    pub(crate) fn definition() -> clap::Command {
        examples::complete(Self::command())
    }

    /// What this process was called with; ends it where that is no command, or help.
    pub(crate) fn given() -> Self {
        let matches = Self::definition().get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve SDKs over HTTP and MQTT
    Serve(serve::ServeArgs),
    /// Start everything, watch one SOS go through, and try it yourself
    Demo(demo::DemoArgs),
    /// Register apps, rotate their secrets, set their policy
    App(app::AppArgs),
    /// List, show, block and unblock the users of an app
    User(user::UserArgs),
    /// List the devices of an app, decide whose a contested one is
    Device(device::DeviceArgs),
    /// Make keys for programs that call the admin API
    AdminKey(admin_key::AdminKeyArgs),
    /// Make keys for external MQTT brokers that ask about their clients
    BrokerKey(broker_key::BrokerKeyArgs),
    /// Set what an app tells the devices of a country
    DeviceConfig(device_config::DeviceConfigArgs),
    /// Add, publish and withdraw firmware of devices
    Firmware(firmware::FirmwareArgs),
    /// Set the key that the devices of a radio network share
    NetworkKey(network_key::NetworkKeyArgs),
    /// Notify a partner's backend, see what became of it, send it again
    Webhook(webhook::WebhookArgs),
    /// Tell people in Slack channels of each SOS
    Slack(slack::SlackArgs),
    /// Set how an app escalates an SOS: grace, order, channels, words
    Policy(policy::PolicyArgs),
    /// Set how an app's mails look, whom they come from, what they say
    Mail(mail::MailArgs),
    /// List, test and watch what messages, calls and mails go through
    Provider(provider::ProviderArgs),
    /// Set how users log in with an app's own tokens
    Sso(sso::SsoArgs),
    /// List and end the sessions of users who log in so
    Session(session::SessionArgs),
    /// List and lift bans of addresses that guess at log-ins
    Ban(ban::BanArgs),
    /// Print the hash that proves a user to the server
    Sign(sign::SignArgs),
    /// Run a reference partner server: log-in, tokens, signing, webhook
    Partner(partner::PartnerArgs),
    /// List, show, acknowledge and resolve the incidents of an app
    Incident(incident::IncidentArgs),
    /// Read what operators must look at: dead letters, unattributed SOS, alerts
    Inspect(inspect::InspectArgs),
    /// Copy the data directory while the server runs
    Backup(backup::BackupArgs),
    /// Make a new data directory of a backup
    Restore(restore::RestoreArgs),
    /// Look for what is wrong with the data or a backup
    Check(check::CheckArgs),
    /// Tell what is wrong with an app's endpoints, or with this server
    Doctor(doctor::DoctorArgs),
    /// Replace the master key, show its fingerprint
    Key(key::KeyArgs),
    /// Show and check settings
    Config(config::ConfigArgs),
    /// Put load on a running server and measure what it takes
    Bench(bench::BenchArgs),
    /// Print the AsyncAPI 3 description of the MQTT interface
    Asyncapi,
    /// Print the OpenAPI 3.1 description of the HTTP interface
    Openapi(openapi::OpenapiArgs),
    /// Print the completions of a shell
    Completions(completions::CompletionsArgs),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definitions_are_sound() {
        Cli::definition().debug_assert();
    }

    /// clap would break a longer line on a usual terminal, and a broken example
    /// cannot be copied.
    const TERMINAL_COLUMNS: usize = 80;

    #[test]
    fn examples_fit_a_terminal() {
        fn check(command: &clap::Command) {
            let text = command.get_after_help().map(ToString::to_string);
            for line in text.unwrap_or_default().lines() {
                let columns = line.chars().count();
                assert!(columns <= TERMINAL_COLUMNS, "{columns} columns: {line}");
            }
            command.get_subcommands().for_each(check);
        }
        check(&Cli::definition());
    }

    #[test]
    fn every_command_and_flag_has_help() {
        fn check(command: &clap::Command) {
            let name = command.get_name();
            assert!(command.get_about().is_some(), "{name} has no help");
            for arg in command.get_arguments() {
                assert!(
                    arg.get_help().is_some(),
                    "{name} {} has no help",
                    arg.get_id()
                );
            }
            command.get_subcommands().for_each(check);
        }
        check(&Cli::definition());
    }
}
