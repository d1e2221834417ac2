//! Settings: one TOML file, the environment and flags over embedded defaults.
//!
//! The defaults ([`DEFAULTS`]) are at once the list of all settings and their
//! documentation. Later layers win: defaults, `--config FILE`, environment
//! (`MAYDAY_<SECTION>__<KEY>`), flags. Things that the user
//! names (`named.rs`) have a name between section and key. The whole is validated before anything
//! starts, and every problem is reported at once with where it stands and what
//! to do.

mod admin;
mod http;
mod identity;
mod layers;
mod lifecycle;
mod log;
mod mqtt;
mod named;
mod outbound;
mod problem;
mod provider;
mod reader;
mod secret;
mod sending;
mod show;
mod smtp;
mod store;
mod telemetry;
mod tls;

use std::path::PathBuf;

pub(crate) use admin::AdminConfig;
pub(crate) use http::HttpConfig;
pub(crate) use identity::IdentityConfig;
pub(crate) use layers::{Layers, Override};
pub(crate) use lifecycle::LifecycleConfig;
pub(crate) use log::{LogConfig, LogFormat};
pub(crate) use mqtt::MqttConfig;
pub(crate) use outbound::OutboundConfig;
pub(crate) use problem::{InvalidConfig, Problem};
pub(crate) use provider::{ProviderConfig, ProviderKind};
pub(crate) use reader::OFF;
pub(crate) use secret::Secret;
pub(crate) use sending::SendingConfig;
pub(crate) use show::{example, settings};
pub(crate) use smtp::SmtpConfig;
pub(crate) use store::{StoreSettings, redact_url};
pub(crate) use telemetry::TelemetryConfig;
pub(crate) use tls::{CertificateFiles, CertificateSource, TlsConfig};

/// Every setting with its default and its documentation.
pub(crate) const DEFAULTS: &str = include_str!("config.default.toml");

/// Where settings come from besides the defaults.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    /// `--config FILE`.
    pub(crate) file: Option<PathBuf>,
    /// The process's environment.
    pub(crate) environment: Vec<(String, String)>,
    /// Flags, in the order in which they win.
    pub(crate) flags: Vec<Override>,
}

impl Sources {
    /// The process's environment, a file and flags.
    pub(crate) fn new(file: Option<PathBuf>, flags: Vec<Override>) -> Self {
        let environment = std::env::vars_os()
            .map(|(name, value)| {
                let name = name.to_string_lossy().into_owned();
                (name, value.to_string_lossy().into_owned())
            })
            .collect();
        Self {
            file,
            environment,
            flags,
        }
    }
}

/// All settings, checked.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// `[store]`
    pub(crate) store: StoreSettings,
    /// `[http]`
    pub(crate) http: HttpConfig,
    /// `[mqtt]`
    pub(crate) mqtt: MqttConfig,
    /// `[tls]`
    pub(crate) tls: TlsConfig,
    /// `[admin]`
    pub(crate) admin: AdminConfig,
    /// `[identity]`
    pub(crate) identity: IdentityConfig,
    /// `[telemetry]`
    pub(crate) telemetry: TelemetryConfig,
    /// `[provider.NAME]`, by name
    pub(crate) providers: Vec<ProviderConfig>,
    /// `[sending]`
    pub(crate) sending: SendingConfig,
    /// `[smtp]`
    pub(crate) smtp: Option<SmtpConfig>,
    /// `[outbound]`
    pub(crate) outbound: OutboundConfig,
    /// `[lifecycle]`
    pub(crate) lifecycle: LifecycleConfig,
    /// `[log]`
    pub(crate) log: LogConfig,
}

impl Config {
    /// Reads all layers and checks the whole.
    pub(crate) fn load(sources: &Sources) -> Result<Self, InvalidConfig> {
        Ok(Self::load_with_layers(sources)?.0)
    }

    /// Like [`Config::load`], with the layers, which know where each setting
    /// was made.
    pub(crate) fn load_with_layers(sources: &Sources) -> Result<(Self, Layers), InvalidConfig> {
        let (layers, mut problems) = Layers::read(sources);
        let mut reader = reader::Reader::new(&layers);
        let providers = ProviderConfig::read_all(&mut reader);
        let outbound = OutboundConfig::read(&mut reader);
        let config = Self {
            sending: SendingConfig::read(&mut reader, &providers),
            smtp: SmtpConfig::read(&mut reader, &outbound),
            providers,
            outbound,
            store: StoreSettings::read(&mut reader),
            http: HttpConfig::read(&mut reader),
            mqtt: MqttConfig::read(&mut reader),
            tls: TlsConfig::read(&mut reader),
            admin: AdminConfig::read(&mut reader),
            identity: IdentityConfig::read(&mut reader),
            telemetry: TelemetryConfig::read(&mut reader),
            lifecycle: LifecycleConfig::read(&mut reader),
            log: LogConfig::read(&mut reader),
        };
        if config.serves_nobody() {
            reader.refuse(
                "http.listen",
                "is off, and so is every other listener for phones: turn one on",
            );
        }
        if config.http.public_url.is_none() && config.writes_to_people() {
            reader.refuse(
                "http.public_url",
                "must be set for [provider.NAME] and [smtp]: links in messages begin with it",
            );
        }
        problems.extend(reader.into_problems());
        InvalidConfig::unless_empty(problems)?;
        Ok((config, layers))
    }

    fn writes_to_people(&self) -> bool {
        !self.providers.is_empty() || self.smtp.is_some()
    }

    fn serves_nobody(&self) -> bool {
        let listeners = [
            self.http.listen,
            self.mqtt.listen,
            self.tls.https,
            self.tls.mqtts,
        ];
        listeners.iter().all(Option::is_none)
    }
}

#[cfg(test)]
mod tests;
